"""The native phone protocol's door (native.md beside this file)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from ringback.domain.problems import Problem
from ringback.domain.times import SECOND, iso
from ringback.runtime import Runtime
from ringback.service import devices, identity, inbound, outbox, reports
from ringback.store import devices as devices_store
from ringback.store import messages as messages_store
from ringback.wire import native

MAX_LIMIT = 100
MAX_WAIT = 60.0
_JSON = "application/json"


def routes(rt: Runtime) -> list[Mount]:
    """Mounted, so that a wrong method is refused here and not looked for in the next door."""
    door = _Door(rt)
    calls = [
        Route("/pair", door.pair, methods=["POST"]),
        Route("/messages", door.messages, methods=["GET"]),
        Route("/reports", door.reports, methods=["POST"]),
        Route("/incoming", door.incoming, methods=["POST"]),
        Route("/incoming/image", door.image, methods=["POST"]),
        Route("/heartbeat", door.heartbeat, methods=["POST"]),
    ]
    return [Mount("/phone/v1", app=Router(calls, redirect_slashes=False))]


class _Door:
    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._sightings = devices.Sightings()

    async def _device(self, request: Request) -> int:
        """Who is it? Whoever it is was heard of."""
        device_id = await identity.device_of(self._rt, identity.bearer(request.headers.get("authorization")))
        if self._sightings.due(device_id, self._rt.clock.now()):
            await self._rt.db.write(devices.write_sightings, devices.Sighting(device_id=device_id))
        return device_id

    async def pair(self, request: Request) -> Response:
        device_id, key = await devices.pair(self._rt, native.pair(await _body(request)))
        return _answer({"device_id": device_id, "device_key": key})

    async def messages(self, request: Request) -> Response:
        device_id = await self._device(request)
        limit = round(_number(request, "limit", 15, 1, MAX_LIMIT))
        poll = outbox.Poll(device_id=device_id, limit=limit)
        rt = self._rt
        until = rt.clock.now() + _number(request, "wait", 0, 0, MAX_WAIT) * SECOND
        while True:
            waiter = rt.bell.listen(device_id)  # before looking, so that what is accepted meanwhile is heard
            try:
                offer = await outbox.offer(rt, poll)
                now = rt.clock.now()
                if offer.messages or now >= until or rt.bell.closed:
                    return Response(native.offered(offer.messages), media_type=_JSON)
                wake_at = until if offer.again_at is None else min(until, offer.again_at)
                await rt.bell.heard(device_id, waiter, max(0.001, (wake_at - now) / SECOND))
            finally:
                rt.bell.unlisten(device_id, waiter)

    async def reports(self, request: Request) -> Response:
        device_id = await self._device(request)
        told = native.reports(await _body(request), self._rt.clock.now())
        results = await reports.tell(self._rt, reports.Telling(device_id=device_id, reports=told))
        return Response(
            native.told([(result.sms_id, int(result.status_id), result.verdict) for result in results]),
            media_type=_JSON,
        )

    async def incoming(self, request: Request) -> Response:
        device_id = await self._device(request)
        receipts = await inbound.receive(self._rt, device_id, native.incoming(await _body(request)))
        return _answer([{"sms_id": receipt.sms_id, "duplicate": receipt.duplicate} for receipt in receipts])

    async def image(self, request: Request) -> Response:
        device_id = await self._device(request)
        fields, data = await _form(request)
        message = native.image(fields, data)
        key = (device_id, message.phone_id)
        known = await self._rt.db.read(messages_store.told_by_phone, {key})
        if key not in known:
            message = inbound.with_image(message, await inbound.store_image(self._rt, data))
        [receipt] = await inbound.receive(self._rt, device_id, [message])
        url = await inbound.image_of(self._rt, receipt.sms_id)
        return _answer({"sms_id": receipt.sms_id, "duplicate": receipt.duplicate, "img_url": url})

    async def heartbeat(self, request: Request) -> Response:
        device_id = await self._device(request)
        health = native.heartbeat(await _body(request))
        await self._rt.db.write(devices.write_sightings, devices.Sighting(device_id=device_id, health=health))
        row = await self._rt.db.read(devices_store.row, device_id)
        title = row["title"] if row is not None else ""
        return _answer({"device_id": device_id, "title": title, "time": iso(self._rt.clock.now())})


def _answer(value: object) -> Response:
    return Response(native.answer(value), media_type=_JSON)


async def _body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > native.MAX_BYTES:
        raise Problem("too_large", f"The body is larger than {native.MAX_BYTES} bytes: send less at once.")
    return body


async def _form(request: Request) -> tuple[dict[str, str], bytes]:
    """A multipart form's fields, and the bytes of its file."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem(
            "malformed", "Send the picture as multipart/form-data, the picture itself as the part 'file'."
        )
    async with request.form(max_files=1, max_fields=20) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise Problem("invalid", "The part 'file' with the picture is missing.", field="file")
        return fields, await file.read()


def _number(request: Request, name: str, default: float, low: float, high: float) -> float:
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    try:
        value = float(text)
    except ValueError as exc:
        raise Problem("invalid", f"{name}={text[:20]} is not a number.", field=name) from exc
    if not low <= value <= high:
        raise Problem("invalid", f"{name} may be {low:g} to {high:g}.", field=name)
    return value
