"""What phones say of messages: what moves, what is kept, what fires, and in which order."""

import pytest
from tests.service.house import START, House

from ringback.domain.channels import Channel
from ringback.domain.lifecycle import Status, Verdict
from ringback.domain.messages import Report
from ringback.domain.problems import Problem
from ringback.domain.times import SECOND
from ringback.service import accounts, devices, reports
from ringback.store.database import Journey

M, R, L = Verdict.MOVED, Verdict.REPEAT, Verdict.LATE


@pytest.fixture
def sms(house: House) -> int:
    """A message in its ready device's queue, with webhooks."""
    house.hooks()
    house.seen()
    return house.sms()


# Kept in the history: a late one is negative here, and the others have fired.
@pytest.mark.parametrize(
    ("told", "verdicts", "kept"),
    [
        pytest.param((2, 6, 7), [M, M, M], [2, 6, 7], id="a good life"),
        pytest.param((2, 7), [M, M], [2, 7], id="a jump"),
        pytest.param((2, 2, 6, 6), [M, R, M, R], [2, 6], id="repeats leave no trace"),
        pytest.param((2, 7, 6, 6), [M, M, L, R], [2, 7, -6], id="late is kept and fires nothing"),
        pytest.param((2, 9, 7), [M, M, L], [2, 9, -7], id="final is final"),
        pytest.param((100,), [M], [100], id="not allowed"),
    ],
)
def test_lives(
    house: House, sms: int, told: tuple[int, ...], verdicts: list[Verdict], kept: list[int]
) -> None:
    answers = [house.tell((sms, status))[0] for status in told]
    assert [answer.verdict for answer in answers] == verdicts
    fired = [3, *(status for status in kept if status > 0)]
    assert [body["status_id"] for body in house.bodies(sms)] == fired
    assert [event["sequence"] for event in house.events(sms)] == list(range(1, len(fired) + 1))
    assert [-status if late else status for status, late in house.history(sms)] == [1, 3, *kept]
    assert (answers[-1].status_id, house.status(sms)) == (fired[-1], fired[-1])


def test_several_reports_at_once_keep_their_order(house: House, sms: int) -> None:
    answers = house.tell((sms, 2), (sms, 6), (sms, 2), (sms, 7))
    assert [answer.verdict for answer in answers] == [M, M, R, M]
    assert [answer.status_id for answer in answers] == [2, 6, 6, 7]
    assert [event["sequence"] for event in house.events(sms)] == [1, 2, 3, 4]
    handed = house.commits[-1].deliveries
    assert [delivery.sequence for delivery in handed] == [2, 3, 4]
    assert house.message(sms)["sequence"] == 4


def test_several_calls_in_one_commit_keep_their_order(house: House, sms: int) -> None:
    calls = [
        reports.Telling(device_id=house.device_id, reports=[Report(sms_id=sms, status_id=status, at=START)])
        for status in (2, 6, 7)
    ]
    house.together(*((reports.take_reports, call) for call in calls))
    assert [event["sequence"] for event in house.events(sms)] == [1, 2, 3, 4]
    assert [body["status_id"] for body in house.bodies(sms)] == [3, 2, 6, 7]


def test_the_body_says_what_was_so_then(house: House, sms: int) -> None:
    house.tell((sms, 2))
    house.tell((sms, 6), at=START + 90 * SECOND)
    house.tell((sms, 8), at=START + 95 * SECOND, reason="unknown subscriber")
    senttimes = [body.pop("senttime") for body in house.bodies(sms)]
    assert senttimes == [None, None, "2026-11-23 17:59:03", "2026-11-23 17:59:03"]
    last = house.bodies(sms)[-1]
    assert last == {
        "sms_id": sms,
        "status_id": 8,
        "status_message": "SMS was NOT Delivered",
        "sendto": "+4915112345678",
        "senttime": "2026-11-23 17:59:03",
        "channel_id": 0,
        "device_id": house.device_id,
    }
    row = house.message(sms)
    assert (row["sent_at"], row["reason"], row["changed_at"]) == (
        START + 90 * SECOND,
        "unknown subscriber",
        START,
    )


def test_the_extended_form(house: House) -> None:
    endpoint_id = house.hooks()
    house.extend(endpoint_id)
    house.seen()
    sms = house.sms(customerid=77)
    house.tell((sms, 2))
    [body] = house.sent()
    assert list(body)[7:] == ["sim", "device_name", "customerid", "sequence", "previous_status_id", "caption"]
    assert [body[key] for key in ("sim", "device_name", "customerid", "sequence", "previous_status_id")] == [
        0,
        "Shop phone",
        77,
        2,
        3,
    ]
    assert (
        "customerid" not in house.bodies(sms)[-1]
    )  # the event itself is kept in the founding document's form


def test_only_the_chosen_statuses_fire(house: House, sms: int) -> None:
    chosen = frozenset({Status.DELIVERED, Status.FAILED})
    devices.change(house.rt, devices.DeviceChange(device_id=house.device_id, status_ids=chosen))
    house.tell((sms, 2), (sms, 6), (sms, 7))
    assert [delivery.sequence for delivery in house.commits[-1].deliveries] == [4]
    assert [body["status_id"] for body in house.bodies(sms)] == [3, 2, 6, 7]  # recorded all the same


@pytest.mark.parametrize("which", ["unknown", "another device's", "incoming"])
def test_what_is_not_the_phones_own_refuses_all(house: House, sms: int, which: str) -> None:
    if which == "unknown":
        strange = 99
    elif which == "incoming":
        [receipt] = house.bring(house.incoming())
        strange = receipt.sms_id
    else:
        device_id, _ = devices.add(house.rt, house.account_id, "Other phone")
        strange = house.sms(device_id=device_id)
    before = house.events()
    with pytest.raises(Problem, match=f"Message {strange}") as caught:
        house.tell((sms, 2), (strange, 2))
    assert (caught.value.code, caught.value.field) == ("not_found", "1.sms_id")
    assert house.status(sms) == 3
    assert house.events() == before
    house.tell((sms, 2))  # the rest may be said again
    assert house.status(sms) == 2


def test_a_refused_call_does_not_touch_its_neighbours(house: House, sms: int) -> None:
    def call(sms_id: int, status: int) -> tuple[Journey, reports.Telling]:
        told = [Report(sms_id=sms_id, status_id=status, at=START)]
        return reports.take_reports, reports.Telling(device_id=house.device_id, reports=told)

    first, refused, last = house.together(call(sms, 2), call(99, 2), call(sms, 6))
    assert isinstance(refused, Problem)
    assert [first[0].verdict, last[0].verdict] == [M, M]
    assert house.status(sms) == 6


@pytest.mark.parametrize("status", [1, 3, 4, 5, 99, -1, 10**30])
def test_not_a_phones_to_tell(house: House, sms: int, status: int) -> None:
    telling = reports.Telling(
        device_id=house.device_id,
        reports=[
            Report(sms_id=sms, status_id=2, at=START),
            Report(sms_id=sms, status_id=status, at=START),
        ],
    )
    with pytest.raises(Problem) as caught:
        house.run(reports.tell(house.rt, telling))
    assert (caught.value.code, caught.value.field) == ("invalid", "1.status_id")
    assert house.status(sms) == 3


def test_through_the_door(house: House, sms: int) -> None:
    telling = reports.Telling(device_id=house.device_id, reports=[Report(sms_id=sms, status_id=2, at=START)])
    [told] = house.run(reports.tell(house.rt, telling))
    assert told == reports.Told(sms_id=sms, status_id=Status.TAKEN, verdict=M)


def test_other_accounts_and_slots_have_their_own(house: House) -> None:
    account_id, _ = accounts.add(house.rt, email="two@example.org", language="ru")
    device_id, _ = devices.add(house.rt, account_id, "Other phone")
    house.seen(device_id)
    [accepted] = house.submit(
        house.outgoing(device_id=device_id, channel=Channel.RCS_SIM_2), account_id=account_id
    )
    house.tell((accepted.sms_id, 7), device_id=device_id)
    body = house.bodies(accepted.sms_id)[-1]
    assert (body["device_id"], body["channel_id"]) == (device_id, 5)
    assert body["status_message"] == "SMS доставлено"
