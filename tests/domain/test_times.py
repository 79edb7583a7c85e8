"""Moments to text and back: zones, the hours around a change of the clock, all forms that phones may send."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringback.domain import times
from ringback.domain.times import DAY, DatetimeFormat

LATEST = 253_402_300_799_999 - DAY
MOMENTS = st.integers(0, LATEST)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"])


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000  # type: ignore[arg-type,misc] # year, month, day …


@pytest.mark.parametrize(
    ("moment", "zone", "plain", "iso8601"),
    [
        pytest.param(
            utc(2026, 11, 23, 17, 57, 33) + 999,
            "UTC",
            "2026-11-23 17:57:33",
            "2026-11-23T17:57:33+00:00",
            id="milliseconds are cut, not rounded",
        ),
        pytest.param(
            utc(2026, 11, 23, 17, 57, 33),
            "Europe/Berlin",
            "2026-11-23 18:57:33",
            "2026-11-23T18:57:33+01:00",
            id="winter time",
        ),
        pytest.param(
            utc(2026, 7, 1, 22, 0),
            "Europe/Berlin",
            "2026-07-02 00:00:00",
            "2026-07-02T00:00:00+02:00",
            id="summer time, the next day",
        ),
        pytest.param(
            utc(2026, 3, 29, 0, 59, 59),
            "Europe/Berlin",
            "2026-03-29 01:59:59",
            "2026-03-29T01:59:59+01:00",
            id="the last second before the clock goes forward",
        ),
        pytest.param(
            utc(2026, 3, 29, 1, 0),
            "Europe/Berlin",
            "2026-03-29 03:00:00",
            "2026-03-29T03:00:00+02:00",
            id="the first second after the clock went forward",
        ),
        pytest.param(
            utc(2026, 10, 25, 0, 30),
            "Europe/Berlin",
            "2026-10-25 02:30:00",
            "2026-10-25T02:30:00+02:00",
            id="the hour that comes twice: first",
        ),
        pytest.param(
            utc(2026, 10, 25, 1, 30),
            "Europe/Berlin",
            "2026-10-25 02:30:00",
            "2026-10-25T02:30:00+01:00",
            id="the hour that comes twice: second",
        ),
        pytest.param(
            utc(2026, 1, 1),
            "Asia/Kolkata",
            "2026-01-01 05:30:00",
            "2026-01-01T05:30:00+05:30",
            id="half an hour",
        ),
        pytest.param(
            0,
            "America/New_York",
            "1969-12-31 19:00:00",
            "1969-12-31T19:00:00-05:00",
            id="the beginning, said in the west",
        ),
        pytest.param(
            LATEST,
            "Pacific/Kiritimati",
            "9999-12-31 13:59:59",
            "9999-12-31T13:59:59+14:00",
            id="the last moment, said in the far east",
        ),
    ],
)
def test_text(moment: int, zone: str, plain: str, iso8601: str) -> None:
    assert times.text(moment, zone, DatetimeFormat.PLAIN) == plain
    assert times.text(moment, zone, DatetimeFormat.ISO8601) == iso8601


WHOLE = utc(2026, 11, 23, 17, 57, 33)


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        pytest.param("2026-11-23T17:57:33Z", "Asia/Kolkata", WHOLE, id="Z"),
        pytest.param("2026-11-23T17:57:33z", "UTC", WHOLE, id="small z"),
        pytest.param("2026-11-23T18:57:33+01:00", "UTC", WHOLE, id="offset"),
        pytest.param("2026-11-23T18:57:33+0100", "UTC", WHOLE, id="offset without colon"),
        pytest.param("2026-11-23T18:57:33+01", "UTC", WHOLE, id="offset of hours"),
        pytest.param("2026-11-23T12:57:33-05:00", "UTC", WHOLE, id="offset west"),
        pytest.param("2026-11-23T18:57:33 +01:00", "UTC", WHOLE, id="space before the offset"),
        pytest.param("  2026-11-23T17:57:33Z\n", "UTC", WHOLE, id="white space around"),
        pytest.param("2026-11-23 17:57:33", "UTC", WHOLE, id="the original's form"),
        pytest.param("2026-11-23 18:57:33", "Europe/Berlin", WHOLE, id="without an offset: the zone's"),
        pytest.param("2026-11-23T17:57", "UTC", WHOLE - 33_000, id="no seconds"),
        pytest.param("2026-11-23T17:57:33.5Z", "UTC", WHOLE + 500, id="a tenth"),
        pytest.param("2026-11-23T17:57:33,25Z", "UTC", WHOLE + 250, id="comma"),
        pytest.param("2026-11-23T17:57:33.123456789Z", "UTC", WHOLE + 123, id="nanoseconds"),
        pytest.param("2026-10-25 02:30:00", "Europe/Berlin", utc(2026, 10, 25, 0, 30), id="twice: the first"),
        pytest.param(
            "2026-03-29 02:30:00", "Europe/Berlin", utc(2026, 3, 29, 1, 30), id="the hour that is not"
        ),
        pytest.param(WHOLE // 1000, "UTC", WHOLE, id="unix seconds"),
        pytest.param(WHOLE / 1000 + 0.5, "UTC", WHOLE + 500, id="unix seconds with a fraction"),
        pytest.param(WHOLE + 7, "UTC", WHOLE + 7, id="unix milliseconds"),
        pytest.param(99_999_999_999, "UTC", 99_999_999_999_000, id="the largest number of seconds"),
        pytest.param(100_000_000_000, "UTC", 100_000_000_000, id="the smallest number of milliseconds"),
        pytest.param(0, "UTC", 0, id="the beginning"),
        pytest.param(LATEST, "UTC", LATEST, id="the end"),
    ],
)
def test_parse(value: str | float, zone: str, expected: int) -> None:
    assert times.parse(value, zone) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="words"),
        pytest.param("2026-11-23", id="a day"),
        pytest.param("2026-02-30T00:00", id="no such day"),
        pytest.param("2026-11-23T24:00", id="no such hour"),
        pytest.param("2026-11-23T17:57:60Z", id="a leap second"),
        pytest.param("1969-12-31T23:59:59Z", id="before the beginning"),
        pytest.param("0001-01-01T00:00+14:00", id="before year 1"),
        pytest.param("9999-12-31T23:59:59Z", id="after the end"),
        pytest.param("2026-11-23T17:57:33+25:00", id="no such offset"),
        pytest.param("٢٠٢٦-11-23T17:57", id="other digits"),
        pytest.param("1795456653", id="a number in quotes"),
        pytest.param(-1, id="negative"),
        pytest.param(LATEST + 1, id="too late"),
        pytest.param(float("nan"), id="not a number"),
        pytest.param(float("inf"), id="endless"),
        pytest.param(float("-inf"), id="endless before"),
    ],
)
def test_no_time(value: str | float) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        times.parse(value)


@given(st.one_of(st.text(), st.from_regex(times._ISO, fullmatch=True), st.integers(), st.floats()), ZONES)
@example(10**5000, "UTC")
def test_parse_raises_nothing_but_value_errors(value: str | float, zone: str) -> None:
    try:
        moment = times.parse(value, zone)
    except ValueError:
        return
    for form in DatetimeFormat:
        assert times.text(moment, zone, form)
    assert times.iso(moment)


@given(MOMENTS)
@example(LATEST)
@example(1_795_456_653_001)
def test_iso_round_trip(moment: int) -> None:
    assert times.iso(moment).endswith("Z")
    assert times.parse(times.iso(moment)) == moment


@given(MOMENTS, ZONES)
def test_text_round_trip(moment: int, zone: str) -> None:
    whole = moment - moment % 1000
    # Before a zone was unified its offset had seconds, which the accepted forms do not have: not after 1972.
    if moment > 2 * 366 * DAY:
        assert times.parse(times.text(moment, zone, DatetimeFormat.ISO8601)) == whole


@given(
    st.one_of(st.text(), st.sampled_from(["", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "é" * 300]))
)
def test_no_zone(name: str) -> None:
    try:
        assert times.zone(name).key == name
    except ValueError as exc:
        assert "is not a time zone" in str(exc)  # noqa: PT017 -- most texts are none, and some are one
