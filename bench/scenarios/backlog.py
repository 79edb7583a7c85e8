"""A long backlog of a dead endpoint: is the server there as soon, as small, and as quick for the others?

Each run plays two servers one after the other: with an empty database, and with the backlog.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bench import rows, texts
from bench.figures import ratio
from bench.receiver import Receiver
from bench.scenario import Bench, Scenario
from bench.scenarios.start import SETTLED

MEASURED = 5_000  # at most so many healthy events a measurement
EMPTY = "empty database"
FULL = "with the backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    ready: float
    at_rest: float
    after: float
    through: list[float]


async def run(bench: Bench) -> None:
    refusing = Receiver()
    book, stand = bench.book, bench.stand
    try:
        empty, full = stand.copy(), stand.copy()
        bench.step(f"writing {bench.n:,} events")
        await asyncio.to_thread(rows.add_backlog, stand.database(full), [f"{refusing.url}/dead"], bench.n)
        book.note("database with the backlog", stand.database(full).stat().st_size / 2**20, "MB")
        for _ in bench.rounds():
            seen = {}
            for name, data in ((EMPTY, empty), (FULL, full)):
                bench.step(name)
                one = seen[name] = await _look(bench, data)
                book.note(f"{name}: ready", one.ready, "s")
                book.note(f"{name}: memory at rest", one.at_rest, "MB")
                book.note(f"{name}: memory after", one.after, "MB")
                book.note_latency(f"{name}: request → receiver", one.through)
            before, beside = seen[EMPTY], seen[FULL]
            book.note("ready, against an empty one", ratio(beside.ready, before.ready), "×")
            book.note("memory beyond an empty one's", beside.after - before.after, "MB")
            texts.note_ratio(bench, FULL, beside.through, before.through)
        stand.discard(full)
    finally:
        refusing.close()


async def _look(bench: Bench, data: Path) -> _Seen:
    rows.rearm(bench.stand.database(data))
    async with bench.stand.serving(data) as server:
        await asyncio.sleep(SETTLED)
        at_rest = server.resident()
        await texts.warm_up(bench, server)
        passage = await texts.paced(bench, server, min(bench.n, MEASURED))
        return _Seen(ready=server.ready, at_rest=at_rest, after=server.resident(), through=passage.through)


SCENARIO = Scenario(name="backlog", about="a dead endpoint's undelivered events", n=1_000_000, run=run)
