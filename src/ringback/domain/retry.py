"""When to try again: the delays of an unhealthy endpoint and of a poison event, and what a receiver asks for.

Source: contracts/webhooks.md section 5. All times are milliseconds. Time and chance are arguments:
``chance`` is a random number in [0, 1), so that a test can choose it. Jitter is only ever added,
so the documented delay is also the shortest one.
"""

import re
from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

PROBE_DELAYS = (1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND)
"""After the first, second … failed try of an endpoint."""
PROBE_DELAY_FIRST_HOUR = 60 * SECOND
PROBE_DELAY_LATER = 300 * SECOND

POISON_DELAYS = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR)
"""After the first, second … refused try of one event; the try after the last of them is the last."""

JITTER = 0.2
RETRY_AFTER_CAP = HOUR

_SECONDS = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# RFC 9110 section 5.6.7. Not strptime: its names of days and months follow the locale of the process.
_DATES = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def probe_delay(failures: int, unhealthy_for_ms: int, chance: float) -> int:
    """How long an unhealthy endpoint is left alone, in ms.

    ``failures`` counts the failed tries so far (at least 1), ``unhealthy_for_ms`` is the time since the
    first of them.
    """
    if failures <= len(PROBE_DELAYS):
        return _jittered(PROBE_DELAYS[max(failures, 1) - 1], chance)
    return _jittered(PROBE_DELAY_FIRST_HOUR if unhealthy_for_ms < HOUR else PROBE_DELAY_LATER, chance)


def poison_delay(tries: int, chance: float) -> int | None:
    """How long one refused event waits, in ms; None: park it.

    ``tries`` counts all tries of this event so far (at least 1).
    """
    if tries > len(POISON_DELAYS):
        return None
    return _jittered(POISON_DELAYS[max(tries, 1) - 1], chance)


def parse_retry_after(value: str | None, now_ms: int) -> int | None:
    """The wait that a ``Retry-After`` header asks for, in ms from ``now_ms``, at most RETRY_AFTER_CAP.

    Seconds (a fraction is not in the RFC but is met; rounded up) or a date in one of the three forms of
    RFC 9110. None for everything that says nothing: absent, past, negative or not readable.
    """
    text = (value or "").strip(" \t")
    if seconds := _SECONDS.fullmatch(text):
        whole, fraction = seconds[1].lstrip("0") or "0", seconds[2]
        if len(whole) > 6:  # beyond the cap anyway; and int() refuses strings of thousands of digits
            return RETRY_AFTER_CAP
        rounded_up = int(whole) + (1 if fraction and fraction.strip("0") else 0)
        return min(rounded_up * SECOND, RETRY_AFTER_CAP)
    for form in _DATES:
        if date := form.fullmatch(text):
            at_ms = _date_ms(date, now_ms)
            return min(at_ms - now_ms, RETRY_AFTER_CAP) if at_ms is not None and at_ms > now_ms else None
    return None


def with_hint(own_ms: int, hint_ms: int | None) -> int:
    """The later of our own delay and the receiver's hint: a hint never makes us come sooner."""
    return own_ms if hint_ms is None else max(own_ms, hint_ms)


def _jittered(delay_ms: int, chance: float) -> int:
    return delay_ms + int(delay_ms * JITTER * chance)


def _date_ms(date: re.Match[str], now_ms: int) -> int | None:
    year = int(date["year"])
    if len(date["year"]) == 2:
        year = _full_year(year, (_EPOCH + timedelta(milliseconds=now_ms)).year)
    second = 59 if date["second"] == "60" else int(date["second"])  # datetime knows no leap second
    try:
        at = datetime(
            year,
            _MONTHS.index(date["month"]) + 1,
            int(date["day"]),
            int(date["hour"]),
            int(date["minute"]),
            second,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _full_year(two_digits: int, this_year: int) -> int:
    """RFC 9110: what appears more than 50 years ahead is the most recent past year with these digits."""
    latest = this_year + 50
    return latest - (latest - two_digits) % 100
