"""One phone: polls for messages, reports on them, passes on what it receives, and loses nothing while it runs."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Self

from phonesim.behaviour import Behaviour
from phonesim.heartbeat import Heartbeat
from phonesim.inbox import Inbox
from phonesim.ledger import Ledger
from phonesim.link import Link
from phonesim.narrator import Tell, silence
from phonesim.native import NativeClient, Refused
from phonesim.quota import Quota
from phonesim.radio import Radio

# An answer without anything new that came sooner than this (seconds) was no long poll: without a pause it would spin.
_EMPTY_HANDED = 0.5


class Phone:
    """``async with Phone(server, key) as phone:`` runs it in the background; ``await phone.run()`` until stopped.

    ``receive`` and ``receive_image`` are what comes in (see Inbox). All times are in seconds. ``behaviour`` may be changed while it runs. ``tell(event, fields)`` hears all that it
    does. ``ledger`` gets a durable line for each report and incoming message, after the server's 200. ``grace``
    bounds how long an ending phone still tries to tell what it has. ``refusal`` is set when the server would not
    have this phone (a key that it does not know), which ends it.
    """

    def __init__(
        self,
        server: str,
        key: str,
        *,
        name: str = "1",
        behaviour: Behaviour | None = None,
        wait: float = 25,
        limit: int = 15,
        batch: int = 100,
        offline_after: int | None = None,
        offline_for: float = 0,
        max_pause: float = 15,
        heartbeat: float = 60,
        grace: float = 5,
        quota: Quota | None = None,
        chance: Random | None = None,
        tell: Tell = silence,
        ledger: Ledger | None = None,
    ) -> None:
        self.name = name
        self.behaviour = behaviour or Behaviour()
        self.refusal: Refused | None = None
        self._server, self._wait, self._limit = server, wait, limit
        self._offline_after, self._offline_for = offline_after, offline_for
        self._grace = grace
        self._quota = quota or Quota(None)
        self._listener, self._ledger = tell, ledger
        self._client = NativeClient(server, key)
        chance = chance or Random()
        self._link = Link(server, max_pause=max_pause, chance=chance, tell=self._tell)
        self._heartbeat = Heartbeat(self._client, self._link, every=heartbeat, tell=self._tell)
        self._radio = Radio(
            self._client,
            self._link,
            behaviour=self.behaviour,
            chance=chance,
            quota=self._quota,
            tell=self._tell,
            record=self._record,
            batch=batch,
        )
        self._inbox = Inbox(
            self._client,
            self._link,
            behaviour=self.behaviour,
            tell=self._tell,
            record=self._record,
            batch=batch,
        )
        self.receive, self.receive_image = self._inbox.receive, self._inbox.receive_image
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def device_id(self) -> int | None:
        """What the server calls it, once it has said so."""
        return self._heartbeat.device_id

    @property
    def taken(self) -> int:
        """Messages taken from the server."""
        return self._radio.taken

    @property
    def dealt(self) -> int:
        """Messages whose every report is acknowledged."""
        return self._radio.dealt

    @property
    def kept(self) -> int:
        """Incoming messages that the server keeps, repeats not counted."""
        return self._inbox.kept

    @property
    def online(self) -> bool:
        return self._link.online

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._running:
            await self._running

    async def run(self) -> None:
        """Until ``stop`` is called or the server refuses the phone; cancelling it ends it at once."""
        async with self._client, asyncio.TaskGroup() as group:
            polling = group.create_task(self._poll())
            boxes = (self._radio.reports, self._inbox.texts, self._inbox.images)
            workers = [
                group.create_task(work) for work in (self._heartbeat.run(), *(box.run() for box in boxes))
            ]
            await self._stop.wait()
            polling.cancel()
            if not self.refusal and self.online:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._grace):
                        await self._told()
            for worker in workers:
                worker.cancel()
        untold = self._radio.outstanding + self._inbox.outstanding
        self._tell("ended", {"taken": self.taken, "dealt": self.dealt, "kept": self.kept, "untold": untold})

    def stop(self) -> None:
        """Takes nothing more, tells what it still has to tell (see ``grace``), ends."""
        self._stop.set()

    async def idle(self) -> None:
        """Returns when every message taken is dealt with and every incoming message told."""
        await self._told()
        await self._radio.idle.wait()

    def go_offline(self, seconds: float | None = None) -> None:
        """Talks to nobody until ``go_online``, or for that long; what it has to tell is kept."""
        if self.online:
            self._link.go_offline()
            self._tell("offline", {"for": seconds})
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self.go_online)

    def go_online(self) -> None:
        if not self.online:
            self._link.go_online()
            self._tell("online", {})

    async def _poll(self) -> None:
        while self._quota.left != 0:
            limit = min(self._limit, self._quota.left or self._limit)
            asked = time.monotonic()
            try:
                offers = await self._link.call(partial(self._client.messages, limit=limit, wait=self._wait))
            except Refused as refusal:
                self._give_up(refusal)
                return
            fresh = 0
            for offer in offers:
                if self._radio.take(offer):
                    fresh += 1
                    if self.taken == self._offline_after:
                        self.go_offline(self._offline_for)
            # What is reported as taken is not offered again, so that comes before the next question.
            await self._radio.reports.settled()
            if not fresh and time.monotonic() - asked < _EMPTY_HANDED:
                await asyncio.sleep(0.2 if self._wait else 1.0)

    async def _told(self) -> None:
        for box in (self._radio.reports, self._inbox.texts, self._inbox.images):
            await box.settled()

    def _give_up(self, refusal: Refused) -> None:
        self.refusal = refusal
        advice = {
            401: "Pair it again, or give it the key of a device with --key",
            404: f"Nothing speaks the phone protocol at {self._server}: is that Ringback's address?",
        }.get(refusal.status, "Look into the server's log")
        self._tell(
            "stopped", {"why": str(refusal), "status": refusal.status, "code": refusal.code, "advice": advice}
        )
        self.stop()

    def _tell(self, event: str, fields: Mapping[str, Any]) -> None:
        self._listener(event, {"phone": self.name, **fields})

    async def _record(self, lines: list[dict[str, Any]]) -> None:
        if self._ledger:
            stamp = {
                "wall": time.time(),
                "mono": time.monotonic(),
                "phone": self.name,
                "device_id": self.device_id,
            }
            await self._ledger.append(*({**stamp, **line} for line in lines))
