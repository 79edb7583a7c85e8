"""A thread's own loop: calls posted by other threads, calls that are due at a time, and sockets, one after the other."""

import heapq
import itertools
import os
import selectors
import time
from collections import deque
from collections.abc import Callable

Call = Callable[[], None]
_LONGEST_WAIT = 1.0  # seconds


class Loop:
    """``post`` may be called from any thread, all else from the loop's own."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self._inbox: deque[Call] = deque()
        self._awake = False
        self._due: list[tuple[float, int, Call]] = []  # heap; the number keeps equal times in order
        self._count = itertools.count()
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(self._wake_in, selectors.EVENT_READ, None)

    def post(self, call: Call) -> None:
        """Have it called in the loop's thread, soon."""
        self._inbox.append(call)
        if not self._awake:
            self._awake = True
            os.write(self._wake_out, b"!")

    def at(self, seconds: float, call: Call) -> None:
        """Have it called in so many seconds."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), call))

    def every(self, seconds: float, call: Call) -> None:
        """Have it called now, and again and again."""

        def again() -> None:
            self.at(seconds, again)  # first, so that a failure of this time is not the last time
            call()

        self.at(0, again)

    def wait(self, longest: float, on_socket: Callable[[int, int], None]) -> None:
        """Until something happens, or so many seconds; what happens on sockets is told at once."""
        timeout = min(longest, _LONGEST_WAIT)
        if self._due:
            timeout = min(timeout, self._due[0][0] - time.monotonic())
        for key, mask in self.selector.select(0.0 if self._inbox else max(0.0, timeout)):
            if key.data is None:
                os.read(self._wake_in, 4096)
            else:
                on_socket(key.fd, mask)

    def run(self) -> None:
        """Make the calls that are due or were posted. What one raises, the others do not suffer from: they stay to be made."""
        # Lowered before the inbox is emptied: whoever posts something after that writes to the pipe again.
        self._awake = False
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            self._inbox.append(heapq.heappop(self._due)[2])
        while self._inbox:
            self._inbox.popleft()()

    def close(self) -> None:
        # The pipe stays open: what is posted after this still rings, and must not hit another's descriptor.
        self.selector.close()
