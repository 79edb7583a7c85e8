"""One phone against a fake server on a real socket."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.phonesim.dice import dice
from tests.phonesim.fake_server import KEY, FakeServer

from phonesim.behaviour import Behaviour, Outcome, Rule
from phonesim.ledger import Ledger
from phonesim.phone import Phone

pytestmark = pytest.mark.anyio


class Ear:
    """Hears what a phone tells; ``until`` waits for an event."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Event()

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        self.heard.append((event, dict(fields)))
        self._news.set()

    def count(self, event: str) -> int:
        return sum(1 for heard, _ in self.heard if heard == event)

    async def until(self, event: str, times: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while self.count(event) < times:
                self._news.clear()
                await self._news.wait()
        return [fields for heard, fields in self.heard if heard == event][times - 1]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param(Behaviour(), [2, 6, 7], id="delivered"),
        pytest.param(Behaviour(outcome=Outcome.SENT), [2, 6], id="sent"),
        pytest.param(Behaviour(outcome=Outcome.UNDELIVERED), [2, 6, 8], id="undelivered"),
        pytest.param(Behaviour(outcome=Outcome.NOTALLOWED), [2, 100], id="not-allowed"),
        pytest.param(Behaviour(outcome=Outcome.SILENT), [2], id="silent"),
        pytest.param(Behaviour(status=101), [2, 101], id="any-status"),
        pytest.param(Behaviour(repeat=2, status=10), [2, 2, 2, 10, 10, 10], id="repeated"),
        pytest.param(Behaviour(send_time=0.02, delivery_time=0.02), [2, 6, 7], id="with-times"),
        pytest.param(Behaviour(rules=[Rule(match="hel*", status=11)]), [2, 11], id="by-rule"),
    ],
)
async def test_reports(server: FakeServer, behaviour: Behaviour, expected: list[int]) -> None:
    (sms_id,) = server.send("hello")
    ear = Ear()
    async with Phone(server.url, KEY, behaviour=behaviour, tell=ear) as phone:
        await ear.until("dealt")
        assert (phone.taken, phone.dealt) == (1, 1)
    assert server.told(sms_id) == expected


async def test_times_lie_between_the_reports(server: FakeServer) -> None:
    server.send("hello")
    ear = Ear()
    async with Phone(server.url, KEY, behaviour=Behaviour(send_time=0.1, delivery_time=0.2), tell=ear):
        await ear.until("dealt")
    taken, sent, delivered = server.times
    assert sent - taken >= 0.09
    assert delivered - sent >= 0.19


async def test_shuffled_reports_are_all_told(server: FakeServer) -> None:
    ids = server.send(*["x"] * 10)
    ear = Ear()
    behaviour = Behaviour(shuffle=True, repeat=1)
    async with Phone(server.url, KEY, behaviour=behaviour, chance=dice(1), tell=ear):
        await ear.until("dealt", 10)
    assert all(sorted(server.told(sms_id)) == [2, 2, 6, 6, 7, 7] for sms_id in ids)
    assert any(server.told(sms_id) != [2, 2, 6, 6, 7, 7] for sms_id in ids)


async def test_long_poll_brings_what_comes_later(server: FakeServer) -> None:
    ear = Ear()
    async with Phone(server.url, KEY, tell=ear):
        started = await ear.until("started")
        server.send("later")
        await ear.until("dealt")
    assert started["title"] == "Shop phone"
    assert server.polls <= 3


async def test_more_than_one_poll_holds(server: FakeServer) -> None:
    ids = server.send(*[str(number) for number in range(25)])
    ear = Ear()
    async with Phone(server.url, KEY, limit=10, tell=ear):
        await ear.until("dealt", 25)
    assert all(server.told(sms_id) == [2, 6, 7] for sms_id in ids)


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        pytest.param({"fail": [503, 500]}, [2, 6, 7], id="server-errors"),
        pytest.param({"fail": [429]}, [2, 6, 7], id="not-now"),
        pytest.param({"lose": 1}, [2, 6, 7, 2, 6, 7], id="answer-lost"),
        pytest.param({"short_answers": 1}, [2, 6, 7, 2, 6, 7], id="answer-incomplete"),
    ],
)
async def test_reports_are_repeated_until_kept(
    server: FakeServer, knobs: dict[str, Any], told: list[int]
) -> None:
    for name, value in knobs.items():
        setattr(server, name, value)
    (sms_id,) = server.send("hello")
    ear = Ear()
    async with Phone(server.url, KEY, max_pause=0.1, tell=ear):
        await ear.until("dealt")
        assert (ear.count("unreachable"), ear.count("back")) == (1, 1)
    assert server.told(sms_id) == told


@pytest.mark.parametrize(
    "knobs",
    [pytest.param({"fail": [503]}, id="server-error"), pytest.param({"lose": 2}, id="answers-lost")],
)
async def test_incoming_is_repeated_with_one_id(server: FakeServer, knobs: dict[str, Any]) -> None:
    for name, value in knobs.items():
        setattr(server, name, value)
    ear = Ear()
    async with Phone(server.url, KEY, max_pause=0.1, tell=ear) as phone:
        id_ = phone.receive("+491", "hi {n}", 1)
        await phone.idle()
        assert phone.kept == 1
    assert set(server.tellings) == {id_}
    assert server.incoming[id_]["body"] == "hi 1"
    assert server.incoming[id_]["channel_id"] == 1
    assert server.incoming[id_]["internal_id"] == 1


async def test_one_refused_report_takes_no_other_with_it(server: FakeServer) -> None:
    good, bad, good_too = server.send("a", "b", "c")
    server.foreign = {bad}
    ear = Ear()
    async with Phone(server.url, KEY, behaviour=Behaviour(outcome=Outcome.SENT, send_time=0.02), tell=ear):
        await ear.until("refused")
        while server.told(good_too) != [2, 6] or server.told(good) != [2, 6]:
            await ear.until("reported", ear.count("reported") + 1)
    refused = await ear.until("refused")
    assert refused["status"] == 404
    assert "message 2 is not this device's" in refused["why"]
    assert server.told(bad) == []


async def test_refused_incoming_is_dropped(server: FakeServer) -> None:
    server.fail = [422]
    ear = Ear()
    async with Phone(server.url, KEY, tell=ear) as phone:
        phone.receive("+491", "hi")
        await phone.idle()
        assert phone.kept == 0
        phone.receive("+491", "ho")
        await phone.idle()
        assert phone.kept == 1
    assert ear.count("refused") == 1


async def test_repeated_incoming_is_told_more_often(server: FakeServer) -> None:
    async with Phone(server.url, KEY, behaviour=Behaviour(repeat=2), batch=1) as phone:
        phone.receive("+491", "hi")
        phone.receive_image("+492", Path("demo"), caption="look", channel_id=2)
        await phone.idle()
        assert phone.kept == 2
    assert len(server.tellings) == 6
    assert len(server.incoming) == 2
    assert len(server.images) == 3
    assert server.images[0].startswith(b"\xff\xd8")
    image = next(message for message in server.incoming.values() if "caption" in message)
    assert (image["address"], image["caption"], image["channel_id"]) == ("+492", "look", "2")


async def test_a_picture_that_is_not_there() -> None:
    phone = Phone("http://127.0.0.1:1", KEY)
    with pytest.raises(ValueError, match="cannot read the picture"):
        phone.receive_image("+491", Path("/nowhere/picture.jpg"))


async def test_offline_keeps_everything(server: FakeServer) -> None:
    server.send("a", "b")
    ear = Ear()
    async with Phone(server.url, KEY, offline_after=2, offline_for=0.2, tell=ear) as phone:
        await ear.until("offline")
        assert not phone.online
        phone.receive("+491", "in the tunnel")
        assert server.reports == []
        await ear.until("online")
        await ear.until("dealt", 2)
        await phone.idle()
    assert server.told(1) == server.told(2) == [2, 6, 7]
    assert len(server.incoming) == 1


async def test_offline_drops_the_long_poll(server: FakeServer) -> None:
    ear = Ear()
    async with Phone(server.url, KEY, tell=ear) as phone:
        await ear.until("started")
        phone.go_offline()
        server.send("hello")
        await asyncio.sleep(0.05)
        assert phone.taken == 0
        phone.go_online()
        await ear.until("dealt")


async def test_nothing_is_lost_while_the_server_is_away(server: FakeServer) -> None:
    server.send("a")
    ear = Ear()
    behaviour = Behaviour(send_time=0.1, delivery_time=0.1)
    async with Phone(server.url, KEY, behaviour=behaviour, max_pause=0.1, tell=ear) as phone:
        await ear.until("reported")
        await server.down()
        phone.receive("+491", "nobody hears")
        await ear.until("unreachable")
        await asyncio.sleep(0.25)
        await server.up()
        await ear.until("dealt")
        await phone.idle()
    assert server.told(1) == [2, 6, 7]
    assert len(server.incoming) == 1


async def test_ledger_holds_what_was_acknowledged(server: FakeServer, tmp_path: Path) -> None:
    server.send("a")
    server.lose = 1
    ear = Ear()
    ledger = Ledger(tmp_path / "phone.jsonl")
    async with Phone(server.url, KEY, max_pause=0.1, tell=ear, ledger=ledger) as phone:
        await ear.until("dealt")
        id_ = phone.receive("+491", "hi")
        await phone.idle()
    ledger.close()
    lines = [msgspec.json.decode(line) for line in ledger.path.read_bytes().splitlines()]
    assert [(line["kind"], line["sms_id"]) for line in lines] == [("report", 1)] * 3 + [("incoming", 1000)]
    assert [line["status_id"] for line in lines[:3]] == [2, 6, 7]
    assert lines[3]["id"] == id_
    assert lines[3]["duplicate"] is False
    assert {"wall", "mono", "phone", "device_id"} <= lines[0].keys()


async def test_stopping_still_tells_what_is_due(server: FakeServer) -> None:
    server.fail = [503]
    ear = Ear()
    async with Phone(server.url, KEY, tell=ear) as phone:
        phone.receive("+491", "last words")
    assert len(server.incoming) == 1
    assert ear.heard[-1][0] == "ended"
    assert ear.heard[-1][1]["untold"] == 0


async def test_stopping_does_not_wait_for_ever(server: FakeServer) -> None:
    await server.down()
    ear = Ear()
    async with Phone(server.url, KEY, grace=0.05, tell=ear) as phone:
        phone.receive("+491", "unheard")
    assert ear.heard[-1][1]["untold"] == 1


@pytest.mark.parametrize(
    ("path", "key", "advice"),
    [
        pytest.param("", "wrong", "Pair it again", id="unknown-key"),
        pytest.param("/elsewhere", KEY, "Nothing speaks the phone protocol", id="not-ringback"),
    ],
)
async def test_a_phone_that_is_not_wanted_ends(server: FakeServer, path: str, key: str, advice: str) -> None:
    ear = Ear()
    phone = Phone(server.url + path, key, tell=ear)
    async with asyncio.timeout(5):
        await phone.run()
    assert phone.refusal
    assert advice in (await ear.until("stopped"))["advice"]


async def test_an_address_that_is_none() -> None:
    with pytest.raises(ValueError, match="write it like http://"):
        Phone("localhost:8000", KEY)


async def test_a_message_resent_by_a_person_is_sent_again(server: FakeServer) -> None:
    (sms_id,) = server.send("again")
    ear = Ear()
    async with Phone(server.url, KEY, wait=0, tell=ear) as phone:
        await ear.until("dealt")
        server.status[sms_id] = 3
        await ear.until("dealt", 2)
        assert phone.taken == 2
    assert server.told(sms_id) == [2, 6, 7, 2, 6, 7]
