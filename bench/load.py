"""Two ways to load a server: at a fixed rate whatever it does (open loop), and as fast as it answers (closed loop)."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from bench import Broken
from bench.client import Client
from bench.http1 import number

_MS = 0.001
_PATIENCE = 60.0  # seconds beyond what was planned, until a load counts as stuck


class Load:
    """What was sent and what was answered; moments are nanoseconds of the monotonic clock, one for each request."""

    def __init__(self, client: Client, requests: Sequence[bytes]) -> None:
        self.started = [0] * len(requests)
        self.answered = [0] * len(requests)
        self.ids = [0] * len(requests)  # the sms_id of each answer
        self.statuses: Counter[int] = Counter()
        self.late = 0  # by how much the generator itself was late at worst (ns)
        self._client = client
        self._requests = requests
        self._open = len(requests)
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def flood(self) -> None:
        """All at once: the client's connections are the width."""
        for place in range(len(self._requests)):
            self._send(place)
        await self._wait(len(self._requests) / 100)

    async def paced(self, rate: float) -> None:
        """One each 1/rate seconds. A request's time runs from the moment it is handed to the client: where the server holds all
        connections up, its waiting for one counts.
        """
        began = time.monotonic_ns()
        gap = 1e9 / rate
        place, count = 0, len(self._requests)
        while place < count:
            now = time.monotonic_ns()
            while place < count and began + place * gap <= now:
                self.late = max(self.late, round(now - began - place * gap))
                self._send(place)
                place += 1
            # uvloop's timers count whole milliseconds: less would not sleep but spin on the server's core.
            await asyncio.sleep(max(_MS, (began + place * gap - time.monotonic_ns()) / 1e9))
        await self._wait(count / rate)

    def _send(self, place: int) -> None:
        self.started[place] = time.monotonic_ns()
        self._client.send(self._requests[place], partial(self._done, place))

    def _done(self, place: int, status: int, body: bytes) -> None:
        self.answered[place] = time.monotonic_ns()
        self.statuses[status] += 1
        self.ids[place] = number(body, b'"sms_id":')
        self._open -= 1
        if not self._open and not self._finished.done():
            self._finished.set_result(None)

    async def _wait(self, planned: float) -> None:
        if self._open:
            await asyncio.wait((self._finished,), timeout=planned + _PATIENCE)
        if self._open:
            raise Broken(f"{self._open} of {len(self._requests)} requests were not answered")
        wrong = {status: count for status, count in self.statuses.items() if not 200 <= status < 300}
        if wrong:
            words = ", ".join(f"{status or 'cut off'}: {count}" for status, count in wrong.items())
            raise Broken(f"requests that were not accepted, by status: {words}")
