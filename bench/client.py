"""The load generator: keep-alive connections that send bytes made beforehand. No HTTP library in the hot path."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self, cast

from bench.http1 import whole

Done = Callable[[int, bytes], None]
"""Gets the answer's status and body; status 0: the connection broke."""


class _Connection(asyncio.Protocol):
    __slots__ = ("_client", "_done", "_parts", "transport")

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._done: Done | None = None
        self._parts = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, done: Done) -> None:
        self._done = done
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._parts:
            data = self._parts + data
        place = whole(data)
        if place is None:
            self._parts = data
            return
        self._parts = b""
        done, self._done = self._done, None
        self._client.free(self)
        if done is not None:
            done(int(data[9:12]), data[place[0] : place[1]])

    def connection_lost(self, _exc: Exception | None) -> None:
        done, self._done = self._done, None
        self._client.lost(self)
        if done is not None:
            done(0, b"")


class Client:
    """Requests wait here for a free connection, so a flood is as wide as there are connections and an open loop counts
    the wait. A broken connection is not opened again: that is a failure to be seen.
    """

    def __init__(self) -> None:
        self._idle: deque[_Connection] = deque()
        self._all: set[_Connection] = set()
        self._waiting: deque[tuple[bytes, Done]] = deque()

    @classmethod
    async def connect(cls, port: int, connections: int) -> Self:
        client = cls()
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: _Connection(client), "127.0.0.1", port)
            client._all.add(connection)
            client._idle.append(connection)
        return client

    def send(self, request: bytes, done: Done) -> None:
        if self._idle:
            # The one that rested longest: all of them are used, as phones would.
            self._idle.popleft().send(request, done)
        elif self._all:
            self._waiting.append((request, done))
        else:
            done(0, b"")

    async def call(self, request: bytes) -> tuple[int, bytes]:
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        def done(status: int, body: bytes) -> None:
            if not answer.done():
                answer.set_result((status, body))

        self.send(request, done)
        return await answer

    def free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        while self._waiting and not self._all:
            self._waiting.popleft()[1](0, b"")

    def close(self) -> None:
        for connection in list(self._all):
            connection.transport.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
