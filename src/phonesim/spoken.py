"""What a phone and the server say to each other in the native protocol (`ringback/phones/native.md`)."""

import msgspec


class Offered(msgspec.Struct, frozen=True):
    """A message that the server wants sent."""

    sms_id: int
    to: str
    body: str = ""
    channel_id: int = 0
    urgent: bool = False
    expires_at: str | None = None


class Report(msgspec.Struct, frozen=True):
    sms_id: int
    status_id: int
    at: str
    reason: str | None = None


class ReportAnswer(msgspec.Struct, frozen=True):
    """``status_id`` is the message's status on the server after the report."""

    sms_id: int
    status_id: int
    result: str


class Incoming(msgspec.Struct, frozen=True):
    address: str
    body: str
    date: str
    date_sent: str
    internal_id: int
    id: str
    channel_id: int = 0


class IncomingImage(msgspec.Struct, frozen=True):
    """``picture`` are the file's bytes, ``name`` its name without folders."""

    address: str
    date: str
    date_sent: str
    internal_id: int
    id: str
    name: str
    picture: bytes
    caption: str | None = None
    channel_id: int = 0


class IncomingAnswer(msgspec.Struct, frozen=True):
    """``img_url`` only for images."""

    sms_id: int
    duplicate: bool = False
    img_url: str | None = None


class Paired(msgspec.Struct, frozen=True):
    device_id: int
    device_key: str


class Alive(msgspec.Struct, frozen=True):
    device_id: int
    title: str = ""
    time: str = ""
