"""The journey of an outgoing message up to its device's queue."""

from typing import Any

import pytest
from tests.service.house import START, House

from ringback.domain.channels import Channel
from ringback.domain.problems import Problem
from ringback.domain.times import DAY, HOUR, MINUTE
from ringback.service import accounts, devices, outbound
from ringback.store import accounts as accounts_store


def test_to_a_device_that_is_not_ready(house: House) -> None:
    [accepted] = house.submit(house.outgoing(customerid=77))
    assert (accepted.sms_id, accepted.status_id, accepted.duplicate) == (1, 1, False)
    row = house.message(1)
    assert (row["status_id"], row["due_at"], row["customerid"]) == (1, START, 77)
    assert house.history(1) == [(1, False)]
    assert house.events() == []  # being created is not a change
    assert house.commits[-1].devices == {house.device_id}


def test_to_a_ready_device(house: House) -> None:
    house.hooks()
    house.seen()
    [accepted] = house.submit(house.outgoing())
    assert accepted.status_id == 3
    assert house.history(1) == [(1, False), (3, False)]
    [body] = house.bodies(1)
    assert (body["status_id"], body["status_message"], body["senttime"]) == (3, "Queued for sending", None)
    [handed] = house.commits[-1].deliveries
    assert (handed.lane, handed.sequence, handed.event) == (1, 1, "message.status")
    house.clock.go(3 * MINUTE)
    assert house.submit(house.outgoing())[0].status_id == 1  # it has not been heard of for too long


def test_scheduled(house: House) -> None:
    house.seen()
    sms_id = house.sms(due_at=START + HOUR)
    assert house.status(sms_id) == 1
    assert house.poll().messages == ()
    assert house.poll().again_at == START + HOUR
    assert house.message(house.sms(due_at=START - DAY))["due_at"] == START  # the past is now


def test_the_plus_rule_and_names(house: House) -> None:
    devices.change(house.rt, devices.DeviceChange(device_id=house.device_id, plus_prefixes=("49",)))
    assert house.message(house.sms(to="49 (151) 123"))["address"] == "+49151123"
    assert house.message(house.sms(to="US.abc", channel=Channel.WHATSAPP))["address"] == "US.abc"


def test_the_same_key_is_the_same_message(house: House) -> None:
    first = house.sms(idempotency_key="order 7")
    [again] = house.submit(house.outgoing(idempotency_key="order 7", to="+49 151 12345678"))
    assert (again.sms_id, again.duplicate, again.status_id) == (first, True, 1)
    house.seen()
    house.offered()
    [later] = house.submit(house.outgoing(idempotency_key="order 7"))
    assert (later.duplicate, later.status_id) == (True, 3)  # it has moved on
    assert house.sms(idempotency_key="order 8") == first + 1
    assert house.sms() == first + 2
    assert house.sms() == first + 3  # without a key each is its own


def test_a_repeat_in_the_same_commit_is_told_what_the_first_is_told(house: House) -> None:
    house.seen()
    message = house.outgoing(idempotency_key="order 7")
    assert [(a.duplicate, a.status_id) for a in house.submit(message, message)] == [(False, 3), (True, 3)]


def test_keys_are_an_accounts_own(house: House) -> None:
    first = house.sms(idempotency_key="order 7")
    account_id, _ = accounts.add(house.rt, email="two@example.org")
    device_id, _ = devices.add(house.rt, account_id, "Other phone")
    [other] = house.submit(
        house.outgoing(idempotency_key="order 7", device_id=device_id), account_id=account_id
    )
    assert (other.sms_id, other.duplicate) == (first + 1, False)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"body": "else"}, id="another text"),
        pytest.param({"to": "+4915112345679"}, id="another recipient"),
        pytest.param({"channel": Channel.SIM_2}, id="another channel"),
    ],
)
def test_the_same_key_for_another_message_is_a_conflict(house: House, change: dict[str, Any]) -> None:
    first = house.sms(idempotency_key="order 7")
    with pytest.raises(Problem, match=f"sms_id {first}") as caught:
        house.sms(idempotency_key="order 7", **change)
    assert (caught.value.code, caught.value.field) == ("conflict", "idempotency_key")
    assert house.sms() == first + 1


def test_the_same_key_within_a_list_and_within_a_commit(house: House) -> None:
    message = house.outgoing(idempotency_key="order 7")
    assert [(a.sms_id, a.duplicate) for a in house.submit(message, message)] == [(1, False), (1, True)]
    one = outbound.Submission(
        account_id=house.account_id, messages=[house.outgoing(idempotency_key="order 8")]
    )
    answers = house.together((outbound.take_submissions, one), (outbound.take_submissions, one))
    assert [(a.sms_id, a.duplicate) for [a] in answers] == [(2, False), (2, True)]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        pytest.param({"to": "Alice"}, "invalid", "1.to", id="no number"),
        pytest.param({"device_id": 99}, "not_found", "1.device_id", id="no such device"),
        pytest.param({"channel": Channel.WHATSAPP}, "channel_not_in_plan", "1.channel_id", id="not in plan"),
        pytest.param(
            {"idempotency_key": "used", "body": "x"}, "conflict", "1.idempotency_key", id="key of another"
        ),
    ],
)
def test_one_bad_item_leaves_nothing(house: House, change: dict[str, Any], code: str, field: str) -> None:
    house.plan("small", channels=frozenset({Channel.SIM_1}), max_messages=3)
    used = house.sms(idempotency_key="used")
    with pytest.raises(Problem) as caught:
        house.submit(house.outgoing(idempotency_key="new"), house.outgoing(**change), house.outgoing())
    assert (caught.value.code, caught.value.field) == (code, field)
    assert house.rt.db.look(accounts_store.used_messages, house.account_id, "2026-11") == 1
    # Neither the key nor the quota was used by what was refused.
    [accepted, _] = house.submit(house.outgoing(idempotency_key="new"), house.outgoing())
    assert (accepted.sms_id, accepted.duplicate) == (used + 1, False)


def test_a_refusal_does_not_touch_its_neighbours(house: House) -> None:
    good = outbound.Submission(account_id=house.account_id, messages=[house.outgoing()])
    bad = outbound.Submission(
        account_id=house.account_id, messages=[house.outgoing(), house.outgoing(to="x")]
    )
    [first, refused, last] = house.together(
        *((outbound.take_submissions, unit) for unit in (good, bad, good))
    )
    assert isinstance(refused, Problem)
    assert refused.field == "to"
    assert [house.status(first[0].sms_id), house.status(last[0].sms_id)] == [1, 1]
    assert house.rt.db.look(accounts_store.used_messages, house.account_id, "2026-11") == 2


def test_anothers_device_is_as_unknown_as_none(house: House) -> None:
    account_id, _ = accounts.add(house.rt, email="two@example.org")
    with pytest.raises(Problem) as caught:
        house.submit(house.outgoing(), account_id=account_id)
    assert (caught.value.code, caught.value.field) == ("not_found", "device_id")
