"""A healthy endpoint beside sick ones: what of their sickness does it feel?

Each run plays four servers one after the other: alone, then beside each kind of trouble. Trouble is measured from a second
after the start on, which is its worst time: requests hang until their timeout, a thousand endpoints are found out at once.
"""

import asyncio
from pathlib import Path

from bench import Broken, rows, texts
from bench.figures import percentile
from bench.receiver import Manner, Receiver
from bench.scenario import Bench, Scenario

MEASURED = 5_000  # at most so many healthy events a measurement
DEAD = 1_000
ALONE = "alone"
HANGING = "beside a hanging one"
DRIPPING = "beside a dripping one"
DEAD_ONES = "beside dead ones"
_UNDER_WAY = 1.0


async def run(bench: Bench) -> None:
    hanging = await Receiver(Manner.HANG).open()
    dripping = await Receiver(Manner.DRIP).open()
    refusing = Receiver()
    dead = min(DEAD, bench.n)
    try:
        bench.step("writing the backlogs")
        folders = {
            ALONE: await _folder(bench, []),
            HANGING: await _folder(bench, [hanging.url]),
            DRIPPING: await _folder(bench, [dripping.url]),
            DEAD_ONES: await _folder(bench, [f"{refusing.url}/{place}" for place in range(dead)]),
        }
        for _ in bench.rounds():
            alone: list[float] = []
            for name, data in folders.items():
                bench.step(name)
                latencies = await _healthy(bench, data)
                alone = alone or latencies
                bench.book.note(f"{name}: p50", percentile(latencies, 0.5), "ms")
                bench.book.note(f"{name}: p99", percentile(latencies, 0.99), "ms")
                if name != ALONE:
                    texts.note_ratio(bench, name, latencies, alone)
            _check(HANGING, hanging.asked)
            _check(DRIPPING, dripping.asked)
            hanging.clear()
            dripping.clear()
            found = rows.failing_endpoints(bench.stand.database(folders[DEAD_ONES]))
            bench.book.note("dead endpoints that were found out", found, f"of {dead:,}")
            _check(DEAD_ONES, found)
    finally:
        for receiver in (hanging, dripping, refusing):
            receiver.close()


def _check(name: str, asked: int) -> None:
    """A comparison with trouble that was not there would be a lie."""
    if not asked:
        raise Broken(f"{name}: it was never asked")


async def _folder(bench: Bench, urls: list[str]) -> Path:
    data = bench.stand.copy()
    if urls:
        await asyncio.to_thread(rows.add_backlog, bench.stand.database(data), urls, bench.n)
    return data


async def _healthy(bench: Bench, data: Path) -> list[float]:
    rows.rearm(bench.stand.database(data))
    async with bench.stand.serving(data, kill=True) as server:
        await texts.warm_up(bench, server)
        await asyncio.sleep(_UNDER_WAY)
        passage = await texts.paced(bench, server, min(bench.n, MEASURED))
    return passage.through


SCENARIO = Scenario(
    name="isolation", about="a healthy endpoint beside sick ones with a queue", n=10_000, run=run
)
