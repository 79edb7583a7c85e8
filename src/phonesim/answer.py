"""Answers to webhooks: the plain 200, and every bad manner a rule asks for, on the bare connection."""

import asyncio
import os
import socket
import struct
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from phonesim.listener import transport_of
from phonesim.misbehaviour import Rule

_CHUNK = 65536
_SLOW_BODY = 1000  # bytes that are dripped where the rule asks for no rubbish
_OK_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"2")],
}
_OK_BODY = {"type": "http.response.body", "body": b"ok"}


async def behave(send: Send) -> None:
    await send(_OK_START)
    await send(_OK_BODY)


async def misbehave(rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
    """Ends early when the sender of the webhook goes away."""
    gone = asyncio.create_task(_gone(receive))
    try:
        if rule.hang is not None and await _pause(gone, rule.hang):
            return
        status = rule.answer
        if status is None:
            _cut(scope, reset=rule.reset)
            await gone
            return
        body = rule.rubbish if rule.rubbish is not None else _SLOW_BODY if rule.slow is not None else None
        await send({"type": "http.response.start", "status": status, "headers": _headers(rule, body)})
        if body is None:
            await send({"type": "http.response.body", "body": b""})
        else:
            await _pour(body, rule, gone, send)
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pause(gone: "asyncio.Task[None]", seconds: float) -> bool:
    """True if the other side is gone."""
    await asyncio.wait({gone}, timeout=seconds)
    return gone.done()


def _headers(rule: Rule, body: int | None) -> Sequence[tuple[bytes, bytes]]:
    headers = [(b"content-type", b"application/octet-stream")]
    if body is None:
        headers.append((b"content-length", b"0"))
    if rule.redirect is not None:
        headers.append((b"location", rule.redirect.encode()))
    if rule.retry_after is not None:
        hint = rule.retry_after if isinstance(rule.retry_after, str) else f"{rule.retry_after:g}"
        headers.append((b"retry-after", hint.encode()))
    return headers


async def _pour(size: int, rule: Rule, gone: "asyncio.Task[None]", send: Send) -> None:
    # Ten drops a second, so that also a slow answer is never silent for long.
    drop = _CHUNK if rule.slow is None else max(1, int(rule.slow / 10))
    while size > 0 and not gone.done():
        piece = min(drop, size)
        size -= piece
        content = os.urandom(piece) if rule.rubbish is not None else b"." * piece
        await send({"type": "http.response.body", "body": content, "more_body": True})
        if rule.slow is not None:
            await _pause(gone, piece / rule.slow)
        else:
            await asyncio.sleep(0)  # lets the disconnect be noticed
    if not gone.done():
        await send({"type": "http.response.body", "body": b""})


def _cut(scope: Scope, *, reset: bool) -> None:
    transport = transport_of(scope)
    if reset:
        # Lingering for no time at all turns the end of the connection into a RST.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
