"""The native phone language (phones/native.md): bytes to values, values to bytes, no I/O."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from ringback.domain.addresses import MAX_LENGTH
from ringback.domain.channels import Channel
from ringback.domain.lifecycle import Verdict
from ringback.domain.messages import MAX_BODY, MAX_KEY, MAX_LIST, MAX_REASON, Incoming, Report
from ringback.domain.problems import Problem
from ringback.domain.times import iso, parse

MAX_BYTES = 4 * 1024 * 1024  # of a JSON request
MAX_ID = 2**53  # beyond that, not every JSON reader keeps an integer exact

Moment = str | float
Id = Annotated[int, Meta(ge=1, le=MAX_ID)]


class PairIn(msgspec.Struct):
    code: Annotated[str, Meta(max_length=50)]


class ReportIn(msgspec.Struct):
    sms_id: Id
    status_id: int
    at: Moment | None = None
    reason: str | None = None


class IncomingIn(msgspec.Struct):
    address: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]
    body: Annotated[str, Meta(max_length=MAX_BODY)]
    date: Moment
    channel_id: int = 0
    date_sent: Moment | None = None
    internal_id: Annotated[int, Meta(ge=0, le=MAX_ID)] | None = None
    id: Annotated[str, Meta(min_length=1, max_length=MAX_KEY)] | None = None


class ImageIn(msgspec.Struct):
    address: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]
    date: Moment
    channel_id: int = 0
    date_sent: Moment | None = None
    internal_id: Annotated[int, Meta(ge=0, le=MAX_ID)] | None = None
    id: Annotated[str, Meta(min_length=1, max_length=MAX_KEY)] | None = None
    caption: Annotated[str, Meta(max_length=MAX_BODY)] | None = None


class HeartbeatIn(msgspec.Struct, omit_defaults=True):
    battery: Annotated[float, Meta(ge=0, le=100)] | None = None
    charging: bool | None = None
    network: Annotated[str, Meta(max_length=50)] | None = None
    app_version: Annotated[str, Meta(max_length=50)] | None = None


class MessageOut(msgspec.Struct):
    sms_id: int
    channel_id: int
    to: str
    body: str
    urgent: bool
    expires_at: str | None


T = TypeVar("T")
_PATH = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_PART = re.compile(r"\.?([^.\[\]]+)")
_encode = msgspec.json.Encoder().encode
_reports = msgspec.json.Decoder(list[ReportIn] | ReportIn)
_incoming = msgspec.json.Decoder(list[IncomingIn] | IncomingIn)
_pair = msgspec.json.Decoder(PairIn)
_heartbeat = msgspec.json.Decoder(HeartbeatIn)


def _decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as exc:
        raise _invalid(exc) from exc
    except RecursionError as exc:
        raise Problem("malformed", "The body is nested too deeply.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Problem("malformed", f"The body is not valid JSON in UTF-8: {exc}.") from exc


def _invalid(exc: msgspec.ValidationError) -> Problem:
    words = str(exc)
    found = _PATH.search(words)
    field = ".".join(_PART.findall(found.group(1))) if found else None
    return Problem("invalid", f"{_PATH.sub('', words)}.", field=field or None)


def _listed(found: list[T] | T) -> list[tuple[str, T]]:
    """Each item with the path to it: none for a single object."""
    if not isinstance(found, list):
        return [("", found)]
    if len(found) > MAX_LIST:
        raise Problem(
            "too_large", f"A list may hold {MAX_LIST} items, and this one has {len(found)}: send several."
        )
    return [(f"{place}.", item) for place, item in enumerate(found)]


def _moment(value: Moment, field: str) -> int:
    try:
        return parse(value)
    except ValueError as exc:
        raise Problem("invalid", f"{exc}.", field=field) from exc


def channel(number: int, field: str) -> Channel:
    try:
        return Channel(number)
    except ValueError as exc:
        raise Problem(
            "invalid", f"There is no channel {number}: a device has the slots 0 to 5.", field=field
        ) from exc


# -- what phones say


def pair(data: bytes) -> str:
    return _decode(_pair, data).code


def reports(data: bytes, now: int) -> list[Report]:
    """Reports; one without ``at`` happened ``now`` (ms). A reason that is too long is cut."""
    return [
        Report(
            sms_id=report.sms_id,
            status_id=report.status_id,
            at=now if report.at is None else _moment(report.at, f"{place}at"),
            reason=report.reason[:MAX_REASON] if report.reason else None,
        )
        for place, report in _listed(_decode(_reports, data))
    ]


def incoming(data: bytes) -> list[Incoming]:
    return [
        _as_incoming(message, place, message.body, None)
        for place, message in _listed(_decode(_incoming, data))
    ]


def image(fields: Mapping[str, str], data: bytes) -> Incoming:
    """An incoming image's form fields; its bytes only serve to know it again where the phone gives no id."""
    try:
        given = {name: _form_value(name, value) for name, value in fields.items() if value != ""}
        message = msgspec.convert(given, ImageIn, strict=False)
    except msgspec.ValidationError as exc:
        raise _invalid(exc) from exc
    return _as_incoming(message, "", hashlib.sha256(data).hexdigest(), message.caption)


def _form_value(name: str, value: str) -> Moment:
    """A form knows only text: what is a number of seconds there would be a number in JSON."""
    return float(value) if name in ("date", "date_sent") and _NUMBER.fullmatch(value) else value


def _as_incoming(message: IncomingIn | ImageIn, at: str, content: str, caption: str | None) -> Incoming:
    slot = channel(message.channel_id, f"{at}channel_id")
    date = _moment(message.date, f"{at}date")
    date_sent = date if message.date_sent is None else _moment(message.date_sent, f"{at}date_sent")
    address = message.address.strip()
    if not address:
        raise Problem("invalid", "The address is empty.", field=f"{at}address")
    if message.id is not None:
        phone_id = f"id:{message.id}"
    else:
        same = _encode((int(slot), address, date, content, message.internal_id))
        phone_id = f"hash:{hashlib.sha256(same).hexdigest()}"
    return Incoming(
        channel=slot,
        address=address,
        # A NUL is no character of a message and no database's; the rest of the text is worth keeping.
        body=message.body.replace("\0", "") if isinstance(message, IncomingIn) else "",
        date=date,
        date_sent=date_sent,
        internal_id=message.internal_id,
        phone_id=phone_id,
        caption=caption,
    )


def heartbeat(data: bytes) -> dict[str, Any]:
    found = _decode(_heartbeat, data) if data.strip() else HeartbeatIn()
    return {name: value for name, value in msgspec.structs.asdict(found).items() if value is not None}


# -- what phones are told


def offered(rows: Sequence[Mapping[Any, Any]]) -> bytes:
    return _encode(
        [
            MessageOut(
                sms_id=row["id"],
                channel_id=row["channel_id"],
                to=row["address"],
                body=row["body"],
                urgent=bool(row["urgent"]),
                expires_at=iso(row["expires_at"]) if row["expires_at"] is not None else None,
            )
            for row in rows
        ]
    )


def told(results: Sequence[tuple[int, int, Verdict]]) -> bytes:
    return _encode(
        [
            {"sms_id": sms_id, "status_id": status_id, "result": verdict.value}
            for sms_id, status_id, verdict in results
        ]
    )


def answer(value: object) -> bytes:
    return _encode(value)
