"""Outgoing messages: submitted singly, taken in packs, reported as taken, sent and delivered; a webhook for delivered only.

The flood reports in packs. At the fixed rate each delivery is a request of its own, and its latency is what counts: from the
start of that request to the receiver.
"""

import asyncio

from bench import Broken, http1, texts
from bench.client import Client
from bench.figures import milliseconds
from bench.load import Load
from bench.phone import Handset
from bench.scenario import Bench, Scenario
from bench.server import Ringback

DELIVERED = 7
_WARM_UP = 100


async def run(bench: Bench) -> None:
    stand = bench.stand
    for _ in bench.rounds():
        data = stand.copy()
        async with stand.serving(data) as server:
            bench.step("warming up")
            await _pass(bench, server, min(_WARM_UP, max(1, bench.n // 4)), None)
            bench.step(f"{bench.rate:g} a second")
            _, through = await _pass(bench, server, bench.n, bench.rate)
            bench.book.note_latency("report 7 → receiver", through)
            bench.step(f"{texts.WIDE} at a time")
            flood, _ = await _pass(bench, server, bench.n, None)
            bench.book.note("flood: submit to receiver", flood.rate, "/s")
            bench.book.note("flood: duplicates", stand.receiver.duplicates, "")
            texts.note_cost(bench, "flood", flood)
        stand.discard(data)


async def _pass(
    bench: Bench, server: Ringback, count: int, rate: float | None
) -> tuple[texts.Passage, list[float]]:
    stand = bench.stand
    stand.receiver.clear()
    requests = messages(stand.token, stand.phone.device_id, count)
    handset = await Handset.switch_on(server.port, stand.phone, singly=rate is not None)
    with await Client.connect(server.port, texts.PACED_WIDE if rate else texts.WIDE) as client:
        load = Load(client, requests)
        measured = texts.watch(server)
        await asyncio.gather(load.paced(rate) if rate else load.flood(), handset.work(count))
        missing = await stand.receiver.until((sms_id, DELIVERED) for sms_id in load.ids)
        passage = measured(count)
    handset.switch_off()
    if missing:
        raise Broken(f"{len(missing)} deliveries were reported and did not arrive: {sorted(missing)[:3]} …")
    arrived = {sms_id: stand.receiver.first[sms_id, DELIVERED][0] for sms_id in load.ids}
    spans = [came - handset.reported[sms_id] for sms_id, came in arrived.items()]
    passage.seconds = (max(arrived.values()) - load.started[0]) / 1e9
    return passage, milliseconds(spans)


def messages(token: str, device_id: int, count: int) -> list[bytes]:
    return [
        http1.request(
            "POST",
            "/v1/messages",
            token,
            b'{"to":"+4915112345678","body":"Your code is %06d","device_id":%d}' % (place, device_id),
        )
        for place in range(count)
    ]


SCENARIO = Scenario(
    name="outgoing", about="outgoing messages with a webhook when delivered", n=5_000, run=run
)
