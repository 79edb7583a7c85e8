"""The receiver: notes when each event arrived and answers 200 with bytes made beforehand, or misbehaves all the time.

``python -m bench.receiver`` is one in a process of its own, whose limit is measured.
"""

import asyncio
import socket
import time
from collections.abc import Iterable
from enum import Enum
from typing import Self, cast

import uvloop

from bench.http1 import number, whole

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"." * 1000
DRIP = 1.0  # seconds between two bytes
STALLED = 20.0  # without any arrival for so long, what is missing does not come any more

Event = tuple[int, int]
"""(sms_id, status_id)"""
INCOMING = 0  # stands for the status of an incoming message's event, whose body has none


class Manner(Enum):
    OK = "ok"
    HANG = "hang"
    DRIP = "drip"


class _Arriving(asyncio.Protocol):
    __slots__ = ("_receiver", "_unfinished", "transport")

    def __init__(self, receiver: "Receiver") -> None:
        self._receiver = receiver
        self._unfinished = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._receiver.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._unfinished:
            data = self._unfinished + data
        place = whole(data)
        if place is None:
            self._unfinished = data
            return
        self._unfinished = b""
        manner = self._receiver.take(data, place[0])
        if manner is Manner.OK:
            self.transport.write(_OK)
        elif manner is Manner.DRIP:
            self._drip(0)

    def _drip(self, sent: int) -> None:
        if not self.transport.is_closing():
            self.transport.write(_ENDLESS[sent : sent + 1])
            asyncio.get_running_loop().call_later(DRIP, self._drip, sent + 1)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._receiver.connections.discard(self)


class Receiver:
    """Has its port from the start, but refuses connections until ``open``: that is what being down looks like."""

    def __init__(self, manner: Manner = Manner.OK) -> None:
        self.manner = manner
        self.first: dict[
            Event, tuple[int, int]
        ] = {}  # (when it first came (ns), its sequence), in order of coming
        self.asked = 0
        self.connections: set[_Arriving] = set()
        self._socket = _bound(0)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: asyncio.Server | None = None
        self._missing: set[Event] = set()
        self._complete: asyncio.Future[None] | None = None

    async def open(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Arriving(self), sock=self._socket, backlog=2048)
        return self

    def close(self) -> None:
        for connection in list(self.connections):
            connection.transport.abort()
        if self._server is not None:
            self._server.close()
        self._socket.close()

    def down(self) -> None:
        """Refuse connections again, on the same port, with nothing remembered."""
        self.close()
        self._socket = _bound(self.port)
        self.clear()

    def clear(self) -> None:
        """Forget what came; whatever comes later is a new first."""
        self.first = {}
        self.asked = 0

    @property
    def duplicates(self) -> int:
        return self.asked - len(self.first)

    def take(self, data: bytes, body: int) -> Manner:
        now = time.monotonic_ns()
        self.asked += 1
        if self.manner is Manner.OK:
            event = (number(data, b'"sms_id":', body), number(data, b'"status_id":', body))
            if event not in self.first:
                self.first[event] = (now, number(data, b"ringback-sequence: ", 0, body))
                if self._missing:
                    self._found(event)
        return self.manner

    def _found(self, event: Event) -> None:
        self._missing.discard(event)
        if not self._missing and self._complete is not None and not self._complete.done():
            self._complete.set_result(None)

    async def until(self, events: Iterable[Event]) -> set[Event]:
        """Wait for all of these; those that are missing when nothing of them comes any more. Not for a number of events: others
        may come between, such as those that a killed server could not write down as delivered.
        """
        self._missing = set(events).difference(self.first)
        while self._missing:
            before = len(self._missing)
            self._complete = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._complete,), timeout=STALLED)
            if len(self._missing) == before:
                break
        missing, self._missing = self._missing, set()
        return missing

    def order_violations(self) -> int:
        """Events that came first after a later one of the same message."""
        newest: dict[int, int] = {}
        violations = 0
        for (sms_id, _), (_, sequence) in self.first.items():
            violations += sequence < newest.get(sms_id, 0)
            newest[sms_id] = max(sequence, newest.get(sms_id, 0))
        return violations


def _bound(port: int) -> socket.socket:
    """Taken, and not listening: whoever connects is refused."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    return taken


async def _serve() -> None:
    receiver = await Receiver().open()
    print(receiver.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
