"""The native phone language: whatever a phone sends, it gets an answer or a Problem; and what it says comes through."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.channels import Channel
from ringback.domain.messages import Report
from ringback.domain.problems import Problem
from ringback.domain.times import DAY, iso
from ringback.wire import native

NOW = 1_795_456_653_000
CALLS: dict[str, Callable[[bytes], Any]] = {
    "pair": native.pair,
    "reports": lambda data: native.reports(data, NOW),
    "incoming": native.incoming,
    "heartbeat": native.heartbeat,
}


def said(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"code":"x"} y', id="more behind"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b'{"code":"x","z":' + b"[" * 100_000, id="deep"),
        pytest.param(b'{"z":' + b"[" * 50_000 + b"]" * 50_000 + b"}", id="deep, and well-formed"),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_not_json(call: str, data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        CALLS[call](data)
    assert caught.value.code in ("malformed", "invalid")


@pytest.mark.parametrize(
    "text", [pytest.param(b"\xed\xa0\x80", id="in bytes"), pytest.param(b"\\ud800", id="escaped")]
)
def test_half_a_character(text: bytes) -> None:
    """It could not be written down, let alone sent on."""
    data = b'{"address":"1","date":1,"body":"' + text + b'"}'
    with pytest.raises(Problem) as caught:
        native.incoming(data)
    assert caught.value.code == "malformed"


@given(st.sampled_from(sorted(CALLS)), st.binary())
def test_junk_bytes_raise_nothing_but_problems(call: str, data: bytes) -> None:
    answered(call, data)


FIELDS = st.sampled_from(
    [
        "code",
        "sms_id",
        "status_id",
        "at",
        "reason",
        "address",
        "body",
        "date",
        "date_sent",
        "channel_id",
        "id",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(), inner, max_size=5),
)


@given(st.sampled_from(sorted(CALLS)), JSON)
def test_junk_values_raise_nothing_but_problems(call: str, value: object) -> None:
    answered(call, said(value))


def answered(call: str, data: bytes) -> None:
    try:
        CALLS[call](data)
    except Problem as problem:
        assert problem.code in ("malformed", "invalid", "too_large")  # noqa: PT017 -- some junk is well-formed


MOMENTS = st.integers(0, 253_402_300_799_999 - DAY)


@given(
    st.lists(st.builds(Report, sms_id=st.integers(1, 2**53), status_id=st.integers(), at=MOMENTS), max_size=5)
)
def test_reports_round_trip(told: list[Report]) -> None:
    sent = [{"sms_id": r.sms_id, "status_id": r.status_id, "at": iso(r.at)} for r in told]
    assert native.reports(said(sent), NOW) == told


@given(
    st.text(min_size=1, max_size=150).filter(str.strip),
    st.text(max_size=500),
    MOMENTS,
    st.sampled_from(Channel),
    st.none() | st.integers(0, 2**53),
)
def test_incoming_round_trip(
    address: str, body: str, date: int, channel: Channel, internal_id: int | None
) -> None:
    sent = {
        "address": address,
        "body": body,
        "date": iso(date),
        "channel_id": channel,
        "internal_id": internal_id,
    }
    [found] = native.incoming(said(sent))
    assert (found.address, found.body, found.date) == (address.strip(), body, date)
    assert (found.channel, found.internal_id, found.date_sent) == (channel, internal_id, date)
