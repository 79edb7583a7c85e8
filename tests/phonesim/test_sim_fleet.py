"""Several phones, quotas and scenarios."""

import asyncio

import pytest
from tests.phonesim.fake_server import KEY, FakeServer

from phonesim.behaviour import Behaviour
from phonesim.fleet import Fleet
from phonesim.phone import Phone
from phonesim.quota import Quota
from phonesim.scenario import (
    AddRule,
    Exit,
    Forget,
    Offline,
    Online,
    Receive,
    ReceiveImage,
    Repeat,
    Step,
)

pytestmark = pytest.mark.anyio


async def test_a_quota_is_exact(server: FakeServer) -> None:
    server.send(*["x"] * 20)
    quota = Quota(7)
    phones = [Phone(server.url, KEY, name=str(number), limit=5, quota=quota) for number in (1, 2)]
    async with asyncio.timeout(5):
        await Fleet(phones, quota=quota).run()
    assert sum(phone.dealt for phone in phones) == 7
    assert len(server.reports) == 7 * 3


async def test_a_quota_of_nothing_tells_what_comes_in(server: FakeServer) -> None:
    quota = Quota(0)
    receives: list[Receive | ReceiveImage] = [
        Receive(address="+491", body="hi"),
        ReceiveImage(address="+492", file="demo"),
    ]
    async with asyncio.timeout(5):
        await Fleet([Phone(server.url, KEY, quota=quota)], quota=quota, receives=receives).run()
    assert len(server.incoming) == 2


async def test_receiving_over_and_over(server: FakeServer) -> None:
    texts = [Receive(address="+491", body="a {n}"), Receive(address="+491", body="b {n}")]
    async with asyncio.timeout(5):
        await Fleet([Phone(server.url, KEY)], receives=texts, every=0.01, lasting=0.2).run()
    bodies = [message["body"] for message in server.incoming.values()]
    assert bodies[:4] == ["a 1", "b 2", "a 3", "b 4"]


async def test_a_scenario_is_played(server: FakeServer) -> None:
    server.send("fail 10", "fine")
    steps: list[tuple[float, Step]] = [
        (0, AddRule(match="fail 10", status=10)),
        (0, Repeat(times=1)),
        (0.3, Receive(address="+491", body="twice")),
        (0.3, Offline()),
        (0.4, Online()),
        (0.4, Forget()),
        (0.4, Repeat(times=0)),
        (0.5, ReceiveImage(address="+492", file="demo", caption="c", channel_id=2, phone=1)),
        (0.7, Exit()),
    ]
    phone = Phone(server.url, KEY, behaviour=Behaviour())
    async with asyncio.timeout(5):
        await Fleet([phone], scenario=steps).run()
    assert server.told(1) == [2, 2, 10, 10]
    assert server.told(2) == [2, 2, 6, 6, 7, 7]
    assert len(server.tellings) == 3
    assert phone.behaviour.rules == []


async def test_a_phone_that_does_not_exist(server: FakeServer) -> None:
    with pytest.raises(ValueError, match="names phone 2"):
        Fleet([Phone(server.url, KEY)], scenario=[(0, Online(phone=2))])


async def test_a_fleet_that_is_refused_ends(server: FakeServer) -> None:
    fleet = Fleet([Phone(server.url, "wrong")], lasting=5)
    async with asyncio.timeout(4):
        await fleet.run()
    assert fleet.refused


async def test_nothing_comes_in_once_it_stops(server: FakeServer) -> None:
    server.fail = [503] * 3
    phone = Phone(server.url, KEY)
    texts = [Receive(address="+491", body="{n}")]
    fleet = Fleet([phone], receives=texts, every=0.001, lasting=0.05)
    async with asyncio.timeout(5):
        await fleet.run()
    told = len(server.incoming)
    fleet.perform(texts[0])
    assert phone.receive("+491", "{n}").endswith(f"-{told + 1}"), "all that came in was told"
