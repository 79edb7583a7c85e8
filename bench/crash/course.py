"""The course of a run: lives and deaths under load, then fair weather, a drain, and an orderly stop."""

import asyncio
import gc
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.crash.client import Client
from bench.crash.house import ENDPOINTS, House, furnish
from bench.crash.ledger import Kill, Said
from bench.crash.load import Phone
from bench.crash.plans import MIGRATION, RANDOM, STARTING, Plan, plans
from bench.crash.receiver import Receiver
from bench.crash.server import Server, free_port
from bench.crash.weather import Weather

WEBHOOK_TIMEOUT = 2.0
_LOUD_WITHIN = 60.0  # seconds from a start to the first thing that is kept
_REACHED_WITHIN = 3.0  # seconds of load in which a named point has to be passed, or the life ends at random
_LAST_LOAD = 0.5
_DRAINED_WITHIN = 240.0
_KILLED = -signal.SIGKILL


class Broken(Exception):  # noqa: N818 -- the run cannot go on, and that is a finding
    """The server does what no ledger is needed to see: it ends by itself, or never begins."""


@dataclass(slots=True, kw_only=True)
class Course:
    """``told`` hears of each death. What happened stands in ``said``, ``receiver.arrivals`` and ``kills``."""

    folder: Path
    chance: random.Random
    told: Callable[["Course"], None]
    said: Said = field(default_factory=Said)
    receiver: Receiver = field(default_factory=Receiver)
    kills: list[Kill] = field(default_factory=list)
    drained: float | None = None  # seconds that it took; None: it did not
    stages: str = "setting up"

    async def run(self, kills: int) -> None:
        server = Server(
            self.folder / "data", free_port(), webhook_timeout=str(WEBHOOK_TIMEOUT), report_timeout="86400"
        )
        try:
            async with self.receiver:
                await self._run(server, kills)
        finally:
            await server.end(signal.SIGKILL)

    async def _run(self, server: Server, kills: int) -> None:
        for name, climate in ENDPOINTS.items():
            weather = Weather(climate, random.Random(self.chance.random()), WEBHOOK_TIMEOUT)  # noqa: S311 -- by seed
            self.receiver.add(name, weather)
        house = await furnish(server, self.receiver)
        client = Client(server.url, self.said)
        phones = self._phones(client, house)
        load = asyncio.gather(*(phone.work() for phone in phones))
        try:
            self.stages = "killing"
            for plan in plans(kills, self.chance):
                await self._live(server, plan)
                gc.freeze()  # the ledgers only grow: looking through them for garbage would stop the receiver for a second
                self.told(self)
                if load.done():
                    await load  # raises what ended it
            self._begin_life(len(self.kills))
            await self._drain(server, client, house, phones, load)
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            await client.close()

    def _phones(self, client: Client, house: House) -> list[Phone]:
        return [
            Phone(client, house.token, device, random.Random(self.chance.random()))  # noqa: S311 -- by seed
            for device in house.devices
        ]

    # -- one life

    async def _live(self, server: Server, plan: Plan) -> None:
        life = len(self.kills)
        if plan.kind == MIGRATION:
            await self._die_in_migration(life)
            self.kills.append(Kill(life, plan.kind, time.monotonic()))
            return
        self._begin_life(life)
        await server.start(plan.failpoint)
        kind = plan.kind
        if kind == STARTING:
            await asyncio.sleep(plan.after)
        elif not await self._first_kept(server):
            pass  # it died at its point while it started
        elif kind == RANDOM:
            await asyncio.sleep(plan.after)
        elif not await server.died(_REACHED_WITHIN):
            kind = RANDOM
        if plan.failpoint == "" and not server.lives:
            raise Broken(f"the server ended by itself: see {server.log}")
        before = time.monotonic()
        code = await server.end(signal.SIGKILL)
        if code != _KILLED:
            raise Broken(f"the server ended by itself with {code}: see {server.log}")
        self.kills.append(Kill(life, kind, before))
        await self.receiver.settle()

    def _begin_life(self, life: int) -> None:
        self.said.life = self.receiver.life = life
        self.said.acknowledged_here = 0

    async def _first_kept(self, server: Server) -> bool:
        """Until this life has acknowledged something; False if it died before that."""
        deadline = time.monotonic() + _LOUD_WITHIN
        while not self.said.acknowledged_here:
            if not server.lives:
                return False
            if time.monotonic() > deadline:
                raise Broken(
                    f"the server keeps nothing for {_LOUD_WITHIN:g} s after a start: see {server.log}"
                )
            await asyncio.sleep(0.01)
        return True

    async def _die_in_migration(self, life: int) -> None:
        """On a folder of its own, which has no tables yet: the first start dies half-way, the second one works."""
        server = Server(self.folder / f"fresh-{life}", free_port())
        await server.start(f"{MIGRATION}:1")
        if not await server.died(_LOUD_WITHIN):
            raise Broken(f"no migration in the first start: see {server.log}")
        if await server.end(signal.SIGKILL) != _KILLED:
            raise Broken(f"the first start ended otherwise than killed in a migration: see {server.log}")
        await server.start()
        said = Said()
        client = Client(server.url, said)
        try:
            accepted = await asyncio.wait_for(_first_message(server, client), _LOUD_WITHIN)
        finally:
            await client.close()
            code = await server.end(signal.SIGTERM)
        if accepted is None or code:
            raise Broken(f"it does not work after a death in its migration: {said.refused}, see {server.log}")

    # -- the end

    async def _drain(
        self,
        server: Server,
        client: Client,
        house: House,
        phones: list[Phone],
        load: "asyncio.Future[list[None]]",
    ) -> None:
        self.stages = "draining"
        await server.start()
        await self._first_kept(server)
        await asyncio.sleep(_LAST_LOAD)
        self.receiver.clear_up()
        for phone in phones:
            phone.end()
        began = time.monotonic()
        await asyncio.wait_for(load, _DRAINED_WITHIN)
        open_states = "/v1/deliveries?state=pending,waiting,blocked&limit=1"
        while time.monotonic() - began < _DRAINED_WITHIN:
            self.told(self)
            page = await client.say("GET", open_states, house.token)
            if page is None or not page["deliveries"]:
                self.drained = time.monotonic() - began
                break
            await asyncio.sleep(0.2)
        code = await server.end(signal.SIGTERM)
        await self.receiver.settle()
        if code:
            raise Broken(f"SIGTERM ended it with {code}: see {server.log}")


async def _first_message(server: Server, client: Client) -> Any:
    """In a fresh folder, with the server that runs on it."""
    await client.say("GET", "/health", "")
    added = await server.cli("account", "add", "fresh@example.com")
    device = await server.cli("device", "add", "--account", "fresh@example.com", "--title", "Fresh")
    form = {"to": "+4915000000000", "body": "hello", "device_id": device["device_id"]}
    return await client.say("POST", "/v1/messages", added["token"], form)
