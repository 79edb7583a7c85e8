"""The native phone protocol from the phone's side: one client, two ways to fail (`ringback/phones/native.md`)."""

from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from phonesim.spoken import (
    Alive,
    Incoming,
    IncomingAnswer,
    IncomingImage,
    Offered,
    Paired,
    Report,
    ReportAnswer,
)

T = TypeVar("T")

# These client errors say "not now", not "not like this".
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class _Problem(msgspec.Struct):
    title: str = ""
    code: str = ""
    detail: str = ""


@dataclass(slots=True)
class Refused(Exception):  # noqa: N818 -- a refusal is an answer, the word of the protocol
    """The server said no: to say it again unchanged is useless."""

    status: int
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.detail} ({self.status}{f' {self.code}' if self.code else ''})"


@dataclass(slots=True)
class Unreachable(Exception):  # noqa: N818 -- a state of the world, not a fault of the program
    """No answer, or "not now": say it again after a pause of at least ``retry_after`` seconds."""

    words: str
    retry_after: float = 0.0

    def __str__(self) -> str:
        return self.words


def check_server(url: str) -> str:
    """The server's address without a slash at its end; ValueError with what to do instead."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a server: write it like http://127.0.0.1:8000")
    return url.rstrip("/")


class NativeClient:
    """The calls of the protocol: each returns the server's answer or raises Refused or Unreachable."""

    def __init__(self, server: str, key: str | None = None) -> None:
        self.server = check_server(server)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def pair(self, code: str) -> Paired:
        return await self._call("pair", Paired, content={"code": code})

    async def messages(self, *, limit: int, wait: float) -> list[Offered]:
        query = {"limit": str(limit), "wait": f"{wait:g}"}
        return await self._call("messages", list[Offered], query=query, patience=wait + 15)

    async def report(self, reports: list[Report]) -> list[ReportAnswer]:
        return _complete(reports, await self._call("reports", list[ReportAnswer], content=reports))

    async def incoming(self, texts: list[Incoming]) -> list[IncomingAnswer]:
        return _complete(texts, await self._call("incoming", list[IncomingAnswer], content=texts))

    async def incoming_image(self, image: IncomingImage) -> IncomingAnswer:
        form = aiohttp.FormData()
        for field in ("channel_id", "address", "date", "date_sent", "internal_id", "id", "caption"):
            if (value := getattr(image, field)) is not None:
                form.add_field(field, str(value))
        form.add_field("file", image.picture, filename=image.name)
        return await self._call("incoming/image", IncomingAnswer, form=form)

    async def heartbeat(self, *, battery: int, charging: bool, network: str) -> Alive:
        state = {"battery": battery, "charging": charging, "network": network, "app_version": "phonesim"}
        return await self._call("heartbeat", Alive, content=state)

    async def _call(
        self,
        path: str,
        answer_type: type[T],
        *,
        content: object = None,
        form: aiohttp.FormData | None = None,
        query: dict[str, str] | None = None,
        patience: float = 30,
    ) -> T:
        if self._session is None:
            raise RuntimeError("a NativeClient is used inside `async with`")
        data: Any = form
        headers = {}
        if content is not None:
            data = msgspec.json.encode(content)
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                "GET" if data is None else "POST",
                f"{self.server}/phone/v1/{path}",
                params=query,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=patience, sock_connect=5),
                allow_redirects=False,
            ) as answer:
                status, hint, body = answer.status, answer.headers.get("Retry-After"), await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as exc:
            words = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
            raise Unreachable(f"no answer ({words})") from exc
        if status == HTTPStatus.OK:
            return _read(body, answer_type)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
            pause = float(hint) if hint and hint.isdigit() else 0.0
            raise Unreachable(f"the server answers {status}", retry_after=min(pause, 60.0))
        raise _refusal(status, body)


def _read(body: bytes, answer_type: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=answer_type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        # Said again rather than dropped: whoever answers there may be a proxy with an error page.
        raise Unreachable(f"what answers there does not speak the phone protocol ({exc})") from exc


def _refusal(status: int, body: bytes) -> Refused:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        problem = _Problem()
    return Refused(status, problem.code, problem.detail or problem.title or "the server refuses this")


def _complete(told: list[Any], answers: list[T]) -> list[T]:
    if len(told) != len(answers):
        raise Unreachable(f"{len(told)} told, {len(answers)} answered: all are told again")
    return answers
