"""An endpoint that is down while events pile up, and comes back: how soon is it found, how fast is it served, in order?

The events are the four statuses of outgoing messages, so that there is an order to keep.
"""

import asyncio
import time
from itertools import product

from bench import Broken, rows, texts
from bench.client import Client
from bench.load import Load
from bench.phone import Handset
from bench.scenario import Bench, Scenario
from bench.scenarios.outgoing import messages
from bench.server import Ringback
from ringback.domain.retry import JITTER, PROBE_DELAYS

STATUSES = (3, 2, 6, 7)


async def run(bench: Bench) -> None:
    stand = bench.stand
    for _ in bench.rounds():
        data = stand.copy()
        async with stand.serving(data) as server:
            await _outage(bench, server)
        stand.discard(data)


async def _outage(bench: Bench, server: Ringback) -> None:
    stand, book = bench.stand, bench.book
    count = max(1, bench.n // len(STATUSES))
    expected = count * len(STATUSES)
    bench.step("down, and events pile up")
    ids = await _pile_up(bench, server, count)
    failures = rows.failed_probes(stand.database(server.data), stand.patient.device_id)
    bench.step("up again")
    receiver = stand.down
    up = time.monotonic_ns()
    await receiver.open()
    try:
        lost = len(await receiver.until(product(ids, STATUSES)))
        arrivals = receiver.first
        moments = [at for at, _ in arrivals.values()] or [up]
        book.note("failed tries while it was down", failures, "")
        book.note("up → first event", (moments[0] - up) / 1e9, "s")
        book.note("probe interval then in force, at most", _interval(failures), "s")
        book.note("drained at", len(arrivals) / max((moments[-1] - moments[0]) / 1e9, 1e-9), "events/s")
        book.note("lost", lost, f"of {expected:,}")
        book.note("out of order", receiver.order_violations(), "")
        book.note("duplicates", receiver.duplicates, "")
        if lost or receiver.order_violations():
            raise Broken(f"{lost} events lost, {receiver.order_violations()} out of order")
    finally:
        receiver.down()


async def _pile_up(bench: Bench, server: Ringback, count: int) -> list[int]:
    stand = bench.stand
    requests = messages(stand.token, stand.patient.device_id, count)
    handset = await Handset.switch_on(server.port, stand.patient)
    with await Client.connect(server.port, texts.WIDE) as client:
        load = Load(client, requests)
        await asyncio.gather(load.flood(), handset.work(count))
    handset.switch_off()
    return load.ids


def _interval(failures: int) -> float:
    """Seconds, with the largest jitter."""
    if not failures:
        raise Broken("the endpoint was down and nobody noticed")
    return PROBE_DELAYS[min(failures, len(PROBE_DELAYS)) - 1] * (1 + JITTER) / 1000


SCENARIO = Scenario(name="outage", about="an endpoint that comes back", n=20_000, run=run)
