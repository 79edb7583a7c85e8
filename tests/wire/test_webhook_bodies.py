"""The webhooks' bodies, byte by byte: keys, order and types of seed/webhook-api.txt."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.lifecycle import FIRING, Status
from ringback.domain.wording import LANGUAGES, status_message
from ringback.wire.webhook import Body, Extra, ImageBody, StatusBody, TextBody, exact, extended

STATUS_TYPES = {
    "sms_id": int,
    "status_id": int,
    "status_message": str,
    "sendto": str,
    "senttime": str,
    "channel_id": int,
    "device_id": int,
}
TEXT_TYPES = {
    "address": str,
    "date": str,
    "date_sent": str,
    "body": str,
    "internal_id": int,
    "channel_id": int,
    "sms_id": int,
    "device_id": int,
    "device_name": str,
    "type": str,
}
IMAGE_TYPES = {
    "address": str,
    "date": str,
    "date_sent": str,
    "body": str,
    "internal_id": type(None),
    "sim": int,
    "sms_id": int,
    "type": str,
    "img_url": str,
}
STATUS = StatusBody(
    sms_id=12,
    status_id=7,
    status_message="SMS has been Delivered",
    sendto="+4915112345678",
    senttime="2026-11-23 18:57:33",
    channel_id=0,
    device_id=3,
)
TEXT = TextBody(
    address="+4915112345678",
    date="2026-11-23 18:57:33",
    date_sent="2026-11-23 18:57:30",
    body='Grüße "😀"\n',
    internal_id=981,
    channel_id=1,
    sms_id=13,
    device_id=3,
    device_name="Shop phone",
)
IMAGE = ImageBody(
    address="+4915112345678",
    date="2026-11-23 18:57:33",
    date_sent="2026-11-23 18:57:33",
    sim=3,
    sms_id=14,
    img_url="https://example.org/media/a.jpg",
)
EXTRA = Extra(
    channel_id=3,
    sim=3,
    device_id=3,
    device_name="Shop phone",
    customerid=77,
    sequence=4,
    previous_status_id=6,
    caption="a cat",
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            STATUS,
            '{"sms_id":12,"status_id":7,"status_message":"SMS has been Delivered","sendto":"+4915112345678",'
            '"senttime":"2026-11-23 18:57:33","channel_id":0,"device_id":3}',
            id="status",
        ),
        pytest.param(
            TEXT,
            '{"address":"+4915112345678","date":"2026-11-23 18:57:33","date_sent":"2026-11-23 18:57:30",'
            '"body":"Grüße \\"😀\\"\\n","internal_id":981,"channel_id":1,"sms_id":13,"device_id":3,'
            '"device_name":"Shop phone","type":"text"}',
            id="text",
        ),
        pytest.param(
            IMAGE,
            '{"address":"+4915112345678","date":"2026-11-23 18:57:33","date_sent":"2026-11-23 18:57:33","body":"",'
            '"internal_id":null,"sim":3,"sms_id":14,"type":"img","img_url":"https://example.org/media/a.jpg"}',
            id="image",
        ),
    ],
)
def test_exact_bytes(body: Body, expected: str) -> None:
    assert exact(body) == expected.encode()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", [pytest.param(status, id=str(int(status))) for status in FIRING])
@pytest.mark.parametrize("senttime", [pytest.param(None, id="not sent"), pytest.param("x", id="sent")])
def test_each_status(status: Status, language: str, senttime: str | None) -> None:
    body = StatusBody(
        sms_id=1,
        status_id=status,
        status_message=status_message(status, language),
        sendto="110",
        senttime=senttime,
        channel_id=5,
        device_id=2,
    )
    found = json.loads(exact(body))
    assert shape(found) == {**STATUS_TYPES, "senttime": type(senttime)}
    assert list(found) == list(STATUS_TYPES)
    assert found["status_id"] == int(status)
    assert status_message(status, language).encode() in exact(body)  # UTF-8, not escapes


@pytest.mark.parametrize(
    ("body", "types", "added"),
    [
        pytest.param(
            STATUS,
            STATUS_TYPES,
            {"sim": 3, "device_name": "Shop phone"},
            id="status",
        ),
        pytest.param(TEXT, TEXT_TYPES, {"sim": 3}, id="text"),
        pytest.param(
            IMAGE, IMAGE_TYPES, {"channel_id": 3, "device_id": 3, "device_name": "Shop phone"}, id="image"
        ),
    ],
)
def test_forms(body: Body, types: dict[str, type], added: dict[str, object]) -> None:
    found = json.loads(exact(body))
    assert list(found) == list(types)
    assert shape(found) == types
    longer = json.loads(extended(body, EXTRA))
    assert list(longer)[: len(types)] == list(types)
    assert {key: longer[key] for key in types} == found
    rest = {key: value for key, value in longer.items() if key not in types}
    assert rest == {**added, "customerid": 77, "sequence": 4, "previous_status_id": 6, "caption": "a cat"}


def test_the_extended_forms_have_the_same_additions_whatever_is_unknown() -> None:
    unknown = Extra(
        channel_id=1,
        sim=1,
        device_id=3,
        device_name="x",
        customerid=None,
        sequence=1,
        previous_status_id=None,
        caption=None,
    )
    keys = set(EXTRA.__struct_fields__)
    for body in (STATUS, TEXT, IMAGE):
        assert keys <= set(json.loads(extended(body, unknown)))


@given(st.text(), st.text(), st.integers(0, 2**53))
def test_whatever_is_written_can_be_read(text: str, name: str, number: int) -> None:
    body = TextBody(
        address=text,
        date="",
        date_sent="",
        body=text,
        internal_id=number,
        channel_id=0,
        sms_id=1,
        device_id=1,
        device_name=name,
    )
    for found in (json.loads(exact(body)), json.loads(extended(body, EXTRA))):
        assert (found["body"], found["device_name"], found["internal_id"]) == (text, name, number)


def shape(found: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in found.items()}
