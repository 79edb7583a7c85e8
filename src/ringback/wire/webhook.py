"""The bodies of the two webhooks: the founding document's keys, in its order, nothing added, nothing left out.

A message becomes bytes once; every attempt sends the same bytes. The extended form appends what the three forms
lack of one another and never changes a key of the founding document (contracts/webhooks.md section 1).
"""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()


class StatusBody(msgspec.Struct, frozen=True, kw_only=True):
    sms_id: int
    status_id: int
    status_message: str
    sendto: str
    senttime: str | None
    channel_id: int
    device_id: int


class TextBody(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    date: str
    date_sent: str
    body: str
    internal_id: int
    channel_id: int
    sms_id: int
    device_id: int
    device_name: str
    type: str = "text"


class ImageBody(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    date: str
    date_sent: str
    body: str = ""
    internal_id: None = None
    sim: int
    sms_id: int
    type: str = "img"
    img_url: str


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """What the extended form adds where the exact form lacks it."""

    channel_id: int
    sim: int
    device_id: int
    device_name: str
    customerid: int | None
    sequence: int
    previous_status_id: int | None
    caption: str | None


Body = StatusBody | TextBody | ImageBody


def exact(body: Body) -> bytes:
    return _encoder.encode(body)


def extended(body: Body, extra: Extra) -> bytes:
    form: dict[str, Any] = msgspec.structs.asdict(body)
    for key, value in msgspec.structs.asdict(extra).items():
        form.setdefault(key, value)
    return _encoder.encode(form)
