"""Bad requests: each is refused with a clear problem+json, nothing is half written, and the server goes on."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.journeys.asking import ask, everything
from tests.journeys.stage import NUMBER, Ear, Stage, eventually, form, picture, ringback, stage
from tests.serving import Server

MEGABYTE = 1024 * 1024
DATE = "2026-01-02T03:04:05Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``who`` asks; ``other`` has one of everything; ``poor``'s plan has one channel, and its messages are used up."""

    who: Stage
    other: Stage
    poor: Stage
    sent: int
    incoming: int
    others_sent: int
    others_delivery: int


@pytest.fixture(scope="module")
def world(house: Server) -> Iterator[World]:
    with Ear() as ear:
        ringback(house, "plan", "set", "poor", "--channels", "0", "--messages-per-month", "1")
        who, other, poor = stage(house), stage(house, ear.url), stage(house, "", "--plan", "poor")
        poor.send()
        others_sent = other.good_life()
        ear.hears(others_sent, 3, 2, 6, 7)
        sent = who.send("mine", idempotency_key="used")
        assert [one["sms_id"] for one in who.poll()] == [sent]
        incoming = who.incoming()["sms_id"]
        eventually(lambda: all(one["state"] == "done" for one in other.deliveries()))
        delivery = other.deliveries()[0]["delivery_id"]
    yield World(
        who=who,
        other=other,
        poor=poor,
        sent=sent,
        incoming=incoming,
        others_sent=others_sent,
        others_delivery=delivery,
    )
    assert "python_multipart" not in house.log.read_text()  # every line of the log is JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``signed``: by the "token" or "key" of ``World.who``, or any Authorization header; none for none."""

    method: str
    path: str
    signed: str | None
    body: bytes | Callable[[], Iterable[bytes]] | None = None
    kind: str | None = "application/json"


Make = Callable[[World], Request]


def message(change: dict[str, Any] | None = None, *, drop: str = "", signed: str = "token") -> Make:
    """POST /v1/messages with a good message that ``change`` makes bad."""

    def make(world: World) -> Request:
        fields = {"to": NUMBER, "body": "x", "device_id": world.who.device_id, **(change or {})}
        fields.pop(drop, None)
        return Request(method="POST", path="/v1/messages", signed=signed, body=json.dumps(fields).encode())

    return make


def messages(second: Any) -> Make:
    """A list whose first item is good; ``second`` changes the other, or is it."""

    def make(world: World) -> Request:
        good = {"to": NUMBER, "body": "x", "device_id": world.who.device_id}
        bad = {**good, **second} if isinstance(second, dict) else second
        return Request(
            method="POST", path="/v1/messages", signed="token", body=json.dumps([good, bad]).encode()
        )

    return make


def raw(path: str, body: Any, *, signed: str = "token", kind: str | None = "application/json") -> Make:
    content = body if isinstance(body, bytes) or callable(body) else json.dumps(body).encode()
    return lambda _: Request(method="POST", path=path, signed=signed, body=content, kind=kind)


def v1(body: Any, **options: Any) -> Make:
    return raw("/v1/messages", body, **options)


def phone(path: str, body: Any, **options: Any) -> Make:
    return raw(f"/phone/v1/{path}", body, signed="key", **options)


def get(path: str, signed: str | None = "token") -> Make:
    return lambda _: Request(method="GET", path=path, signed=signed)


def call(
    method: str, path: str | Callable[[World], str], body: object = None, *, signed: str = "token"
) -> Make:
    content = None if body is None else json.dumps(body).encode()

    def make(world: World) -> Request:
        place = path if isinstance(path, str) else path(world)
        return Request(method=method, path=place, signed=signed, body=content)

    return make


def of_others_endpoint(what: str) -> Callable[[World], str]:
    return lambda world: f"/v1/endpoints/{world.other.endpoint()}{what}"


def copies(number: int) -> Make:
    """A list of so many good messages."""

    def make(world: World) -> Request:
        good = {"to": NUMBER, "body": "x", "device_id": world.who.device_id}
        return v1([good] * number)(world)

    return make


def report(change: dict[str, Any], sms_id: Callable[[World], int] = lambda world: world.sent) -> Make:
    def make(world: World) -> Request:
        body = json.dumps([{"sms_id": sms_id(world), "status_id": 2, **change}]).encode()
        return Request(method="POST", path="/phone/v1/reports", signed="key", body=body)

    return make


def told(change: dict[str, Any], *, drop: str = "") -> Make:
    fields = {"address": NUMBER, "body": "hi", "date": DATE, **change}
    fields.pop(drop, None)
    return phone("incoming", [fields])


GOOD_PART = {"address": NUMBER, "date": DATE}


def upload(*parts: tuple[str, str | bytes], without: str = "", cut: int = 0, **change: str) -> Make:
    """A form whose fields ``change`` makes bad, with these further parts; ``cut`` bytes are missing at its end."""
    fields = {name: value for name, value in {**GOOD_PART, **change}.items() if name != without}

    def make(_: World) -> Request:
        content, kind = form(*fields.items(), *parts)
        body = content[: len(content) - cut]
        return Request(method="POST", path="/phone/v1/incoming/image", signed="key", body=body, kind=kind)

    return make


def pieces(total: int) -> Callable[[], Iterable[bytes]]:
    return lambda: (b" " * MEGABYTE for _ in range(total // MEGABYTE + 1))


FILE = ("file", picture())
SCHEDULED = {"send_at": "2999-01-02T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z"}
UNAUTHORIZED: list[tuple[str, Make, int, str, str | None]] = [
    (f"{name}-{header}", call(method, path, signed=given), 401, "unauthorized", None)
    for name, method, path in (
        ("send", "POST", "/v1/messages"),
        ("show", "GET", "/v1/messages/1"),
        ("endpoints", "GET", "/v1/endpoints"),
        ("pause", "POST", "/v1/endpoints/1/pause"),
        ("deliveries", "GET", "/v1/deliveries"),
        ("replay", "POST", "/v1/deliveries/1/replay"),
        ("events", "GET", "/v1/events"),
        ("poll", "GET", "/phone/v1/messages"),
        ("reports", "POST", "/phone/v1/reports"),
        ("incoming", "POST", "/phone/v1/incoming"),
        ("image", "POST", "/phone/v1/incoming/image"),
        ("heartbeat", "POST", "/phone/v1/heartbeat"),
    )
    for header, given in (
        ("no-header", ""),
        ("unknown", "Bearer 0123456789abcdef0123456789abcdef"),
        ("wrong-scheme", "Basic dXNlcjpwYXNzd29yZA=="),
    )
]
# (label, request, status, code, field)
CASES: list[tuple[str, Make, int, str, str | None]] = [
    *UNAUTHORIZED,
    (
        "bearer-without-token",
        call("GET", "/v1/events", signed="Bearer  "),
        401,
        "unauthorized",
        None,
    ),
    ("token-at-the-phones-door", get("/phone/v1/messages", "token"), 401, "unauthorized", None),
    ("key-at-v1", get("/v1/events", "key"), 401, "unauthorized", None),
    # somebody else's, and nobody's
    ("unknown-device", message({"device_id": 999}), 404, "not_found", "device_id"),
    ("device-0", message({"device_id": 0}), 404, "not_found", "device_id"),
    (
        "another's-device",
        lambda w: message({"device_id": w.other.device_id})(w),
        404,
        "not_found",
        "device_id",
    ),
    ("unknown-message", get("/v1/messages/999999"), 404, "not_found", None),
    ("another's-message", call("GET", lambda w: f"/v1/messages/{w.others_sent}"), 404, "not_found", None),
    (
        "another's-delivery",
        call("GET", lambda w: f"/v1/deliveries/{w.others_delivery}"),
        404,
        "not_found",
        None,
    ),
    (
        "another's-delivery-replay",
        call("POST", lambda w: f"/v1/deliveries/{w.others_delivery}/replay"),
        404,
        "not_found",
        "delivery_id",
    ),
    *[
        (
            f"another's-endpoint-{method.lower()}-{what or 'show'}",
            call(method, of_others_endpoint(what), body),
            404,
            "not_found",
            "endpoint_id",
        )
        for method, what, body in (
            ("GET", "", None),
            ("PATCH", "", {"payload": "extended"}),
            ("POST", "/pause", None),
            ("POST", "/resume", None),
            ("POST", "/secret", None),
            ("POST", "/signing-key", None),
            ("POST", "/test", None),
            ("POST", "/replay", {"since": DATE}),
        )
    ],
    (
        "another's-parked",
        lambda w: raw("/v1/deliveries/replay-parked", {"endpoint_id": w.other.endpoint()})(w),
        404,
        "not_found",
        "endpoint_id",
    ),
    # a message
    ("bad-number", message({"to": "call me"}), 422, "invalid", "to"),
    ("number-too-long", message({"to": "+" + "1" * 30}), 422, "invalid", "to"),
    ("number-too-short", message({"to": "+1"}), 422, "invalid", "to"),
    ("number-empty", message({"to": ""}), 422, "invalid", "to"),
    ("number-in-arabic-digits", message({"to": "+٤٩١٥١"}), 422, "invalid", "to"),
    ("number-with-nul", message({"to": "+49\x00151"}), 422, "invalid", "to"),
    ("number-as-number", message({"to": 4915112345678}), 422, "invalid", "to"),
    ("name-on-a-sim", message({"to": "alice"}), 422, "invalid", "to"),
    ("body-empty", message({"body": ""}), 422, "invalid", "body"),
    ("body-of-spaces", message({"body": " \t\n\u00a0\u2003"}), 422, "invalid", "body"),
    ("body-too-long", message({"body": "x" * 10_001}), 422, "invalid", "body"),
    ("body-missing", message(drop="body"), 422, "invalid", "body"),
    ("body-null", message({"body": None}), 422, "invalid", "body"),
    ("body-half-a-surrogate-pair", message({"body": "\ud800"}), 422, "invalid", "body"),
    ("device-missing", message(drop="device_id"), 422, "invalid", "device_id"),
    ("device-as-word", message({"device_id": "phone"}), 422, "invalid", "device_id"),
    ("device-with-fraction", message({"device_id": 1.5}), 422, "invalid", "device_id"),
    ("device-negative", message({"device_id": -1}), 422, "invalid", "device_id"),
    ("device-beyond-64-bits", message({"device_id": 2**63}), 422, "invalid", "device_id"),
    ("device-huge", message({"device_id": 10**30}), 422, "invalid", "device_id"),
    ("unknown-channel", message({"channel_id": 6}), 422, "invalid", "channel_id"),
    ("negative-channel", message({"channel_id": -1}), 422, "invalid", "channel_id"),
    ("huge-channel", message({"channel_id": 10**30}), 422, "invalid", "channel_id"),
    ("urgent-as-word", message({"urgent": "perhaps"}), 422, "invalid", "urgent"),
    ("customerid-beyond-64-bits", message({"customerid": 2**63}), 422, "invalid", "customerid"),
    ("customerid-as-list", message({"customerid": []}), 422, "invalid", "customerid"),
    ("key-empty", message({"idempotency_key": ""}), 422, "invalid", "idempotency_key"),
    ("key-too-long", message({"idempotency_key": "k" * 201}), 422, "invalid", "idempotency_key"),
    ("key-used-for-another", message({"idempotency_key": "used"}), 409, "conflict", "idempotency_key"),
    ("unknown-key", message({"reciever": NUMBER}), 422, "invalid", "reciever"),
    # times
    ("send_at-nonsense", message({"send_at": "tomorrow"}), 422, "invalid", "send_at"),
    ("send_at-empty", message({"send_at": ""}), 422, "invalid", "send_at"),
    ("send_at-no-such-day", message({"send_at": "2026-02-30T00:00:00Z"}), 422, "invalid", "send_at"),
    ("send_at-hour-25", message({"send_at": "2026-01-01T25:00:00Z"}), 422, "invalid", "send_at"),
    ("send_at-date-alone", message({"send_at": "2026-01-01"}), 422, "invalid", "send_at"),
    ("send_at-negative", message({"send_at": -1}), 422, "invalid", "send_at"),
    ("send_at-huge", message({"send_at": 1e300}), 422, "invalid", "send_at"),
    ("send_at-nan", message({"send_at": float("nan")}), 422, "invalid", "send_at"),
    ("send_at-infinity", message({"send_at": float("inf")}), 422, "invalid", "send_at"),
    ("send_at-year-10000", message({"send_at": "+10000-01-01T00:00:00Z"}), 422, "invalid", "send_at"),
    ("send_at-list", message({"send_at": [1]}), 422, "invalid", "send_at"),
    ("expires_at-nonsense", message({"expires_at": "soon"}), 422, "invalid", "expires_at"),
    ("expires-before-send_at", message(SCHEDULED), 422, "invalid", "expires_at"),
    # plans
    (
        "channel-not-in-plan",
        lambda w: v1(
            {"to": NUMBER, "body": "x", "device_id": w.poor.device_id, "channel_id": 3},
            signed=f"Bearer {w.poor.token}",
        )(w),
        403,
        "channel_not_in_plan",
        "channel_id",
    ),
    (
        "quota",
        lambda w: v1(
            {"to": NUMBER, "body": "x", "device_id": w.poor.device_id}, signed=f"Bearer {w.poor.token}"
        )(w),
        403,
        "quota_exceeded",
        None,
    ),
    # lists
    ("list-bad-number", messages({"to": "x"}), 422, "invalid", "1.to"),
    ("list-empty-body", messages({"body": ""}), 422, "invalid", "1.body"),
    ("list-body-of-spaces", messages({"body": " "}), 422, "invalid", "1.body"),
    ("list-unknown-device", messages({"device_id": 999}), 404, "not_found", "1.device_id"),
    ("list-unknown-channel", messages({"channel_id": 9}), 422, "invalid", "1.channel_id"),
    ("list-unknown-key", messages({"reciever": ""}), 422, "invalid", "1.reciever"),
    ("list-nonsense-time", messages({"send_at": "x"}), 422, "invalid", "1.send_at"),
    ("list-wrong-type", messages({"to": 5}), 422, "invalid", "1.to"),
    ("list-used-key", messages({"idempotency_key": "used"}), 409, "conflict", "1.idempotency_key"),
    ("list-of-a-number", messages(5), 422, "invalid", "1"),
    ("list-of-null", messages(None), 422, "invalid", "1"),
    ("list-in-a-list", messages([{}]), 422, "invalid", "1"),
    ("list-empty", v1([]), 422, "invalid", None),
    ("list-of-1001", copies(1001), 422, "invalid", None),
    # what is no JSON, or not the right one
    *[
        (f"v1-{label}", v1(body), status, code, None)
        for label, body, status, code in (
            ("empty", b"", 400, "malformed"),
            ("truncated", b'{"to": "+4915', 400, "malformed"),
            ("rubbish-after", b'{"to": "+4915"} x', 400, "malformed"),
            ("not-utf-8", b'{"to": "+4915112345678", "body": "\xff", "device_id": 1}', 400, "malformed"),
            ("nested-lists", b"[" * 100_000, 400, "malformed"),
            ("nested-objects", b'{"a":' * 100_000, 400, "malformed"),
            ("number-of-5000-digits", b'{"device_id": ' + b"9" * 5_000 + b"}", 400, "malformed"),
            ("binary", bytes(range(256)), 400, "malformed"),
            ("null", b"null", 422, "invalid"),
            ("number", b"5", 422, "invalid"),
            ("text", b'"hello"', 422, "invalid"),
            ("half-a-surrogate-pair-as-key", b'{"\\ud800": 1}', 422, "invalid"),
        )
    ],
    ("v1-nan", v1(b'{"to":"+49151","body":"x","device_id":NaN}'), 422, "invalid", "device_id"),
    ("v1-too-large", v1(b" " * 20 * MEGABYTE), 413, "too_large", None),
    ("v1-too-large-in-chunks", v1(pieces(20 * MEGABYTE)), 413, "too_large", None),
    ("v1-as-text", v1({"to": NUMBER}, kind="text/plain"), 400, "malformed", None),
    ("v1-as-form", v1(b"to=1", kind="application/x-www-form-urlencoded"), 400, "malformed", None),
    ("v1-without-content-type", v1({"to": NUMBER}, kind=None), 400, "malformed", None),
    (
        "unknown-sample",
        call("POST", "/v1/endpoints/1/test", {"sample": "x"}),
        422,
        "invalid",
        "sample",
    ),
    ("overlap", call("POST", "/v1/endpoints/1/secret", {"overlap": -1}), 422, "invalid", "overlap"),
    (
        "since",
        call("POST", "/v1/endpoints/1/replay", {"since": "x"}),
        422,
        "invalid",
        "since",
    ),
    ("timeout", call("PATCH", "/v1/endpoints/1", {"timeout": 31}), 422, "invalid", "timeout"),
    ("payload", call("PATCH", "/v1/endpoints/1", {"payload": "x"}), 422, "invalid", "payload"),
    # addresses and queries
    ("id-as-word", get("/v1/messages/first"), 422, "invalid", "sms_id"),
    ("id-huge", get(f"/v1/messages/{10**30}"), 422, "invalid", "sms_id"),
    ("endpoint-id-huge", get(f"/v1/endpoints/{10**30}"), 422, "invalid", "endpoint_id"),
    ("delivery-id-huge", get(f"/v1/deliveries/{10**30}"), 422, "invalid", "delivery_id"),
    ("pause-huge", call("POST", f"/v1/endpoints/{10**30}/pause"), 422, "invalid", "endpoint_id"),
    ("deliveries-limit-0", get("/v1/deliveries?limit=0"), 422, "invalid", "limit"),
    ("deliveries-limit-201", get("/v1/deliveries?limit=201"), 422, "invalid", "limit"),
    ("deliveries-limit-word", get("/v1/deliveries?limit=all"), 422, "invalid", "limit"),
    ("deliveries-state", get("/v1/deliveries?state=lost"), 422, "invalid", "state"),
    ("deliveries-before-huge", get(f"/v1/deliveries?before={10**30}"), 422, "invalid", "before"),
    ("deliveries-endpoint-huge", get(f"/v1/deliveries?endpoint_id={10**30}"), 422, "invalid", "endpoint_id"),
    ("events-after-negative", get("/v1/events?after=-1"), 422, "invalid", "after"),
    ("events-after-huge", get(f"/v1/events?after={10**30}"), 422, "invalid", "after"),
    ("events-limit", get("/v1/events?limit=201"), 422, "invalid", "limit"),
    ("events-wait-61", get("/v1/events?wait=61"), 422, "invalid", "wait"),
    ("events-wait-negative", get("/v1/events?wait=-1"), 422, "invalid", "wait"),
    ("events-wait-nan", get("/v1/events?wait=nan"), 422, "invalid", "wait"),
    ("poll-limit-0", get("/phone/v1/messages?limit=0", "key"), 422, "invalid", "limit"),
    ("poll-limit-101", get("/phone/v1/messages?limit=101", "key"), 422, "invalid", "limit"),
    ("poll-limit-word", get("/phone/v1/messages?limit=all", "key"), 422, "invalid", "limit"),
    ("poll-wait-61", get("/phone/v1/messages?wait=61", "key"), 422, "invalid", "wait"),
    ("poll-wait-negative", get("/phone/v1/messages?wait=-1", "key"), 422, "invalid", "wait"),
    ("poll-wait-nan", get("/phone/v1/messages?wait=nan", "key"), 422, "invalid", "wait"),
    ("poll-wait-infinite", get("/phone/v1/messages?wait=inf", "key"), 422, "invalid", "wait"),
    *[
        (f"nothing-at-{path}", get(path, signed), 404, "not_found", None)
        for path, signed in (
            ("/nowhere", None),
            ("/v1", None),
            ("/v1/", None),
            ("/v1/nowhere", None),
            ("/v1/messages/", "token"),
            ("/v1/messages/1/nowhere", "token"),
            ("/phone/v1/nowhere", None),
            ("/phone/v2/messages", "key"),
            ("/phone/v1/messages/", "key"),
            ("/media/nothing.jpg", None),
            ("/media/secret.key", None),
            ("/media/%2e%2e/secret.key", None),
            ("/media/..%2fringback.db", None),
            ("/media/", None),
        )
    ],
    *[
        (
            f"{method}-{path}",
            call(method, path, signed=signed),
            405,
            "method_not_allowed",
            None,
        )
        for method, path, signed in (
            ("PUT", "/v1/messages", "token"),
            ("GET", "/v1/messages", "token"),
            ("DELETE", "/v1/messages/1", "token"),
            ("POST", "/v1/events", "token"),
            ("GET", "/v1/endpoints/1/pause", "token"),
            ("GET", "/phone/v1/reports", "key"),
            ("POST", "/phone/v1/messages", "key"),
            ("DELETE", "/phone/v1/incoming", "key"),
            ("OPTIONS", "/phone/v1/heartbeat", "key"),
        )
    ],
    # what phones say
    ("report-another's-message", report({}, lambda w: w.others_sent), 404, "not_found", "0.sms_id"),
    ("report-of-nothing", report({"sms_id": 999_999}), 404, "not_found", "0.sms_id"),
    ("report-of-an-incoming-message", report({}, lambda w: w.incoming), 404, "not_found", "0.sms_id"),
    *[
        (f"report-status-{status}", report({"status_id": status}), 422, "invalid", "0.status_id")
        for status in (1, 3, 5, 999, -1, 0, 10**30)
    ],
    ("report-status-as-text", report({"status_id": "2"}), 422, "invalid", "0.status_id"),
    ("report-id-as-text", report({"sms_id": "1"}), 422, "invalid", "0.sms_id"),
    ("report-id-as-truth", report({"sms_id": True}), 422, "invalid", "0.sms_id"),
    ("report-id-negative", report({"sms_id": -1}), 422, "invalid", "0.sms_id"),
    ("report-id-huge", report({"sms_id": 10**30}), 422, "invalid", "0.sms_id"),
    ("report-reason-as-number", report({"reason": 5}), 422, "invalid", "0.reason"),
    ("report-nonsense-time", report({"at": "yesterday"}), 422, "invalid", "0.at"),
    ("report-time-as-list", report({"at": []}), 422, "invalid", "0.at"),
    ("report-time-huge", report({"at": 1e300}), 422, "invalid", "0.at"),
    (
        "report-one-good-one-bad",
        lambda w: phone(
            "reports", [{"sms_id": w.sent, "status_id": 2}, {"sms_id": w.others_sent, "status_id": 2}]
        )(w),
        404,
        "not_found",
        "1.sms_id",
    ),
    (
        "report-one-good-one-number",
        lambda w: phone("reports", [{"sms_id": w.sent, "status_id": 2}, 5])(w),
        422,
        "invalid",
        "1",
    ),
    ("report-single", phone("reports", {"sms_id": 1, "status_id": 2, "at": "x"}), 422, "invalid", "at"),
    (
        "incoming-single",
        phone("incoming", {**GOOD_PART, "body": "x", "channel_id": 9}),
        422,
        "invalid",
        "channel_id",
    ),
    ("reports-1001", phone("reports", [{"sms_id": 1, "status_id": 2}] * 1001), 413, "too_large", None),
    ("incoming-unknown-channel", told({"channel_id": 6}), 422, "invalid", "0.channel_id"),
    ("incoming-address-empty", told({"address": ""}), 422, "invalid", "0.address"),
    ("incoming-address-of-spaces", told({"address": "  "}), 422, "invalid", "0.address"),
    ("incoming-address-too-long", told({"address": "1" * 151}), 422, "invalid", "0.address"),
    ("incoming-body-too-long", told({"body": "x" * 10_001}), 422, "invalid", "0.body"),
    ("incoming-body-as-number", told({"body": 5}), 422, "invalid", "0.body"),
    ("incoming-nonsense-date", told({"date": "yesterday"}), 422, "invalid", "0.date"),
    ("incoming-nonsense-date_sent", told({"date_sent": "yesterday"}), 422, "invalid", "0.date_sent"),
    ("incoming-date-null", told({"date": None}), 422, "invalid", "0.date"),
    ("incoming-internal_id-negative", told({"internal_id": -1}), 422, "invalid", "0.internal_id"),
    ("incoming-internal_id-huge", told({"internal_id": 2**60}), 422, "invalid", "0.internal_id"),
    ("incoming-id-too-long", told({"id": "x" * 201}), 422, "invalid", "0.id"),
    ("incoming-id-empty", told({"id": ""}), 422, "invalid", "0.id"),
    (
        "incoming-one-good-one-bad",
        phone("incoming", [{**GOOD_PART, "body": "x"}, {**GOOD_PART, "body": "x", "channel_id": 9}]),
        422,
        "invalid",
        "1.channel_id",
    ),
    ("incoming-1001", phone("incoming", [{**GOOD_PART, "body": "x"}] * 1001), 413, "too_large", None),
    ("heartbeat-battery", phone("heartbeat", {"battery": 101}), 422, "invalid", "battery"),
    ("heartbeat-charging", phone("heartbeat", {"charging": "yes"}), 422, "invalid", "charging"),
    ("heartbeat-list", phone("heartbeat", []), 422, "invalid", None),
    (
        "pair-unknown-code",
        raw("/phone/v1/pair", {"code": "AAAA-AAAA"}, signed=""),
        401,
        "unauthorized",
        "code",
    ),
    ("pair-code-as-number", raw("/phone/v1/pair", {"code": 1}, signed=""), 422, "invalid", "code"),
    ("pair-code-too-long", raw("/phone/v1/pair", {"code": "A" * 51}, signed=""), 422, "invalid", "code"),
    *[
        (f"phone-{path}-{label}", phone(path, body), status, code, None)
        for path in ("reports", "incoming", "heartbeat")
        for label, body, status, code in (
            ("truncated", b'{"sms_id": 1', 400, "malformed"),
            ("nested-objects", b'{"a":' * 100_000, 400, "malformed"),
            ("binary", bytes(range(256)), 400, "malformed"),
            ("nan", b'{"sms_id": NaN}', 400, "malformed"),
            ("text", b'"hello"', 422, "invalid"),
            ("too-large", b" " * 5 * MEGABYTE, 413, "too_large"),
            ("too-large-in-chunks", pieces(5 * MEGABYTE), 413, "too_large"),
        )
    ],
    ("phone-empty", phone("reports", b""), 400, "malformed", None),
    (
        "phone-not-utf-8",
        phone("incoming", b'{"address":"+49","date":1,"body":"\xff"}'),
        400,
        "malformed",
        None,
    ),
    # pictures
    ("picture-too-large", upload(("file", picture() + b"\0" * 16 * MEGABYTE)), 413, "too_large", None),
    ("picture-far-too-large", upload(("file", b"\0" * 20 * MEGABYTE)), 413, "too_large", None),
    ("picture-of-too-many-pixels", upload(("file", picture(size=(9000, 9000)))), 413, "too_large", None),
    ("picture-that-is-text", upload(("file", b"hello")), 415, "not_an_image", None),
    (
        "picture-that-is-svg",
        upload(("file", b'<svg xmlns="http://www.w3.org/2000/svg"/>')),
        415,
        "not_an_image",
        None,
    ),
    ("picture-that-is-bmp", upload(("file", picture("BMP"))), 415, "not_an_image", None),
    ("picture-cut-short", upload(("file", picture("JPEG", (300, 300))[:-200])), 415, "not_an_image", None),
    ("picture-empty", upload(("file", b"")), 415, "not_an_image", None),
    ("no-file", upload(), 422, "invalid", "file"),
    ("file-as-text", upload(("file", "hello")), 422, "invalid", "file"),
    ("file-of-another-name", upload(("photo", picture())), 422, "invalid", "file"),
    ("two-files", upload(FILE, FILE), 400, "malformed", None),
    ("two-files-of-two-names", upload(FILE, ("more", picture())), 400, "malformed", None),
    ("too-many-fields", upload(*[(f"x{n}", "1") for n in range(30)], FILE), 400, "malformed", None),
    ("field-too-large", upload(("caption", "x" * 2 * MEGABYTE), FILE), 400, "malformed", None),
    ("picture-unknown-channel", upload(FILE, channel_id="6"), 422, "invalid", "channel_id"),
    ("picture-channel-as-word", upload(FILE, channel_id="sim"), 422, "invalid", "channel_id"),
    ("picture-internal_id-as-word", upload(FILE, internal_id="x"), 422, "invalid", "internal_id"),
    ("picture-internal_id-huge", upload(FILE, internal_id="9" * 30), 422, "invalid", "internal_id"),
    ("picture-nonsense-date", upload(FILE, date="yesterday"), 422, "invalid", "date"),
    ("picture-address-of-spaces", upload(FILE, address=" "), 422, "invalid", "address"),
    ("picture-caption-too-long", upload(FILE, caption="x" * 10_001), 422, "invalid", "caption"),
    ("picture-id-too-long", upload(FILE, id="x" * 201), 422, "invalid", "id"),
    ("form-cut-in-the-file", upload(FILE, cut=40), 422, "invalid", "file"),
    ("form-without-its-end", upload(FILE, cut=14), 422, "invalid", "file"),
    *[
        (label, raw("/phone/v1/incoming/image", body, signed="key", kind=kind), 400, "malformed", None)
        for label, body, kind in (
            ("form-of-rubbish", b"rubbish", "multipart/form-data; boundary=frontier"),
            ("form-of-another-boundary", form(FILE)[0], "multipart/form-data; boundary=other"),
            ("form-without-boundary", form(FILE)[0], "multipart/form-data"),
            ("form-as-json", b"{}", "application/json"),
            ("form-of-no-type", picture(), None),
            ("bare-picture", picture(), "image/png"),
        )
    ],
]


@pytest.mark.parametrize(
    ("make", "status", "code", "field"),
    [pytest.param(*case, id=label) for label, *case in CASES],
)
def test_refused(world: World, make: Make, status: int, code: str, field: str | None) -> None:
    asked = make(world)
    before = everything(world.who.server)
    signed = {"token": f"Bearer {world.who.token}", "key": f"Bearer {world.who.key}"}.get(
        asked.signed or "", asked.signed
    )
    headers = {"Authorization": signed} if signed else {}
    if asked.body is not None and asked.kind is not None:
        headers["Content-Type"] = asked.kind
    body = asked.body() if callable(asked.body) else asked.body
    answer = ask(world.who.server, asked.method, asked.path, headers, body)
    problem = answer.json
    assert (answer.status, problem["code"], problem.get("field")) == (status, code, field), problem
    assert answer.kind == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"urn:ringback:problem:{code}"
    assert problem["title"]
    assert problem["detail"][-1] != problem["detail"][-2]  # no ".."
    assert len(problem["detail"]) < 400
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if status == 405:
        assert answer.headers["allow"]
    assert everything(world.who.server) == before


def test_picture_with_a_field_missing(world: World) -> None:
    """Which one is in the words."""
    for name in GOOD_PART:
        asked = upload(FILE, without=name)(world)
        assert isinstance(asked.body, bytes)
        headers = {"Authorization": f"Bearer {world.who.key}", "Content-Type": asked.kind or ""}
        answer = ask(world.who.server, asked.method, asked.path, headers, asked.body)
        assert (answer.status, answer.json["code"]) == (422, "invalid")
        assert f"`{name}`" in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/health", 200, id="health"),
        pytest.param("/", 200, id="hello"),
        pytest.param("/nowhere", 404, id="nowhere"),
        pytest.param("/v1/messages", 405, id="v1"),
    ],
)
def test_head_answers_without_a_body(house: Server, path: str, status: int) -> None:
    answer = ask(house, "HEAD", path)
    assert (answer.status, answer.content) == (status, b"")


class TestTaken:
    """What looks odd and is taken all the same."""

    def test_the_last_of_two_equal_keys_counts(self, world: World) -> None:
        who = world.who
        body = f'{{"to": "{NUMBER}", "body": "first", "body": "second", "device_id": {who.device_id}}}'
        status, answer, _ = who.server.call("POST", "/v1/messages", bearer=who.token, raw=body.encode())
        assert status == 202
        assert who.message(answer["sms_id"])["body"] == "second"

    def test_unknown_keys_of_phones(self, world: World) -> None:
        answer = world.who.phone("POST", "heartbeat", {"battery": 5, "colour": "red"})
        assert answer["device_id"] == world.who.device_id

    def test_a_body_of_the_greatest_length(self, world: World) -> None:
        sms_id = world.who.send("ü" * 10_000)
        assert len(world.who.message(sms_id)["body"]) == 10_000

    def test_a_full_list(self, world: World) -> None:
        good = {"to": NUMBER, "body": "x", "device_id": world.who.device_id}
        status, answer, _ = world.who.server.call(
            "POST", "/v1/messages", bearer=world.who.token, body=[good] * 1_000
        )
        assert status == 202
        assert len({one["sms_id"] for one in answer}) == 1_000

    def test_the_same_idempotency_key_again(self, world: World) -> None:
        form = {"to": NUMBER, "body": "mine", "device_id": world.who.device_id, "idempotency_key": "used"}
        _, answer, _ = world.who.server.call("POST", "/v1/messages", bearer=world.who.token, body=form)
        assert (answer["sms_id"], answer["duplicate"]) == (world.sent, True)


def test_the_server_goes_on(world: World) -> None:
    """Runs last: after all of that, a message is accepted at once."""
    begun = time.monotonic()
    assert world.who.send("still there?")
    assert time.monotonic() - begun < 5
    assert ask(world.who.server, "GET", "/health").json == {"status": "ok"}
