"""What the journeys share: an account with a device, a phone that speaks by hand, the command line, a receiver."""

import asyncio
import contextlib
import io
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from unittest import mock

import structlog
from PIL import Image
from tests.serving import Server

from phonesim.received import Received
from phonesim.receiver import Receiver
from ringback.cli.main import main

PATIENCE = 15.0
NUMBER = "+4915112345678"
_serial = itertools.count(1)

T = TypeVar("T")


def eventually(look: Callable[[], T | None], within: float = PATIENCE) -> T:
    """What ``look`` finds as soon as it is something; AssertionError, with what it found last, when the time is over."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"after {within:g} s still {found!r}"
        time.sleep(0.01)


# -- the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


def command(server: Server, *arguments: str, **settings: str) -> Done:
    """``ringback ARGUMENTS`` on the server's folder, from this process: beside the server as any command, but without a
    second of start. ``settings`` replace those that the server was started with.
    """
    given = {f"RINGBACK_{name.upper()}": value for name, value in settings.items()}
    out, err = io.StringIO(), io.StringIO()
    logging = structlog.get_config()
    with (
        mock.patch.dict(os.environ, {**server.environment, **given}, clear=True),
        mock.patch.object(sys, "argv", ["ringback", *arguments, "--data", str(server.data)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            structlog.configure(**logging)
    return Done(code=code, out=out.getvalue(), err=err.getvalue())


def ringback(server: Server, *arguments: str) -> Any:
    """What the command answers to a program."""
    done = command(server, *arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


# -- the receiver


class Ear:
    """phonesim's receiver in a thread of its own; ``received`` is what arrived so far."""

    def __init__(self) -> None:
        self._receiver = Receiver()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)

    async def _listen(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with self._receiver:
            self._ready.set()
            await self._end.wait()

    @property
    def url(self) -> str:
        return self._receiver.url

    @property
    def received(self) -> list[Received]:
        return list(self._receiver.received)

    def misbehave(self, **rule: Any) -> None:
        self._receiver.misbehave(**rule)

    def behave(self) -> None:
        self._receiver.behave()

    def of(self, sms_id: int) -> list[Received]:
        """What arrived about one message."""
        return [one for one in self.received if one.body["sms_id"] == sms_id]

    def statuses(self, sms_id: int) -> list[int]:
        return [one.body["status_id"] for one in self.of(sms_id)]

    def hears(self, sms_id: int, *statuses: int) -> None:
        """Waits until exactly these statuses of a message have arrived, in this order."""
        eventually(lambda: len(self.of(sms_id)) >= len(statuses))
        assert self.statuses(sms_id) == list(statuses)


# -- an account with a device


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``endpoints`` are the webhooks' endpoints by path: (id, secret)."""

    server: Server
    email: str
    token: str
    device_id: int
    key: str
    endpoints: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def endpoint(self, path: str = "/hooks") -> int:
        return self.endpoints[path][0]

    def secret(self, path: str = "/hooks") -> str:
        return self.endpoints[path][1]

    # the account's calls

    def api(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        code, answer, _ = self.server.call(method, path, bearer=self.token, body=body)
        assert code == status, answer
        return answer

    def send(self, body: str = "hello", **fields: Any) -> int:
        form = {"to": NUMBER, "body": body, "device_id": self.device_id, **fields}
        return int(self.api("POST", "/v1/messages", form, status=202)["sms_id"])

    def message(self, sms_id: int) -> Any:
        return self.api("GET", f"/v1/messages/{sms_id}")

    def endpoint_now(self, path: str = "/hooks") -> Any:
        return self.api("GET", f"/v1/endpoints/{self.endpoint(path)}")

    def deliveries(self, **query: object) -> Any:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return self.api("GET", f"/v1/deliveries?{words}")["deliveries"]

    # the phone's calls

    def phone(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        code, answer, _ = self.server.call(method, f"/phone/v1/{path}", bearer=self.key, body=body)
        assert code == status, answer
        return answer

    def poll(self, wait: float = 0, limit: int = 15) -> list[Any]:
        return list(self.phone("GET", f"messages?wait={wait:g}&limit={limit}"))

    def report(self, sms_id: int, *statuses: int) -> list[str]:
        reports = [{"sms_id": sms_id, "status_id": status} for status in statuses]
        return [told["result"] for told in self.phone("POST", "reports", reports)]

    def incoming(self, body: str = "hi", **fields: Any) -> Any:
        form = {"address": NUMBER, "body": body, "date": "2026-01-02T03:04:05Z", **fields}
        return self.phone("POST", "incoming", form)[0]

    def picture(self, data: bytes, **fields: str) -> tuple[int, Any]:
        """An incoming picture: (status, answer)."""
        fields = {"address": NUMBER, "date": "2026-01-02T03:04:05Z", "channel_id": "3", **fields}
        content, kind = form(*fields.items(), ("file", data))
        headers = {"Content-Type": kind}
        code, answer, _ = self.server.call(
            "POST", "/phone/v1/incoming/image", bearer=self.key, raw=content, headers=headers
        )
        return code, answer

    def good_life(self, body: str = "hello", **fields: Any) -> int:
        """A message that goes out as it should."""
        sms_id = self.send(body, **fields)
        assert sms_id in [offered["sms_id"] for offered in self.poll(wait=10, limit=100)]
        assert self.report(sms_id, 2, 6, 7) == ["accepted"] * 3
        return sms_id


def account(server: Server, *options: str) -> tuple[str, str]:
    """A new account: (e-mail, token)."""
    email = f"user{next(_serial)}@example.com"
    return email, ringback(server, "account", "add", email, *options)["token"]


def device(server: Server, email: str, token: str, **urls: str) -> Stage:
    """A new device of that account. ``urls``: ``status``, and ``slot_0`` to ``slot_5``."""
    added = ringback(server, "device", "add", "--account", email, "--title", "Shop phone")
    options = [
        option
        for name, url in urls.items()
        for option in (
            ("--status-webhook", url)
            if name == "status"
            else ("--incoming-webhook", f"{name.removeprefix('slot_')}={url}")
        )
    ]
    shown = ringback(server, "device", "set", str(added["device_id"]), *options)["endpoints"] if urls else []
    found: dict[str, tuple[int, str]] = {}
    for one in shown:
        path = "/" + one["url"].split("/", 3)[3]
        secret = one["secret"] or found.get(path, (0, ""))[1]
        found[path] = (one["endpoint_id"], secret)
    return Stage(
        server=server,
        email=email,
        token=token,
        device_id=added["device_id"],
        key=added["device_key"],
        endpoints=found,
    )


def stage(server: Server, url: str = "", *options: str) -> Stage:
    """An account with a device, all of whose webhooks go to ``url`` and ``/hooks`` below it, if one is given."""
    email, token = account(server, *options)
    slots = {f"slot_{slot}": f"{url}/hooks" for slot in range(6)} if url else {}
    return device(server, email, token, **({"status": f"{url}/hooks"} if url else {}), **slots)


# -- what is sent


def form(*parts: tuple[str, str | bytes]) -> tuple[bytes, str]:
    """A multipart form and its content type; a part of bytes is a file."""
    lines = b""
    for name, value in parts:
        content = value if isinstance(value, bytes) else value.encode()
        named = b'; filename="picture"' if isinstance(value, bytes) else b""
        head = b'--frontier\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (name.encode(), named)
        lines += head + content + b"\r\n"
    return lines + b"--frontier--\r\n", "multipart/form-data; boundary=frontier"


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


@contextlib.contextmanager
def checked(server: Server) -> Iterator[Server]:
    """A server that has to end well, and whose log may hold nothing that failed."""
    with server:
        yield server
        assert server.stop() == 0
    log = server.log.read_text()
    assert "Traceback" not in log, log
    assert "request.failed" not in log, log
