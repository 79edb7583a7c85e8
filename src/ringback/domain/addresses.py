"""Who a message goes to or comes from: phone numbers as people write them, and the plus rule."""

import re
from collections.abc import Sequence

from ringback.domain.channels import SMS, Channel

MAX_LENGTH = 150  # the longest name a service gives its users (WhatsApp's business-scoped ids)
_ORNAMENT = re.compile(r"[\s\-().\u2010-\u2015\u00a0\u202f/]+")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{1,149}")


def recipient(text: str, channel: Channel, plus_prefixes: Sequence[str] = ()) -> str:
    """The number that is dialled: spaces, dashes, dots, slashes and brackets go, and a plus is added where the
    device's rule asks for one. ValueError, worded for the caller, if no number remains.
    """
    stripped = text.strip()
    plain = _ORNAMENT.sub("", stripped)
    if _NUMBER.fullmatch(plain):
        return add_plus(plain, plus_prefixes)
    if channel not in SMS and _NAME.fullmatch(stripped):
        return stripped
    raise ValueError(
        f"'{text[:60]}' is not a phone number: give 2 to 20 digits, with or without a leading +, such as +4915112345678"
    )


def add_plus(number: str, prefixes: Sequence[str]) -> str:
    """The device setting "add + if the number starts with …"."""
    if not number.startswith("+") and any(number.startswith(prefix) for prefix in prefixes):
        return "+" + number
    return number


def parse_prefixes(text: str) -> tuple[str, ...]:
    """Prefixes from ``"49, 7"``; ValueError if one is not digits."""
    prefixes = tuple(part.strip() for part in text.split(",") if part.strip())
    for prefix in prefixes:
        if not (prefix.isascii() and prefix.isdigit()):
            raise ValueError(f"'{prefix}' is not a beginning of a number: give digits, separated by commas")
    return prefixes
