"""A refused event holds its own message's later events for that endpoint, and nothing else; and replays."""

from dataclasses import replace

import pytest
from tests.service.house import START, House

from ringback.domain.deliveries import Delivery, State
from ringback.domain.endpoints import Outcome
from ringback.domain.problems import Problem
from ringback.domain.times import DAY, MINUTE, SECOND
from ringback.service import deliveries
from ringback.service.deliveries import Replay, Settlement

REFUSED = Outcome(at=START, duration=5, status=400, answer=b"no")
TAKEN = Outcome(at=START, duration=5, status=200)


def settle(house: House, delivery: Delivery, state: State, *, recovered: bool = False) -> list[int]:
    """Settle it so; the ids of the deliveries that this lets go."""
    waiting = state is State.WAITING
    settlement = Settlement(
        delivery=delivery,
        outcome=TAKEN if state is State.DONE else REFUSED,
        state=state,
        tries=delivery.tries + (state is not State.DONE),
        retry_at=START + 5 * SECOND if waiting else None,
        recovered=recovered,
    )
    house.rt.db.write_now(deliveries.take_settlements, settlement)
    return handed(house)


def handed(house: House) -> list[int]:
    return [delivery.delivery_id for delivery in house.commits[-1].deliveries]


def states(house: House) -> list[State]:
    return [State(row["state"]) for row in house.deliveries()]


@pytest.fixture
def first(house: House) -> Delivery:
    """The first delivery of a message, refused; the message's second waits behind it."""
    house.hooks()
    house.seen()
    sms = house.sms()
    [delivery] = house.commits[-1].deliveries
    house.tell((sms, 2))
    settle(house, delivery, State.WAITING)
    return delivery


def test_only_its_own_message_waits(house: House, first: Delivery) -> None:
    assert states(house) == [State.WAITING, State.BLOCKED]
    house.tell((first.lane, 6))
    assert handed(house) == []
    other = house.sms()
    house.tell((other, 2))
    assert states(house) == [State.WAITING, *[State.BLOCKED] * 2, *[State.PENDING] * 2]
    assert house.message(first.lane)["poisoned"]
    assert not house.message(other)["poisoned"]


def test_its_time_comes_and_it_is_taken(house: House, first: Delivery) -> None:
    assert not house.rt.db.write_now(deliveries.release_due, 10)
    assert handed(house) == []
    house.clock.go(5 * SECOND)
    house.rt.db.write_now(deliveries.release_due, 10)
    assert handed(house) == [1]
    assert states(house) == [State.PENDING, State.BLOCKED]
    [again] = house.commits[-1].deliveries
    assert (again.attempts, again.tries, again.webhook_id) == (1, 1, first.webhook_id)
    assert settle(house, again, State.DONE) == [2]
    assert states(house) == [State.DONE, State.PENDING]
    assert not house.message(first.lane)["poisoned"]


def test_parked_lets_go(house: House, first: Delivery) -> None:
    assert settle(house, replace(first, attempts=7, tries=7), State.PARKED) == [2]
    assert states(house) == [State.PARKED, State.PENDING]
    assert not house.message(first.lane)["poisoned"]


def test_an_endpoint_that_has_just_recovered_is_tried_again(house: House, first: Delivery) -> None:
    other = house.sms()
    [delivery] = house.commits[-1].deliveries
    assert settle(house, delivery, State.DONE, recovered=True) == []
    assert house.commits[-1].endpoints == {
        delivery.endpoint_id
    }  # the engine reads them, however many there are
    assert states(house) == [State.PENDING, State.BLOCKED, State.DONE]
    assert other != first.lane


def test_seven_days(house: House) -> None:
    house.hooks()
    house.seen()
    house.sms()
    house.clock.go(7 * DAY)
    assert house.rt.db.write_now(deliveries.park_hopeless, 1) == 0
    house.clock.go(1)
    assert house.rt.db.write_now(deliveries.park_hopeless, 1) == 1
    assert states(house) == [State.PARKED]
    assert house.commits[-1].endpoints == {1}


def test_replaying_what_is_parked(house: House, first: Delivery) -> None:
    settle(house, replace(first, tries=7), State.PARKED)
    asked = Replay(account_id=house.account_id)
    assert deliveries.replay_now(house.rt, asked) == {"replayed": 1, "skipped": 0}
    [again] = house.commits[-1].deliveries
    assert (again.delivery_id, again.tries, again.body) == (1, 0, first.body)
    settle(house, again, State.DONE)
    one = Replay(account_id=house.account_id, delivery_id=1)
    assert deliveries.replay_now(house.rt, one) == {
        "replayed": 0,
        "skipped": 1,
    }  # asked twice within a minute
    house.clock.go(MINUTE + 1)
    assert deliveries.replay_now(house.rt, one) == {"replayed": 1, "skipped": 0}
    assert deliveries.replay_now(house.rt, one) == {"replayed": 0, "skipped": 1}  # on its way


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        pytest.param({"delivery_id": 99}, "delivery_id", id="no such delivery"),
        pytest.param({"delivery_id": 1, "account_id": 99}, "delivery_id", id="another account's delivery"),
        pytest.param({"endpoint_id": 99}, "endpoint_id", id="no such endpoint"),
        pytest.param({"endpoint_id": 1, "account_id": 99}, "endpoint_id", id="another account's endpoint"),
    ],
)
def test_nothing_to_replay(house: House, first: Delivery, asked: dict[str, int], field: str) -> None:
    before = states(house)
    with pytest.raises(Problem) as caught:
        deliveries.replay_now(house.rt, Replay(**{"account_id": house.account_id, **asked}))
    assert (caught.value.code, caught.value.field) == ("not_found", field)
    assert states(house) == before
    assert first.delivery_id == 1


def test_replaying_since_a_moment(house: House) -> None:
    endpoint_id = house.hooks()
    house.seen()
    house.sms()
    house.clock.go(SECOND)
    house.sms()
    for commit in list(house.commits):
        for delivery in commit.deliveries:
            settle(house, delivery, State.DONE)
    asked = Replay(account_id=house.account_id, endpoint_id=endpoint_id, since=START + SECOND)
    assert house.run(deliveries.replay(house.rt, asked)) == {"replayed": 1, "skipped": 0}
    assert states(house) == [State.DONE, State.PENDING]
