"""A message as callers submit it and phones bring it, and the bounds that hold for both."""

from dataclasses import dataclass

from ringback.domain.channels import Channel

MAX_BODY = 10_000  # characters: some 65 SMS parts, far beyond what networks carry in one
MAX_CUSTOMERID = 2**63 - 1
MAX_KEY = 200
MAX_REASON = 1_000
MAX_LIST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Checked, and ready to be written. Times are ms; ``due_at`` None means now."""

    to: str
    body: str
    device_id: int
    channel: Channel = Channel.SIM_1
    due_at: int | None = None
    expires_at: int | None = None
    urgent: bool = False
    customerid: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A text or (``image`` is then the stored picture's name) an image that a phone received. Times are ms.

    ``phone_id`` is the same when the same message is told again.
    """

    channel: Channel
    address: str
    body: str
    date: int
    date_sent: int
    internal_id: int | None
    phone_id: str
    image: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a phone (or the server itself) says of a message."""

    sms_id: int
    status_id: int
    at: int
    reason: str | None = None
