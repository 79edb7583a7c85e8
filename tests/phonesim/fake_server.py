"""A small server of the native phone protocol, with knobs to fail."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from phonesim.listener import Listener, transport_of

KEY = "the-key"
CODE = "ABCD-EFGH"


class FakeServer:
    """Keeps messages and incoming in memory. Knobs: ``fail`` (statuses for the next calls that change something),
    ``lose`` (that many of them are done, but their answer is lost), ``foreign`` (sms_ids whose report is refused).
    """

    def __init__(self) -> None:
        self.fail: list[int] = []
        self.lose = 0
        self.foreign: set[int] = set()
        self.short_answers = 0
        self.status: dict[int, int] = {}
        self.reports: list[tuple[int, int]] = []
        self.times: list[float] = []
        self.incoming: dict[str, dict[str, Any]] = {}
        self.tellings: list[str] = []
        self.images: list[bytes] = []
        self.batches: list[int] = []
        self.polls = 0
        self.beats = 0
        self._messages: dict[int, dict[str, Any]] = {}
        self._due = asyncio.Event()
        routes = {
            "pair": self._pair,
            "messages": self._offer,
            "reports": self._report,
            "incoming": self._take,
            "incoming/image": self._take_image,
            "heartbeat": self._beat,
        }
        self._app = Starlette(
            routes=[
                Route(f"/phone/v1/{path}", call, methods=["GET", "POST"]) for path, call in routes.items()
            ]
        )
        self._listener = Listener(self._app, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        return self._listener.url

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.down()

    async def up(self) -> None:
        await self._listener.start()

    async def down(self) -> None:
        """Hangs up on everybody; ``up`` listens on the same port again."""
        await self._listener.close()

    def send(self, *bodies: str, to: str = "+4915112345") -> list[int]:
        ids = [len(self._messages) + number for number in range(1, len(bodies) + 1)]
        for sms_id, body in zip(ids, bodies, strict=True):
            self._messages[sms_id] = {"sms_id": sms_id, "channel_id": 0, "to": to, "body": body}
            self.status[sms_id] = 3
        self._due.set()
        return ids

    def told(self, sms_id: int) -> list[int]:
        """The statuses reported of a message, in their order."""
        return [status_id for told_id, status_id in self.reports if told_id == sms_id]

    async def _pair(self, request: Request) -> Response:
        if msgspec.json.decode(await request.body())["code"] != CODE:
            return _json(
                {"title": "no such code", "code": "not_found", "detail": "this code is not known"}, 404
            )
        return _json({"device_id": 7, "device_key": KEY})

    async def _offer(self, request: Request) -> Response:
        self.polls += 1
        if _stranger(request):
            return _refusal()
        ends = time.monotonic() + float(request.query_params["wait"])
        while not (due := [message for id_, message in self._messages.items() if self.status[id_] == 3]):
            self._due.clear()
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    await self._due.wait()
            except TimeoutError:
                break
        return _json(due[: int(request.query_params["limit"])])

    async def _report(self, request: Request) -> Response:
        reports = msgspec.json.decode(await request.body())
        self.batches.append(len(reports))
        for report in reports:
            if report["sms_id"] in self.foreign:
                detail = f"message {report['sms_id']} is not this device's"
                return _json({"title": "no", "code": "not_found", "detail": detail}, 404)
        if trouble := self._trouble():
            return trouble
        answers = []
        for report in reports:
            sms_id, status_id = report["sms_id"], report["status_id"]
            self.reports.append((sms_id, status_id))
            self.times.append(time.monotonic())
            result = "duplicate" if self.status[sms_id] == status_id else "accepted"
            self.status[sms_id] = status_id
            answers.append({"sms_id": sms_id, "status_id": status_id, "result": result})
        if self.short_answers:
            self.short_answers -= 1
            answers.pop()
        return self._lost(request) or _json(answers)

    async def _take(self, request: Request) -> Response:
        texts = msgspec.json.decode(await request.body())
        self.batches.append(len(texts))
        if trouble := self._trouble():
            return trouble
        answers = [self._keep(text) for text in texts]
        return self._lost(request) or _json(answers)

    async def _take_image(self, request: Request) -> Response:
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            file = form["file"]
            assert not isinstance(file, str)
            content = await file.read()
        if trouble := self._trouble():
            return trouble
        self.images.append(content)
        answer = {**self._keep(fields), "img_url": "http://pictures/1"}
        return self._lost(request) or _json(answer)

    async def _beat(self, request: Request) -> Response:
        self.beats += 1
        if _stranger(request):
            return _refusal()
        return _json({"device_id": 7, "title": "Shop phone", "time": "2026-11-23T18:57:33Z"})

    def _keep(self, message: dict[str, Any]) -> dict[str, Any]:
        duplicate = message["id"] in self.incoming
        self.incoming[message["id"]] = message
        self.tellings.append(message["id"])
        return {"sms_id": 1000 + list(self.incoming).index(message["id"]), "duplicate": duplicate}

    def _trouble(self) -> Response | None:
        return _json({"title": "failed", "code": "fake"}, self.fail.pop(0)) if self.fail else None

    def _lost(self, request: Request) -> Response | None:
        if not self.lose:
            return None
        self.lose -= 1
        transport_of(request.scope).abort()
        return Response(status_code=500)


def _stranger(request: Request) -> bool:
    return request.headers.get("authorization") != f"Bearer {KEY}"


def _refusal() -> Response:
    return _json({"title": "no", "code": "unauthorized", "detail": "this key is not known"}, 401)


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
