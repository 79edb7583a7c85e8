"""A refusal as RFC 9457 has it, and the headers of a webhook request."""

import json
import time

import pytest
from standardwebhooks import Webhook

from ringback.domain.deliveries import Delivery
from ringback.domain.problems import KINDS, Problem
from ringback.wire import problem, request
from ringback.wire.signature import new_signing_key

SECRET = bytes(range(32))
DELIVERY = Delivery(
    delivery_id=1,
    endpoint_id=2,
    lane=12,
    sequence=4,
    webhook_id="evt_1_ab",
    event="message.status",
    body='{"text":"héllo"}'.encode(),
    created_at=0,
    attempts=2,
)


def test_body() -> None:
    found = problem.body(Problem("invalid", "There is no channel 9.", field="0.channel_id"))
    assert json.loads(found) == {
        "type": "urn:ringback:problem:invalid",
        "title": "A value is not acceptable",
        "status": 422,
        "code": "invalid",
        "detail": "There is no channel 9.",
        "field": "0.channel_id",
    }


@pytest.mark.parametrize("code", KINDS)
def test_each_code_has_a_body(code: str) -> None:
    found = json.loads(problem.body(Problem(code, "Words.")))
    assert list(found) == ["type", "title", "status", "code", "detail"]
    assert found["status"] == KINDS[code].status


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(Problem("invalid", "x"), {}, id="nothing more"),
        pytest.param(Problem("unavailable", "x", retry_after=5), {"Retry-After": "5"}, id="try again"),
        pytest.param(Problem("unavailable", "x", retry_after=0), {"Retry-After": "0"}, id="at once"),
        pytest.param(Problem("unauthorized", "x"), {"WWW-Authenticate": "Bearer"}, id="who are you?"),
    ],
)
def test_headers_of_a_problem(given: Problem, expected: dict[str, str]) -> None:
    assert problem.headers(given) == expected
    assert problem.CONTENT_TYPE == "application/problem+json"


def test_request_headers() -> None:
    private, _ = new_signing_key()
    lines = request.headers(DELIVERY, secrets=[SECRET], signing_keys=[private], timestamp=1614265330)
    found = dict(line.split(":", 1) for line in lines)
    assert [line.partition(":")[0] for line in lines] == [
        "Content-Type",
        "User-Agent",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "ringback-event",
        "ringback-sequence",
        "ringback-attempt",
        "Expect",
        "Accept",
    ]
    assert found["Content-Type"] == " application/json"
    assert found["User-Agent"].startswith(" Ringback/")
    assert found["webhook-id"] == " evt_1_ab"
    assert found["webhook-timestamp"] == " 1614265330"
    assert found["ringback-event"] == " message.status"
    assert found["ringback-sequence"] == " 4"
    assert found["ringback-attempt"] == " 3"  # two went before
    assert [part.partition(",")[0] for part in found["webhook-signature"].split()] == ["v1", "v1a"]


@pytest.mark.parametrize("secret", [pytest.param(SECRET, id="old"), pytest.param(bytes(32), id="new")])
def test_somebody_elses_code_verifies_it(secret: bytes) -> None:
    now = int(time.time())  # the library compares with the clock on the wall
    lines = request.headers(DELIVERY, secrets=[bytes(32), SECRET], signing_keys=[], timestamp=now)
    headers = {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}
    assert Webhook(secret).verify(DELIVERY.body, headers) == {"text": "héllo"}
