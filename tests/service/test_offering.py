"""What a device is offered, when, and in which order; and what the clock alone does to messages."""

import pytest
from tests.service.house import START, House

from ringback.domain.channels import Channel
from ringback.domain.times import HOUR, MINUTE, SECOND
from ringback.service import devices, outbox
from ringback.store.database import Journey


def test_urgent_first_then_what_is_due_longest(house: House) -> None:
    later = house.sms(due_at=START + 2 * SECOND)
    soon = house.sms(due_at=START + SECOND)
    late_urgent = house.sms(due_at=START + 3 * SECOND, urgent=True)
    urgent = house.sms(due_at=START + 2 * SECOND, urgent=True)
    same_moment = house.sms(due_at=START + 2 * SECOND)
    not_yet = house.sms(due_at=START + HOUR, urgent=True)
    house.clock.go(3 * SECOND)
    assert house.offered() == [urgent, late_urgent, soon, later, same_moment]
    assert house.offered(2) == [urgent, late_urgent]
    assert house.status(not_yet) == 1


def test_offered_again_until_acknowledged(house: House) -> None:
    one, other = house.sms(), house.sms()
    assert house.offered() == [one, other]
    assert (house.status(one), house.history(one)) == (3, [(1, False), (3, False)])
    assert house.offered() == [one, other]
    assert house.history(one) == [(1, False), (3, False)]  # being offered again is no news
    house.tell((one, 2))
    assert house.offered() == [other]
    house.tell((other, 7))  # or something later
    assert house.offered() == []
    assert house.poll().again_at is None


def test_the_first_offer_queues_and_fires(house: House) -> None:
    house.hooks()
    sms = house.sms()
    assert house.commits[-1].deliveries == []
    house.poll()
    [body] = house.sent()
    assert (body["sms_id"], body["status_id"]) == (sms, 3)


def test_only_the_devices_own(house: House) -> None:
    device_id, _ = devices.add(house.rt, house.account_id, "Other phone")
    own, others = house.sms(), house.sms(device_id=device_id)
    assert house.offered() == [own]
    assert [row["id"] for row in house.poll(device_id=device_id).messages] == [others]


def test_two_polls_in_one_commit(house: House) -> None:
    sms = house.sms()
    poll = devices_poll(house)
    answers = house.together(poll, poll)
    assert [[row["id"] for row in answer.messages] for answer in answers] == [[sms], [sms]]
    assert house.history(sms) == [(1, False), (3, False)]


def devices_poll(house: House) -> tuple[Journey, outbox.Poll]:
    return outbox.make_offers, outbox.Poll(device_id=house.device_id, limit=15)


def test_pacing(house: House) -> None:
    """One message a channel every ten seconds; channels do not wait for each other."""
    change = devices.DeviceChange(device_id=house.device_id, pause=10 * SECOND)
    devices.change(house.rt, change)
    first, second, third = (house.sms() for _ in range(3))
    other_slot = house.sms(channel=Channel.SIM_2)
    assert house.offered() == [first, other_slot]
    assert house.status(second) == 1
    assert house.offered() == [first, other_slot]  # not acknowledged: offered again, whatever the pace
    house.tell((first, 2), (other_slot, 2))
    assert house.poll().again_at == START + 10 * SECOND
    house.clock.go(10 * SECOND - 1)
    assert house.offered() == []
    house.clock.go(1)
    assert house.offered() == [second]
    house.clock.go(HOUR)  # what was not sent in time is not caught up with
    assert house.offered() == [second, third]
    assert house.offered() == [second, third]


def test_pacing_lets_the_urgent_go_first(house: House) -> None:
    devices.change(house.rt, devices.DeviceChange(device_id=house.device_id, pause=10 * SECOND))
    plain = house.sms()
    urgent = house.sms(urgent=True)
    assert house.offered() == [urgent]
    house.tell((urgent, 2))
    house.clock.go(10 * SECOND)
    assert house.offered() == [plain]


def test_pacing_by_chance(house: House) -> None:
    change = devices.DeviceChange(device_id=house.device_id, pause=10 * SECOND, pause_random=5 * SECOND)
    devices.change(house.rt, change)
    for _ in range(5):
        sms = house.sms()
        assert house.offered() == [sms]
        house.tell((sms, 2))
        before = house.clock.now()
        again_at = house.poll().again_at
        assert again_at is not None
        assert 10 * SECOND <= again_at - before <= 15 * SECOND
        house.clock.time = again_at


def test_a_scheduled_message_comes_due(house: House) -> None:
    house.hooks()
    sms = house.sms(due_at=START + HOUR)
    house.clock.go(HOUR)
    house.seen()
    assert not house.tick(START)
    assert house.status(sms) == 3
    assert house.commits[-1].devices == {house.device_id}  # its long poll is woken
    assert [body["status_id"] for body in house.sent()] == [3]
    assert not house.tick(START)  # the same span again changes nothing
    assert house.history(sms) == [(1, False), (3, False)]


def test_due_while_the_device_is_away(house: House) -> None:
    sms = house.sms(due_at=START + HOUR)
    house.clock.go(HOUR)
    house.tick(START)
    assert house.status(sms) == 1
    assert house.commits[-1].devices == {house.device_id}
    assert house.offered() == [sms]
    assert house.status(sms) == 3


@pytest.mark.parametrize("queued", [pytest.param(True, id="queued"), pytest.param(False, id="pending")])
def test_expiry(house: House, queued: bool) -> None:
    house.hooks()
    if queued:
        house.seen()
    sms = house.sms(expires_at=START + MINUTE)
    kept = house.sms(expires_at=START + MINUTE + 1)
    assert house.status(sms) == (3 if queued else 1)
    house.clock.go(MINUTE)
    assert house.offered() == [kept]  # nothing that has expired is offered, ticked or not
    house.tick(START)
    assert (house.status(sms), house.status(kept)) == (9, 3)
    assert house.message(sms)["reason"].startswith("expired: ")
    assert house.bodies(sms)[-1]["status_id"] == 9
    house.tell((sms, 6))  # the phone had it all the same
    assert house.history(sms)[-1] == (6, True)


def test_expired_and_due_in_the_same_tick(house: House) -> None:
    sms = house.sms(due_at=START + MINUTE, expires_at=START + MINUTE)
    house.seen()
    house.clock.go(HOUR)
    house.seen()
    house.tick(START)
    assert house.history(sms) == [(1, False), (9, False)]


def test_what_was_taken_does_not_expire(house: House) -> None:
    sms = house.sms(expires_at=START + MINUTE)
    house.poll()
    house.tell((sms, 2))
    house.clock.go(MINUTE)
    house.tick(START)
    assert house.status(sms) == 2


def test_a_silent_phone(house: House) -> None:
    silent, spoke = house.sms(), house.sms()
    house.poll()
    house.tell((silent, 2), (spoke, 2))
    house.tell((spoke, 6))
    house.clock.go(HOUR)
    house.tick(START)
    assert (house.status(silent), house.status(spoke)) == (2, 6)
    house.clock.go(1)
    house.tick(START)
    assert (house.status(silent), house.status(spoke)) == (9, 6)
    assert house.message(silent)["reason"] == (
        "no report: the phone took it and said nothing for 60 minutes; it may have been sent or not"
    )


def test_more_than_a_tick_can_take(house: House) -> None:
    house.submit(*(house.outgoing(expires_at=START + MINUTE) for _ in range(501)))
    house.clock.go(MINUTE)
    assert house.tick(START)
    assert house.status(501) == 1
    assert not house.tick(START)
    assert house.status(501) == 9


def test_absent_devices_do_not_keep_the_clock_busy(house: House) -> None:
    house.submit(*(house.outgoing(due_at=START + MINUTE) for _ in range(501)))
    house.clock.go(MINUTE)
    assert not house.tick(START)
    house.seen()
    assert house.tick(START)
    assert not house.tick(START)
    assert house.status(501) == 3
