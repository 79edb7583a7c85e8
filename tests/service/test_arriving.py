"""The journey of an incoming message: kept once, told once, in the founding document's form."""

import io
from typing import Any

import msgspec
import pytest
from PIL import Image
from tests.service.house import START, URL, House

from ringback.domain.channels import Channel
from ringback.domain.problems import Problem
from ringback.service import accounts, devices, inbound
from ringback.wire import native


def test_a_text(house: House) -> None:
    house.hooks()
    [receipt] = house.bring(house.incoming(date_sent=START - 3000, channel=Channel.WHATSAPP))
    assert (receipt.sms_id, receipt.duplicate) == (1, False)
    assert house.bodies(1) == [
        {
            "address": "+4917",
            "date": "2026-11-23 17:57:33",
            "date_sent": "2026-11-23 17:57:30",
            "body": "hi",
            "internal_id": 981,
            "channel_id": 3,
            "sms_id": 1,
            "device_id": house.device_id,
            "device_name": "Shop phone",
            "type": "text",
        }
    ]
    assert house.status(1) == 5
    [event] = house.events(1)
    assert (event["kind"], event["sequence"]) == ("message.incoming", 1)
    [handed] = house.commits[-1].deliveries
    assert (handed.lane, handed.sequence, handed.body) == (1, 1, event["body"])


def test_without_a_number_of_its_own(house: House) -> None:
    """The form promises an int."""
    house.sms()
    [receipt] = house.bring(house.incoming(internal_id=None))
    assert house.bodies(receipt.sms_id)[0]["internal_id"] == receipt.sms_id == 2


def test_told_again_is_the_same_message(house: House) -> None:
    house.hooks()
    house.bring(house.incoming())
    house.sms()
    [again] = house.bring(house.incoming(body="changed meanwhile"))
    assert (again.sms_id, again.duplicate) == (1, True)
    assert (len(house.events(1)), len(house.deliveries())) == (1, 1)
    assert house.message(1)["body"] == "hi"
    [other] = house.bring(house.incoming(phone_id="id:2"))
    assert (other.sms_id, other.duplicate) == (3, False)


def test_twice_within_a_list(house: House) -> None:
    receipts = house.bring(house.incoming(), house.incoming(phone_id="id:2"), house.incoming())
    assert [(r.sms_id, r.duplicate) for r in receipts] == [(1, False), (2, False), (1, True)]
    assert len(house.events()) == 2


def test_twice_within_a_commit(house: House) -> None:
    house.hooks()
    arrival = inbound.Arrival(device_id=house.device_id, messages=[house.incoming()], media="http://house")
    answers = house.together((inbound.take_incoming, arrival), (inbound.take_incoming, arrival))
    assert [(r.sms_id, r.duplicate) for [r] in answers] == [(1, False), (1, True)]
    assert len(house.deliveries()) == 1


def test_phone_ids_are_a_devices_own(house: House) -> None:
    device_id, _ = devices.add(house.rt, house.account_id, "Other phone")
    house.bring(house.incoming())
    [other] = house.bring(house.incoming(), device_id=device_id)
    assert (other.sms_id, other.duplicate) == (2, False)


def test_each_slot_has_its_own_webhook(house: House) -> None:
    house.hooks(slots=(Channel.WHATSAPP,))
    house.bring(house.incoming(channel=Channel.SIM_1))
    assert house.commits[-1].deliveries == []
    assert len(house.events()) == 1
    house.bring(house.incoming(channel=Channel.WHATSAPP, phone_id="id:2"))
    assert len(house.commits[-1].deliveries) == 1


def picture(kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, kind)
    return data.getvalue()


def test_an_image(house: House) -> None:
    endpoint_id = house.hooks()
    house.extend(endpoint_id)
    name = house.run(inbound.store_image(house.rt, picture()))
    assert house.run(house.rt.blobs.get(name)) == picture()
    image = house.incoming(body="", internal_id=None, channel=Channel.WHATSAPP_BUSINESS, caption="a cat")
    [receipt] = house.bring(inbound.with_image(image, name))
    seed: dict[str, Any] = {
        "address": "+4917",
        "date": "2026-11-23 17:57:33",
        "date_sent": "2026-11-23 17:57:33",
        "body": "",
        "internal_id": None,
        "sim": 2,
        "sms_id": receipt.sms_id,
        "type": "img",
        "img_url": f"http://house/media/{name}",
    }
    assert house.bodies(receipt.sms_id) == [seed]
    added = {
        "channel_id": 2,
        "device_id": house.device_id,
        "device_name": "Shop phone",
        "customerid": None,
        "sequence": 1,
        "previous_status_id": None,
        "caption": "a cat",
    }
    assert house.sent() == [{**seed, **added}]
    assert house.run(inbound.image_of(house.rt, receipt.sms_id)).endswith(f"/media/{name}")
    [again] = house.bring(inbound.with_image(image, "never/seen.png"))
    assert again.duplicate
    assert house.message(receipt.sms_id)["image"] == name


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a no", id="broken"),
        pytest.param(picture()[:40], id="cut off"),
    ],
)
def test_no_image(house: House, data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        house.run(inbound.store_image(house.rt, data))
    assert caught.value.code == "not_an_image"


def test_times_are_the_accounts(house: House) -> None:
    change = accounts.AccountChange(
        account_id=house.account_id, time_zone="Asia/Kolkata", datetime_format="iso8601"
    )
    accounts.change(house.rt, change)
    house.bring(house.incoming())
    assert house.bodies(1)[0]["date"] == "2026-11-23T23:27:33+05:30"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("date", ["1970-01-01T00:00:00Z", "9999-12-30T23:59:59Z", 253_402_214_399.999])
def test_a_phone_whose_clock_is_far_off(house: House, zone: str, date: str | float) -> None:
    """Whatever time a phone is believed, it can be said in any zone."""
    accounts.change(house.rt, accounts.AccountChange(account_id=house.account_id, time_zone=zone))
    told = native.incoming(msgspec.json.encode({"address": "1", "body": "x", "date": date}))
    [receipt] = house.bring(*told)
    assert house.bodies(receipt.sms_id)[0]["date"]


def test_through_the_door(house: House) -> None:
    house.hooks(URL)
    [receipt] = house.run(inbound.receive(house.rt, house.device_id, [house.incoming()]))
    assert not receipt.duplicate
