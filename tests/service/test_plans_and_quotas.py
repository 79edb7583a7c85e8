"""What a plan allows, and that a changed plan counts from the next call on."""

import pytest
from tests.service.house import START, House

from ringback.domain.channels import Channel
from ringback.domain.problems import Problem
from ringback.domain.times import DAY
from ringback.service import accounts, devices, outbound
from ringback.store.accounts import used_messages


def refusal(house: House, count: int) -> str:
    with pytest.raises(Problem) as caught:
        house.submit(*[house.outgoing()] * count)
    return caught.value.code


def test_without_webhooks_events_are_recorded_all_the_same(house: House) -> None:
    house.hooks()
    house.plan("small", webhooks=False)
    house.seen()
    sms_id = house.sms()
    house.bring(house.incoming())
    assert [event["kind"] for event in house.events()] == ["message.status", "message.incoming"]
    assert house.deliveries() == []
    assert house.commits[-1].deliveries == []
    house.plan("large")
    house.tell((sms_id, 2))
    [delivery] = house.deliveries()
    assert (delivery["lane"], delivery["state"]) == (sms_id, 0)


def test_messages_a_month(house: House) -> None:
    house.plan("small", max_messages=3)
    house.sms()
    assert refusal(house, 3) == "quota_exceeded"  # all or none of a list
    house.submit(house.outgoing(), house.outgoing())
    assert refusal(house, 1) == "quota_exceeded"
    house.bring(house.incoming())  # incoming ones are not counted
    house.clock.go(8 * DAY)  # December
    house.sms()
    assert house.rt.db.look(used_messages, house.account_id, "2026-11") == 3
    assert house.rt.db.look(used_messages, house.account_id, "2026-12") == 1


def test_a_repeat_costs_nothing(house: House) -> None:
    house.plan("small", max_messages=1)
    house.sms(idempotency_key="once")
    [again] = house.submit(house.outgoing(idempotency_key="once"))
    assert again.duplicate


def test_a_quota_holds_within_one_commit(house: House) -> None:
    house.plan("small", max_messages=3)
    two = outbound.Submission(account_id=house.account_id, messages=[house.outgoing()] * 2)
    answers = house.together(*[(outbound.take_submissions, two)] * 3)
    assert [isinstance(answer, Problem) for answer in answers] == [False, True, True]


def test_a_newer_plan_counts_at_once(house: House) -> None:
    house.plan("small", max_messages=1, channels=frozenset({Channel.SIM_1}))
    house.sms()
    assert refusal(house, 1) == "quota_exceeded"
    house.plan("small", max_messages=2, channels=frozenset({Channel.SIM_2}))
    with pytest.raises(Problem) as caught:
        house.sms()
    assert (caught.value.code, caught.value.field) == ("channel_not_in_plan", "channel_id")
    assert house.sms(channel=Channel.SIM_2) == 2


def test_devices(house: House) -> None:
    house.plan("small", max_devices=2)
    devices.add(house.rt, house.account_id, "Second")
    with pytest.raises(Problem) as caught:
        devices.add(house.rt, house.account_id, "Third")
    assert caught.value.code == "quota_exceeded"
    house.plan("large")
    assert devices.add(house.rt, house.account_id, "Third")[0] == 3


def test_plans_are_kept_as_they_are_given(house: House) -> None:
    house.plan("small", webhooks=False, channels=frozenset(), max_devices=0, max_messages=0)
    found = accounts.plan(house.rt, "small")
    assert found is not None
    assert (found.webhooks, found.channels, found.max_devices, found.max_messages) == (
        False,
        frozenset(),
        0,
        0,
    )
    assert accounts.plan(house.rt, "none") is None
    with pytest.raises(Problem) as caught:
        accounts.change(house.rt, accounts.AccountChange(account_id=house.account_id, plan="none"))
    assert (caught.value.code, caught.value.field) == ("not_found", "plan")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({"email": "nobody"}, "email", id="no address"),
        pytest.param({"email": "one@example.org"}, "email", id="there already"),
        pytest.param({"email": " ONE@example.org "}, "email", id="there already, in capitals"),
        pytest.param({"email": "a@b.c", "password": "short"}, "password", id="short password"),
        pytest.param({"email": "a@b.c", "time_zone": "Mars/Base"}, "time_zone", id="no time zone"),
        pytest.param({"email": "a@b.c", "language": "xx"}, "language", id="no language"),
        pytest.param({"email": "a@b.c", "datetime_format": "x"}, "datetime_format", id="no form"),
        pytest.param({"email": "a@b.c", "plan": "gold"}, "plan", id="no plan"),
    ],
)
def test_accounts_that_cannot_be(house: House, given: dict[str, str], field: str) -> None:
    with pytest.raises(Problem) as caught:
        accounts.add(house.rt, **given)
    assert caught.value.field == field


def test_an_accounts_preferences_count_at_once(house: House) -> None:
    house.hooks()
    house.seen()
    sms_id = house.sms()
    change = accounts.AccountChange(
        account_id=house.account_id,
        time_zone="Europe/Berlin",
        language="ru",
        datetime_format="iso8601",
    )
    accounts.change(house.rt, change)
    house.tell((sms_id, 6))
    body = house.bodies(sms_id)[-1]
    assert (body["status_message"], body["senttime"]) == (
        "Отправленное SMS по телефону",
        "2026-11-23T18:57:33+01:00",
    )
    assert accounts.account_id(house.rt, " One@Example.org") == house.account_id
    with pytest.raises(Problem, match="ringback account add"):
        accounts.account_id(house.rt, "two@example.org")
    assert house.clock.now() == START
