"""The webhook receiver: takes what comes, writes it down, and answers well or badly as it is told."""

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive, Scope, Send

from phonesim.answer import behave, misbehave
from phonesim.control import control_app
from phonesim.ledger import Ledger
from phonesim.listener import Listener
from phonesim.misbehaviour import Misbehaviour, Rule
from phonesim.received import Received, Verifier


class Receiver:
    """``async with Receiver() as r:`` listens on a free port (``r.url``); ``r.received`` is what arrived, oldest first.

    Any path receives but ``/_ctl`` and below, which changes how it behaves (see ``control``), as ``misbehave`` does.
    With ``ledger`` each webhook is a line of a file before it is answered, with ``fsync`` on the disk before that.
    With ``keep`` only about that many of the latest stay in memory. OSError where the port is taken.
    """

    def __init__(
        self,
        *secrets: str,
        host: str = "127.0.0.1",
        port: int = 0,
        rules: Sequence[Rule] = (),
        ledger: Ledger | None = None,
        fsync: bool = False,
        keep: int | None = None,
        show: Callable[[Received], None] | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.count = 0
        self.misbehaviour = Misbehaviour(*rules)
        self._verifier = Verifier(list(secrets))
        self._ledger = ledger
        self._fsync = fsync
        self._keep = keep
        self._show = show
        self._control = control_app(self)
        self._listener = Listener(self._app, host, port)
        self._arrived = asyncio.Event()

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return self._listener.url

    async def __aenter__(self) -> Self:
        await self._listener.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listener.close()

    def misbehave(self, *rules: Rule, **rule: Any) -> None:
        """From now on by these rules, or by one made from keywords: ``misbehave(status=503, times=3)``."""
        self.misbehaviour.become(*rules, *([Rule(**rule)] if rule else []))

    def behave(self) -> None:
        """Answers 200 to everything again."""
        self.misbehaviour.become()

    def clear(self) -> None:
        """Forgets what was received; the numbering goes on."""
        self.received.clear()

    async def wait_for(self, count: int = 1, *, within: float = 10) -> list[Received]:
        """The webhooks in memory as soon as they are ``count`` or more; TimeoutError after ``within`` seconds."""
        await self.wait_until(lambda received: len(received) >= count, within=within)
        return self.received

    async def wait_until(self, done: Callable[[list[Received]], bool], *, within: float = 10) -> None:
        """Returns when ``done`` says so of what was received so far; it is asked after each arrival."""
        async with asyncio.timeout(within):
            while not done(self.received):
                self._arrived.clear()
                await self._arrived.wait()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/_ctl" or path.startswith("/_ctl/"):
            await self._control(scope, receive, send)
            return
        wall, mono = time.time(), time.monotonic()
        content = await _read(receive)
        if content is None:
            return
        rule = self.misbehaviour.pick(content) if self.misbehaviour.rules else None
        self.count += 1
        received = Received(
            number=self.count,
            wall=wall,
            mono=mono,
            method=scope["method"],
            path=path,
            headers=scope["headers"],
            content=content,
            verdict=self._verifier.verdict(scope["headers"], content),
            answered=rule.answer if rule else 200,
            manner=rule.manner if rule else "ok",
        )
        await self._write_down(received)
        if rule is None:
            await behave(send)
        else:
            await misbehave(rule, scope, receive, send)

    async def _write_down(self, received: Received) -> None:
        self.received.append(received)
        if self._keep is not None and len(self.received) > 2 * self._keep:
            del self.received[: -self._keep]
        self._arrived.set()
        if self._ledger and self._fsync:
            await self._ledger.append(received.record())
        elif self._ledger:
            self._ledger.write(received.record())
        if self._show:
            self._show(received)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, None where the sender went away meanwhile."""
    content: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        content += message.get("body", b"")
        if not message.get("more_body", False):
            return content
