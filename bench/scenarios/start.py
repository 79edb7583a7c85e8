"""How soon a server is there, and how much memory it takes."""

import asyncio

from bench import texts
from bench.scenario import Bench, Scenario
from bench.server import Ringback

SETTLED = 1.0  # seconds after which a server that nobody calls is at rest


async def run(bench: Bench) -> None:
    book = bench.book
    known = bench.stand.copy()
    for _ in bench.rounds():
        bench.step("a fresh folder")
        async with bench.stand.serving(bench.stand.empty()) as server:
            book.note("ready on a fresh folder", server.ready, "s")
        bench.step("a folder that is there")
        async with bench.stand.serving(known) as server:
            book.note("ready on an existing folder", server.ready, "s")
            await _note_memory(bench, server)


async def _note_memory(bench: Bench, server: Ringback) -> None:
    await asyncio.sleep(SETTLED)
    bench.book.note("memory at rest", server.resident(), "MB")
    await texts.flood(bench, server, bench.n)
    bench.book.note(f"memory after {bench.n:,} messages", server.resident(), "MB")


SCENARIO = Scenario(name="start", about="from exec to the first 200 on /health", n=1_000, run=run)
