"""The native phone language: what phones say, bytes to values."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ringback.domain.channels import Channel
from ringback.domain.messages import MAX_BODY, MAX_LIST, MAX_REASON, Incoming, Report
from ringback.domain.problems import Problem
from ringback.wire import native

NOW = 1_795_456_653_000
TEXT = {"address": "+49151", "body": "hello", "date": "2026-11-23T18:57:33Z"}
DATE = 1_795_460_253_000
CALLS: dict[str, Callable[[bytes], Any]] = {
    "pair": native.pair,
    "reports": lambda data: native.reports(data, NOW),
    "incoming": native.incoming,
    "heartbeat": native.heartbeat,
}


def said(value: object) -> bytes:
    return json.dumps(value).encode()


def refusal(call: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


def test_pair() -> None:
    assert native.pair(b'{"code": "ABCD-EFGH", "more": 1}') == "ABCD-EFGH"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param({"sms_id": 1, "status_id": 2}, [Report(sms_id=1, status_id=2, at=NOW)], id="one, now"),
        pytest.param(
            [
                {"sms_id": 1, "status_id": 2, "at": "2026-11-23T18:57:33Z"},
                {"sms_id": 2, "status_id": 9, "at": 1.5, "reason": "no money"},
            ],
            [
                Report(sms_id=1, status_id=2, at=DATE),
                Report(sms_id=2, status_id=9, at=1500, reason="no money"),
            ],
            id="two",
        ),
        pytest.param(
            {"sms_id": 1, "status_id": 2, "at": None, "reason": ""},
            [Report(sms_id=1, status_id=2, at=NOW)],
            id="an empty reason is none",
        ),
        pytest.param(
            {"sms_id": 1, "status_id": 9, "at": DATE, "reason": "x" * 5000},
            [Report(sms_id=1, status_id=9, at=DATE, reason="x" * MAX_REASON)],
            id="a long reason is cut",
        ),
    ],
)
def test_reports(value: object, expected: list[Report]) -> None:
    assert native.reports(said(value), NOW) == expected


def test_incoming_in_full() -> None:
    told = {
        **TEXT,
        "channel_id": 3,
        "date_sent": 1_795_460_250,
        "internal_id": 981,
        "id": "sms-981",
        "new": [],
    }
    assert native.incoming(said([told])) == [
        Incoming(
            channel=Channel.WHATSAPP,
            address="+49151",
            body="hello",
            date=DATE,
            date_sent=1_795_460_250_000,
            internal_id=981,
            phone_id="id:sms-981",
        )
    ]


def test_incoming_at_the_least() -> None:
    [found] = native.incoming(said({**TEXT, "address": " +49151 "}))
    assert (found.channel, found.address, found.date_sent) == (Channel.SIM_1, "+49151", DATE)
    assert (found.internal_id, found.image, found.caption) == (None, None, None)


SAME = native.incoming(said(TEXT))[0].phone_id


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param({}, True, id="told again"),
        pytest.param({"date": DATE}, True, id="the time said otherwise"),
        pytest.param({"address": "+49151 "}, True, id="white space"),
        pytest.param({"date_sent": 5}, True, id="the network's time learned later"),
        pytest.param({"channel_id": 1}, False, id="another slot"),
        pytest.param({"address": "+49152"}, False, id="another sender"),
        pytest.param({"body": "hello!"}, False, id="another text"),
        pytest.param({"date": DATE + 1}, False, id="another time"),
        pytest.param({"internal_id": 0}, False, id="another number"),
        pytest.param({"id": SAME}, False, id="an id is never taken for a hash"),
    ],
)
def test_what_is_the_same_message(change: dict[str, object], same: bool) -> None:
    [found] = native.incoming(said({**TEXT, **change}))
    assert (found.phone_id == SAME) == same


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", {}, id="empty body"),
        pytest.param(b" \n", {}, id="white space"),
        pytest.param(b"{}", {}, id="empty object"),
        pytest.param(
            b'{"battery":81,"charging":false,"network":"wifi","app_version":"1.0","x":1}',
            {"battery": 81, "charging": False, "network": "wifi", "app_version": "1.0"},
            id="all",
        ),
        pytest.param(b'{"battery":0.5,"network":null}', {"battery": 0.5}, id="some"),
    ],
)
def test_heartbeat(data: bytes, expected: dict[str, object]) -> None:
    assert native.heartbeat(data) == expected


REPORT = {"sms_id": 1, "status_id": 2}


@pytest.mark.parametrize(
    ("call", "value", "code", "field"),
    [
        pytest.param("pair", {}, "invalid", None, id="no code"),
        pytest.param("pair", {"code": 5}, "invalid", "code", id="code is a number"),
        pytest.param("pair", {"code": "x" * 51}, "invalid", "code", id="code too long"),
        pytest.param("reports", "x", "invalid", None, id="neither list nor object"),
        pytest.param("reports", [REPORT, 5], "invalid", "1", id="second item is no object"),
        pytest.param("reports", [REPORT, {"sms_id": 1}], "invalid", "1", id="second lacks its status"),
        pytest.param("reports", [{**REPORT, "sms_id": 0}], "invalid", "0.sms_id", id="id too small"),
        pytest.param("reports", [{**REPORT, "sms_id": 2**53 + 1}], "invalid", "0.sms_id", id="id too big"),
        pytest.param("reports", [REPORT, {**REPORT, "at": "noon"}], "invalid", "1.at", id="no time"),
        pytest.param("reports", [{**REPORT, "at": -1}], "invalid", "0.at", id="negative time"),
        pytest.param("reports", [REPORT] * (MAX_LIST + 1), "too_large", None, id="too many"),
        pytest.param("incoming", {**TEXT, "address": "  "}, "invalid", "address", id="blank address"),
        pytest.param("incoming", [{**TEXT, "address": ""}], "invalid", "0.address", id="empty address"),
        pytest.param("incoming", [{**TEXT, "address": "x" * 151}], "invalid", "0.address", id="long address"),
        pytest.param("incoming", [{**TEXT, "body": "x" * (MAX_BODY + 1)}], "invalid", "0.body", id="body"),
        pytest.param("incoming", [{**TEXT, "date": None}], "invalid", "0.date", id="no date"),
        pytest.param("incoming", [{**TEXT, "date": "x"}], "invalid", "0.date", id="date is none"),
        pytest.param("incoming", [{**TEXT, "date_sent": "x"}], "invalid", "0.date_sent", id="date_sent"),
        pytest.param("incoming", [TEXT, {**TEXT, "channel_id": 6}], "invalid", "1.channel_id", id="slot 6"),
        pytest.param("incoming", [{**TEXT, "channel_id": -1}], "invalid", "0.channel_id", id="slot -1"),
        pytest.param(
            "incoming", [{**TEXT, "channel_id": "0"}], "invalid", "0.channel_id", id="slot in quotes"
        ),
        pytest.param("incoming", [{**TEXT, "internal_id": -1}], "invalid", "0.internal_id", id="internal_id"),
        pytest.param("incoming", [{**TEXT, "id": ""}], "invalid", "0.id", id="empty id"),
        pytest.param("incoming", [{**TEXT, "id": "x" * 201}], "invalid", "0.id", id="long id"),
        pytest.param("heartbeat", {"battery": 101}, "invalid", "battery", id="battery over full"),
        pytest.param("heartbeat", {"network": "x" * 51}, "invalid", "network", id="network's name"),
        pytest.param("heartbeat", [], "invalid", None, id="heartbeat is a list"),
    ],
)
def test_refused(call: str, value: object, code: str, field: str | None) -> None:
    problem = refusal(lambda: CALLS[call](said(value)))
    assert (problem.code, problem.field) == (code, field)
    assert "`$" not in problem.detail  # the place stands in the field, not in the words
