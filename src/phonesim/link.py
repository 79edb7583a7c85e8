"""A phone's way to the server: online or not, and patient when nobody answers."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, TypeVar

from phonesim.narrator import Tell, silence
from phonesim.native import Unreachable

T = TypeVar("T")

FIRST_PAUSE = 0.1  # seconds; doubled with every failure, up to the link's `max_pause`


class Link:
    """Repeats a call until the server answers it, with growing pauses; waits while the phone is offline."""

    def __init__(self, server: str, *, max_pause: float, chance: Random, tell: Tell = silence) -> None:
        self._server = server
        self._max_pause = max_pause
        self._chance = chance
        self._tell = tell
        self._online = asyncio.Event()
        self._online.set()
        self._in_flight: set[asyncio.Future[Any]] = set()
        self._down = False

    @property
    def online(self) -> bool:
        return self._online.is_set()

    def go_offline(self) -> None:
        """Drops what is in flight, as a phone in a tunnel does: those calls are repeated afterwards."""
        self._online.clear()
        for call in self._in_flight:
            call.cancel()

    def go_online(self) -> None:
        self._online.set()

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The first answer that ``attempt`` gets. Raises Refused as it comes; Unreachable never."""
        pause = FIRST_PAUSE
        while True:
            await self._online.wait()
            task: asyncio.Future[T] = asyncio.ensure_future(attempt())
            self._in_flight.add(task)
            try:
                answer = await task
            except Unreachable as trouble:
                # Jitter, so that a fleet does not come back all at once.
                delay = max(trouble.retry_after, pause * self._chance.uniform(0.75, 1.25))
                self._lost(trouble, delay)
                await asyncio.sleep(delay)
                pause = min(pause * 2, self._max_pause)
            except asyncio.CancelledError:
                me = asyncio.current_task()
                if me is None or me.cancelling():
                    raise  # the caller is being ended, not only this call dropped by go_offline
            else:
                self._found()
                return answer
            finally:
                self._in_flight.discard(task)

    def _lost(self, trouble: Unreachable, delay: float) -> None:
        if not self._down:  # once an outage
            self._down = True
            self._tell(
                "unreachable", {"server": self._server, "why": str(trouble), "retry_in": round(delay, 2)}
            )

    def _found(self) -> None:
        if self._down:
            self._down = False
            self._tell("back", {"server": self._server})
