"""A phone's sign of life, and how it learns what the server calls it."""

import asyncio
from functools import partial
from http import HTTPStatus

from phonesim.link import Link
from phonesim.narrator import Tell
from phonesim.native import NativeClient, Refused

_FULL, _EMPTY = 80, 20  # the battery goes down one a beat, and then somebody charges it


class Heartbeat:
    """``every``: seconds between two beats. ``device_id`` is known after the first."""

    def __init__(self, client: NativeClient, link: Link, *, every: float, tell: Tell) -> None:
        self.device_id: int | None = None
        self._client = client
        self._link = link
        self._every = every
        self._tell = tell

    async def run(self) -> None:
        battery = _FULL
        while True:
            await self._beat(battery)
            battery = battery - 1 if battery > _EMPTY else _FULL
            await asyncio.sleep(self._every)

    async def _beat(self, battery: int) -> None:
        beat = partial(self._client.heartbeat, battery=battery, charging=False, network="wifi")
        try:
            alive = await self._link.call(beat)
        except Refused as refusal:
            # A key that is not known is said once, by the poll.
            if refusal.status != HTTPStatus.UNAUTHORIZED:
                why = {"why": str(refusal), "status": refusal.status, "code": refusal.code}
                self._tell("refused", {"what": "heartbeat", **why})
            return
        event = "started" if self.device_id is None else "heartbeat"
        self.device_id = alive.device_id
        self._tell(event, {"title": alive.title, "device_id": alive.device_id, "battery": battery})
