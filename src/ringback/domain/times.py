"""Moments: inside the house an integer of milliseconds since 1970 (UTC), at its edges text."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Numbers above this are milliseconds, below it seconds: it is the year 5138 in the one and 1973 in the other.
_MILLISECONDS_FROM = 100_000_000_000
# The end of the year 9999, beyond which datetime has no words, less a day: that moment is said in every zone.
_LATEST = 253_402_300_799_999 - DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)?")


class DatetimeFormat(StrEnum):
    """How webhooks write a moment: the original's ``YYYY-MM-DD HH:MM:SS``, or ISO 8601 with its offset."""

    PLAIN = "plain"
    ISO8601 = "iso8601"


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name; ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(
            f"'{name}' is not a time zone: give an IANA name such as Europe/Berlin or UTC"
        ) from exc


@lru_cache(maxsize=4096)  # a busy second is written many times
def _second_text(second: int, zone_name: str, form: DatetimeFormat) -> str:
    moment = datetime.fromtimestamp(second, zone(zone_name))
    if form is DatetimeFormat.PLAIN:
        return moment.replace(tzinfo=None).isoformat(" ")
    return moment.isoformat()


def text(moment: int, zone_name: str, form: DatetimeFormat) -> str:
    """A moment as a webhook writes it, whole seconds, in the account's zone."""
    return _second_text(moment // SECOND, zone_name, form)


def iso(moment: int) -> str:
    """A moment as the API writes it: ISO 8601 in UTC with milliseconds."""
    exact = _EPOCH + timedelta(milliseconds=moment)  # not a float of seconds: in far years it is too coarse
    return exact.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(value: str | float, zone_name: str = "UTC") -> int:
    """Milliseconds from ISO 8601 text (without an offset: in ``zone_name``), or a number of unix seconds or
    milliseconds; ValueError, worded for the caller, for anything else.
    """
    if isinstance(value, str):
        return _parse_text(value.strip(), zone_name)
    moment = value if value >= _MILLISECONDS_FROM else value * SECOND
    if not 0 <= moment <= _LATEST:
        raise ValueError(f"{value} is not a time: give unix seconds or ISO 8601")
    return round(moment)


def _parse_text(value: str, zone_name: str) -> int:
    wrong = f"'{value[:60]}' is not a time: give ISO 8601 such as 2026-11-23T18:57:33+01:00, or unix seconds"
    if not _ISO.fullmatch(value):
        raise ValueError(wrong)
    try:
        moment = datetime.fromisoformat(value.replace(",", ".").replace("z", "Z"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone(zone_name))
        milliseconds = round(moment.timestamp() * SECOND)
    except (ValueError, OverflowError) as exc:
        raise ValueError(wrong) from exc
    if not 0 <= milliseconds <= _LATEST:
        raise ValueError(wrong)
    return milliseconds
