"""An event: what the world may be told. Its kinds, and the id that a receiver sees."""

from enum import StrEnum

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX = "evt_"


class Kind(StrEnum):
    """The header ``ringback-event``."""

    MESSAGE_STATUS = "message.status"
    MESSAGE_INCOMING = "message.incoming"
    WEBHOOK_TEST = "webhook.test"
    ENDPOINT_PAUSED = "endpoint.paused"


def webhook_id(event_id: int, nonce: str) -> str:
    """The event's id as receivers see it: the row's number for us to find it by, and a random part, so that an id never
    comes twice even when a database was restored from an older copy and counts anew.
    """
    digits = ""
    while event_id:
        event_id, digit = divmod(event_id, 36)
        digits = _ALPHABET[digit] + digits
    return f"{_PREFIX}{digits or '0'}_{nonce}"


def parse_webhook_id(text: str) -> tuple[int, str] | None:
    """(event id, nonce) of a webhook id, or None if it is not one of ours."""
    number, separator, nonce = text.removeprefix(_PREFIX).partition("_")
    if not text.startswith(_PREFIX) or not separator or not number or not nonce or len(number) > 12:
        return None
    if any(character not in _ALPHABET for character in number):
        return None
    return int(number, 36), nonce
