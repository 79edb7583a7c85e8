"""The delays of contracts/webhooks.md section 5 and the hints of contracts/delivery.md section 6.9."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import retry
from ringback.domain.retry import HOUR, MINUTE, SECOND

NOW = 784_111_777_000  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples
CHANCES = st.floats(0, 1, exclude_max=True)
NOWS = st.integers(0, 4_000_000_000_000)


@pytest.mark.parametrize(
    ("failures", "unhealthy_for_ms", "expected"),
    [
        pytest.param(1, 0, 1 * SECOND, id="first failure"),
        pytest.param(2, 1 * SECOND, 2 * SECOND, id="second failure"),
        pytest.param(3, 3 * SECOND, 5 * SECOND, id="third failure"),
        pytest.param(4, 8 * SECOND, 10 * SECOND, id="fourth failure"),
        pytest.param(5, 18 * SECOND, 30 * SECOND, id="fifth failure"),
        pytest.param(6, 48 * SECOND, 60 * SECOND, id="then every minute"),
        pytest.param(64, HOUR - 1, 60 * SECOND, id="still the first hour"),
        pytest.param(65, HOUR, 300 * SECOND, id="then every five minutes"),
        pytest.param(10_000, 7 * 24 * HOUR, 300 * SECOND, id="for ever"),
        pytest.param(0, 0, 1 * SECOND, id="not yet failed counts as once"),
    ],
)
def test_probe_delay(failures: int, unhealthy_for_ms: int, expected: int) -> None:
    assert retry.probe_delay(failures, unhealthy_for_ms, 0.0) == expected


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        pytest.param(0, 5 * SECOND, id="not yet tried counts as once"),
        pytest.param(1, 5 * SECOND, id="first"),
        pytest.param(2, 30 * SECOND, id="second"),
        pytest.param(3, 2 * MINUTE, id="third"),
        pytest.param(4, 10 * MINUTE, id="fourth"),
        pytest.param(5, 30 * MINUTE, id="fifth"),
        pytest.param(6, HOUR, id="sixth"),
        pytest.param(7, 2 * HOUR, id="seventh"),
        pytest.param(8, None, id="parked after eight"),
        pytest.param(9, None, id="and stays so"),
    ],
)
def test_poison_delay(tries: int, expected: int | None) -> None:
    assert retry.poison_delay(tries, 0.0) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("120", 120_000, id="seconds"),
        pytest.param(" 120\t", 120_000, id="white space around"),
        pytest.param("0", 0, id="at once"),
        pytest.param("000000000000000000007", 7_000, id="leading zeros"),
        pytest.param("120.6", 121_000, id="a fraction is rounded up"),
        pytest.param("120.01", 121_000, id="however small"),
        pytest.param("120.000", 120_000, id="no fraction at all"),
        pytest.param("3600", HOUR, id="the cap itself"),
        pytest.param("3601", HOUR, id="just above the cap"),
        pytest.param("999999999", HOUR, id="far above the cap"),
        pytest.param("9" * 10_000, HOUR, id="more digits than int() takes"),
        pytest.param("Sun, 06 Nov 1994 08:51:37 GMT", 120_000, id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:51:37 GMT", 120_000, id="RFC 850"),
        pytest.param("Sun Nov  6 08:51:37 1994", 120_000, id="asctime"),
        pytest.param("Sun Nov 06 08:51:37 1994", 120_000, id="asctime with a zero"),
        pytest.param("Sun, 06 Nov 1994 08:49:60 GMT", 22_000, id="a leap second"),
        pytest.param("Mon, 07 Nov 1994 08:49:37 GMT", HOUR, id="a date above the cap"),
        pytest.param("Sunday, 06-Nov-44 08:49:37 GMT", HOUR, id="RFC 850, fifty years ahead"),
        pytest.param("Saturday, 06-Nov-93 08:49:37 GMT", None, id="RFC 850, last year"),
        pytest.param("Sunday, 06-Nov-45 08:49:37 GMT", None, id="RFC 850, more than fifty is the past"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", None, id="now"),
        pytest.param("Sun, 06 Nov 1994 08:49:36 GMT", None, id="a past date"),
        pytest.param("Sun, 31 Feb 1995 08:49:37 GMT", None, id="no such day"),
        pytest.param("Sun, 06 Nov 1994 24:49:37 GMT", None, id="no such hour"),
        pytest.param("Sun, 06 Nov 1994 08:49:61 GMT", None, id="no such second"),
        pytest.param("Sun, 06 Nov 0000 08:49:37 GMT", None, id="no such year"),
        pytest.param("Sun, 06 Nov 1994 08:51:37 CET", None, id="another zone"),
        pytest.param("1994-11-06T08:51:37Z", None, id="ISO 8601"),
        pytest.param("invalid", None, id="invalid"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1e3", None, id="an exponent"),
        pytest.param("١٢٠", None, id="digits of another script"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_parse_retry_after(value: str | None, expected: int | None) -> None:
    assert retry.parse_retry_after(value, NOW) == expected


@given(st.integers(0, 200), st.integers(0, 3 * HOUR), CHANCES)
def test_jitter_is_only_added(count: int, unhealthy_for_ms: int, chance: float) -> None:
    shortest = retry.probe_delay(count, unhealthy_for_ms, 0.0)
    assert shortest <= retry.probe_delay(count, unhealthy_for_ms, chance) <= shortest * 1.2
    least, poison = retry.poison_delay(count, 0.0), retry.poison_delay(count, chance)
    if least is None or poison is None:
        assert least is poison
    else:
        assert least <= poison <= least * 1.2


@given(st.integers(1, 200), st.integers(0, 3 * HOUR), st.integers(0, HOUR), CHANCES)
def test_delays_never_shrink(count: int, unhealthy_for_ms: int, longer_ms: int, chance: float) -> None:
    delay = retry.probe_delay(count, unhealthy_for_ms, chance)
    assert delay <= retry.probe_delay(count + 1, unhealthy_for_ms, chance)
    assert delay <= retry.probe_delay(count, unhealthy_for_ms + longer_ms, chance)
    poison, next_poison = retry.poison_delay(count, chance), retry.poison_delay(count + 1, chance)
    assert next_poison is None or (poison is not None and poison <= next_poison)


@given(st.integers(0, 10**9), st.one_of(st.none(), st.text(), st.integers().map(str)), NOWS)
def test_a_hint_only_lengthens(own_ms: int, value: str | None, now_ms: int) -> None:
    hint = retry.parse_retry_after(value, now_ms)
    assert own_ms <= retry.with_hint(own_ms, hint) <= own_ms + retry.RETRY_AFTER_CAP


@given(NOWS, st.integers(-10_000, 10_000))
def test_dates_agree_with_the_standard_library(now_ms: int, seconds: int) -> None:
    at = now_ms // SECOND + max(seconds, -now_ms // SECOND)
    value = format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)
    ahead = at * SECOND - now_ms
    assert retry.parse_retry_after(value, now_ms) == (min(ahead, HOUR) if ahead > 0 else None)


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_hints_are_monotone(one: int, other: int) -> None:
    low, high = sorted((one, other))
    first, second = retry.parse_retry_after(str(low), NOW), retry.parse_retry_after(str(high), NOW)
    assert first is not None
    assert second is not None
    assert first <= second
