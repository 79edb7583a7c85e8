"""The native phone language: pictures' form fields, and what phones are told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.channels import Channel
from ringback.domain.lifecycle import Verdict
from ringback.domain.messages import Incoming
from ringback.domain.problems import Problem
from ringback.wire import native

FORM = {"address": "+49151", "date": "2026-11-23T18:57:33Z"}
DATE = 1_795_460_253_000


def test_an_image_in_full() -> None:
    fields = {
        **FORM,
        "channel_id": "2",
        "date_sent": "1795460250",
        "internal_id": "5",
        "id": "42",
        "caption": "null",
        "x": "y",
    }
    assert native.image(fields, b"picture") == Incoming(
        channel=Channel.WHATSAPP_BUSINESS,
        address="+49151",
        body="",
        date=DATE,
        date_sent=1_795_460_250_000,
        internal_id=5,
        phone_id="id:42",
        caption="null",
    )


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        pytest.param("2026-11-23T19:57:33+01:00", DATE, id="ISO 8601"),
        pytest.param("1795460253", DATE, id="seconds"),
        pytest.param("1795460253.25", DATE + 250, id="seconds with a fraction"),
        pytest.param("1795460253001", DATE + 1, id="milliseconds"),
    ],
)
def test_a_forms_times(date: str, expected: int) -> None:
    found = native.image({**FORM, "date": date, "channel_id": ""}, b"")
    assert (found.date, found.date_sent, found.channel) == (expected, expected, Channel.SIM_1)


SAME = native.image(FORM, b"picture").phone_id


@pytest.mark.parametrize(
    ("change", "data", "same"),
    [
        pytest.param({}, b"picture", True, id="told again"),
        pytest.param({"caption": "late"}, b"picture", True, id="the caption is not the picture"),
        pytest.param({}, b"another", False, id="another picture"),
        pytest.param({"date": "1"}, b"picture", False, id="another time"),
        pytest.param({"id": "7"}, b"picture", False, id="with an id"),
    ],
)
def test_what_is_the_same_picture(change: dict[str, str], data: bytes, same: bool) -> None:
    assert (native.image({**FORM, **change}, data).phone_id == SAME) == same


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"address": ""}, None, id="no address"),
        pytest.param({"address": " "}, "address", id="blank address"),
        pytest.param({"date": "noon"}, "date", id="no time"),
        pytest.param({"date": "1e9"}, "date", id="a number that is none of ours"),
        pytest.param({"date_sent": "99999999999999999"}, "date_sent", id="too late"),
        pytest.param({"channel_id": "six"}, "channel_id", id="slot in words"),
        pytest.param({"channel_id": "6"}, "channel_id", id="slot 6"),
        pytest.param({"internal_id": "-5"}, "internal_id", id="internal_id"),
        pytest.param({"caption": "x" * 10_001}, "caption", id="long caption"),
    ],
)
def test_a_refused_image(change: dict[str, str], field: str | None) -> None:
    with pytest.raises(Problem) as caught:
        native.image({**FORM, **change}, b"")
    assert (caught.value.code, caught.value.field) == ("invalid", field)


@given(
    st.dictionaries(
        st.sampled_from(["address", "date", "date_sent", "channel_id", "internal_id", "id", "caption"]),
        st.text() | st.integers().map(str),
    )
)
def test_junk_fields_raise_nothing_but_problems(fields: dict[str, str]) -> None:
    try:
        native.image(fields, b"")
    except Problem as problem:
        assert problem.code == "invalid"  # noqa: PT017 -- some junk is well-formed


def test_offered() -> None:
    row = {
        "id": 12,
        "channel_id": 0,
        "address": "+49151",
        "body": "ü",
        "urgent": 0,
        "expires_at": None,
        "more": 1,
    }
    found = native.offered([row, {**row, "id": 13, "urgent": 1, "expires_at": DATE}])
    assert json.loads(found) == [
        {"sms_id": 12, "channel_id": 0, "to": "+49151", "body": "ü", "urgent": False, "expires_at": None},
        {
            "sms_id": 13,
            "channel_id": 0,
            "to": "+49151",
            "body": "ü",
            "urgent": True,
            "expires_at": "2026-11-23T18:57:33.000Z",
        },
    ]
    assert native.offered([]) == b"[]"


def test_told() -> None:
    results = [(12, 2, Verdict.MOVED), (12, 2, Verdict.REPEAT), (13, 7, Verdict.LATE)]
    assert json.loads(native.told(results)) == [
        {"sms_id": 12, "status_id": 2, "result": "accepted"},
        {"sms_id": 12, "status_id": 2, "result": "duplicate"},
        {"sms_id": 13, "status_id": 7, "result": "late"},
    ]


def test_answer() -> None:
    assert native.answer({"device_id": 7, "title": "é"}) == '{"device_id":7,"title":"é"}'.encode()
