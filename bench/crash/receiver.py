"""The user's endpoints: a small HTTP server in this process that writes down each arrival and answers as the weather says.

A bare asyncio protocol: it must cost little beside the server under test, and it must know exactly which connection is open,
for a life's last requests are told from the next life's first ones by that (``settle``).
"""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from typing import Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from bench.crash.ledger import INCOMING, Arrival
from bench.crash.weather import Reaction, Weather

_REASONS = {200: "OK", 404: "Not Found", 422: "Unprocessable Content", 503: "Service Unavailable"}
_SETTLE_WITHIN = 10.0


class Receiver:
    """``life`` is set by the one who kills; ``arrivals`` is the ledger."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.life = 0
        self.port = 0
        self.open = 0  # connections
        self._endpoints: dict[str, Weather] = {}
        self._verifiers: dict[str, Webhook] = {}
        self._known: set[str] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    def url(self, endpoint: str) -> str:
        return f"http://127.0.0.1:{self.port}/{endpoint}"

    def add(self, endpoint: str, weather: Weather) -> None:
        self._endpoints[endpoint] = weather

    def trust(self, endpoint: str, secret: str) -> None:
        self._verifiers[endpoint] = Webhook(secret)

    def clear_up(self) -> None:
        for weather in self._endpoints.values():
            weather.clear_up()

    async def settle(self) -> None:
        """The server is dead: until everything that it had sent is written down, and all its connections are gone."""
        _, writer = await asyncio.open_connection(
            "127.0.0.1", self.port
        )  # last in the queue of those that wait
        writer.close()
        await writer.wait_closed()
        deadline = time.monotonic() + _SETTLE_WITHIN
        quiet = 0
        while quiet < 3:  # a few turns of the loop: accepting is one, reading another
            await asyncio.sleep(0.005)
            quiet = quiet + 1 if not self.open else 0
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.open} connections of a dead server are still open")

    def take(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> tuple[Arrival | None, Reaction]:
        weather = self._endpoints.get(endpoint)
        if weather is None:
            return None, Reaction(404, 0.0)
        told = json.loads(body)
        incoming = headers["ringback-event"] == "message.incoming"
        now = time.monotonic()
        arrival = Arrival(
            at=now,
            life=self.life,
            endpoint=sys.intern(endpoint),
            webhook_id=headers["webhook-id"],
            sequence=int(headers["ringback-sequence"]),
            attempt=int(headers["ringback-attempt"]),
            sms_id=told["sms_id"],
            status=INCOMING if incoming else told["status_id"],
            address=told["address"] if incoming else told["sendto"],
            digest=hashlib.blake2b(body, digest_size=16).digest(),
            signed=self._verifies(endpoint, headers, body),
        )
        self.arrivals.append(arrival)
        first = arrival.webhook_id not in self._known
        self._known.add(arrival.webhook_id)
        return arrival, weather.react(now, first=first)

    def _verifies(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            self._verifiers[endpoint].verify(body, dict(headers), json_parse=False)
        except WebhookVerificationError:
            return False
        return True


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- for the types: a TCP server makes no other
        self._transport = transport
        self._receiver.open += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio calls it so
        self._receiver.open -= 1
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        request, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        whole = end + 4 + int(headers.get("content-length", "0"))
        if len(self._buffer) < whole:
            return
        body = bytes(self._buffer[end + 4 : whole])
        del self._buffer[:whole]
        arrival, reaction = self._receiver.take(request.split(" ")[1].lstrip("/"), headers, body)
        if reaction.delay is None:
            return  # until the sender gives up, or dies
        if reaction.delay:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(reaction.delay, self._answer, arrival, reaction.status)
        else:
            self._answer(arrival, reaction.status)

    def _answer(self, arrival: Arrival | None, status: int | None) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if status is None:
            self._transport.abort()
            return
        self._transport.write(f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: 2\r\n\r\nok".encode())
        if arrival is not None:
            arrival.answer, arrival.answered = status, time.monotonic()
