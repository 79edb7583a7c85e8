"""Incoming texts on their way from a phone to the receiver: what most scenarios measure by."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench import Broken, http1
from bench.client import Client
from bench.figures import milliseconds, percentile, ratio
from bench.load import Load
from bench.receiver import INCOMING
from bench.scenario import Bench
from bench.server import Ringback

WIDE = 64  # connections of a flood
PACED_WIDE = (
    16  # connections of a fixed rate: enough to hold a stall of the server's up, few enough to be phones'
)
_WARM_UP = 200  # statements are compiled, connections opened, code is in the caches


@dataclass(slots=True, kw_only=True)
class Passage:
    """``through``: from the start of each request to its event's arrival; ``answered``: to its answer. Milliseconds."""

    seconds: float
    events: int
    cpu: float
    written: int
    through: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def texts(key: str, count: int) -> list[bytes]:
    """Requests that each bring one text that was never brought before."""
    batch = time.time_ns()
    return [
        http1.request(
            "POST",
            "/phone/v1/incoming",
            key,
            b'{"address":"+4915112345678","body":"Your code is %06d","date":%d,"internal_id":%d,"id":"%d-%d"}'
            % (place % 1_000_000, batch // 1_000_000_000, place, batch, place),
        )
        for place in range(count)
    ]


async def warm_up(bench: Bench, server: Ringback) -> None:
    await flood(bench, server, min(_WARM_UP, max(1, bench.n // 4)))


async def flood(bench: Bench, server: Ringback, count: int) -> Passage:
    return await _pass(bench, server, count, None)


async def paced(bench: Bench, server: Ringback, count: int) -> Passage:
    return await _pass(bench, server, count, bench.rate)


async def _pass(bench: Bench, server: Ringback, count: int, rate: float | None) -> Passage:
    receiver = bench.stand.receiver
    receiver.clear()
    requests = texts(bench.stand.phone.key, count)
    with await Client.connect(server.port, PACED_WIDE if rate else WIDE) as client:
        load = Load(client, requests)
        measured = watch(server)
        if rate:
            await load.paced(rate)
        else:
            await load.flood()
        missing = await receiver.until((sms_id, INCOMING) for sms_id in load.ids)
        passage = measured(count)
    if missing:
        raise Broken(f"{len(missing)} events were acknowledged and did not arrive: {sorted(missing)[:3]} …")
    arrived = [receiver.first[sms_id, INCOMING][0] for sms_id in load.ids]
    passage.through = milliseconds([came - began for came, began in zip(arrived, load.started, strict=True)])
    passage.answered = milliseconds(
        [answer - began for answer, began in zip(load.answered, load.started, strict=True)]
    )
    passage.seconds = (max(arrived) - load.started[0]) / 1e9
    return passage


def watch(server: Ringback) -> Callable[[int], Passage]:
    """Called with the number of events at the end, it tells what the server spent on them."""
    cpu, written, began = server.cpu(), server.written(), time.monotonic()

    def measured(events: int) -> Passage:
        seconds = time.monotonic() - began
        return Passage(
            seconds=seconds, events=events, cpu=server.cpu() - cpu, written=server.written() - written
        )

    return measured


def note_cost(bench: Bench, of: str, passage: Passage) -> None:
    bench.book.note(f"{of}: server CPU an event", passage.cpu / passage.events * 1e6, "µs")
    bench.book.note(f"{of}: written an event", passage.written / passage.events, "bytes")


def note_ratio(bench: Bench, of: str, beside: Sequence[float], alone: Sequence[float]) -> None:
    """Latencies beside trouble against those alone, of the same run."""
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        value = ratio(percentile(beside, share), percentile(alone, share))
        bench.book.note(f"{of}: {name}, against alone", value, "×")
