"""What the delivery engine writes, and what people ask of it: settling, giving up for now, replaying."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ringback.domain.deliveries import Delivery, State
from ringback.domain.endpoints import GIVE_UP_AFTER, Health, Outcome
from ringback.domain.endpoints import State as EndpointState
from ringback.domain.events import Kind
from ringback.domain.problems import Problem
from ringback.domain.times import MINUTE
from ringback.runtime import Runtime
from ringback.service.events import record
from ringback.store import deliveries, endpoints, messages
from ringback.store.transaction import Tx, each

RELEASE_BATCH = 500
# A second request for the same replay within this time is the same request said twice.
REPLAY_QUIET = MINUTE
_REPLAY_BATCH = 1_000
_PARK_BATCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What an attempt came to, decided before it is written. ``health`` is the endpoint's where it changed in a way that is to be
    seen; ``recovered``: it has just come back, so what was refused before is tried again.
    """

    delivery: Delivery
    outcome: Outcome
    state: State
    tries: int
    retry_at: int | None
    health: Health | None = None
    recovered: bool = False
    yielding: bool = False  # other lanes go first


def by_clock(settlement: Settlement, ahead: int) -> Settlement:
    """The engine waits by a steady clock, the database goes by the one on the wall, which is ``ahead`` by so much (ms)."""
    if not ahead:
        return settlement
    health, retry_at = settlement.health, settlement.retry_at
    if health is not None:
        since, success = health.unhealthy_since, health.last_success_at
        health = replace(
            health,
            unhealthy_since=None if since is None else since + ahead,
            last_success_at=None if success is None else success + ahead,
        )
    return replace(settlement, health=health, retry_at=None if retry_at is None else retry_at + ahead)


def take_settlements(tx: Tx, settlements: Sequence[Settlement]) -> list[State]:
    """The journey of an outcome: what each delivery is now. One that was parked meanwhile stays so unless it was taken."""
    settlements = _still_parked(tx, settlements)
    deliveries.add_attempts(tx, [_attempt(settlement) for settlement in settlements])
    deliveries.settle(tx, [_row(tx, settlement) for settlement in settlements])
    health: dict[int, Settlement] = {}
    for settlement in settlements:
        _settle_lane(tx, settlement)
        if settlement.health is not None:
            health[settlement.delivery.endpoint_id] = settlement
        if settlement.recovered:
            deliveries.release_waiting_of(tx, settlement.delivery.endpoint_id)
    for endpoint_id, settlement in health.items():
        if settlement.health is not None:
            note = None if settlement.outcome.succeeded else settlement.outcome.error
            if settlement.health.state is EndpointState.PAUSED:
                _tell_owner(tx, endpoint_id, f"{note}: the endpoint is gone (410); resume it when it is back")
            endpoints.save_health(tx, endpoint_id, settlement.health, note)
    return [settlement.state for settlement in settlements]


def _still_parked(tx: Tx, settlements: Sequence[Settlement]) -> list[Settlement]:
    open_ids = [one.delivery.delivery_id for one in settlements if one.state is not State.DONE]
    parked = deliveries.parked_of(tx.connection, open_ids)
    return [
        replace(one, state=State.PARKED, retry_at=None)
        if one.state is not State.DONE and one.delivery.delivery_id in parked
        else one
        for one in settlements
    ]


def _tell_owner(tx: Tx, endpoint_id: int, reason: str) -> None:
    row = endpoints.row(tx.connection, endpoint_id)
    if row is not None and row["state"] != EndpointState.PAUSED:
        told = {"endpoint_id": endpoint_id, "url": row["url"], "reason": reason}
        record(tx, row["account_id"], Kind.ENDPOINT_PAUSED, told)


def _attempt(settlement: Settlement) -> dict[str, Any]:
    outcome = settlement.outcome
    return {
        "delivery_id": settlement.delivery.delivery_id,
        "at": outcome.at,
        "duration": outcome.duration,
        "status": outcome.status,
        "fault": outcome.fault,
        "error": outcome.error,
        "answer": outcome.answer or None,
    }


def _row(tx: Tx, settlement: Settlement) -> dict[str, Any]:
    return {
        "delivery_id": settlement.delivery.delivery_id,
        "new_state": int(settlement.state),
        "new_attempts": settlement.delivery.attempts + 1,
        "new_tries": settlement.tries,
        "new_retry_at": settlement.retry_at,
        "new_done_at": tx.now if settlement.state in (State.DONE, State.PARKED) else None,
    }


def _settle_lane(tx: Tx, settlement: Settlement) -> None:
    """A refused event holds its own lane, and lets it go when it is done or given up."""
    delivery = settlement.delivery
    if settlement.state is State.WAITING:
        deliveries.block_behind(tx, delivery.lane, delivery.endpoint_id, delivery.delivery_id)
        messages.set_poisoned(tx, [delivery.lane], poisoned=True)
    elif settlement.state is State.PARKED or (settlement.state is State.DONE and delivery.tries):
        _let_go(tx, delivery.lane, delivery.endpoint_id)


def _let_go(tx: Tx, lane: int, endpoint_id: int) -> None:
    tx.hand_over(deliveries.unblock(tx, lane, endpoint_id))
    if not deliveries.still_held(tx.connection, lane):
        messages.set_poisoned(tx, [lane], poisoned=False)


# -- the sweeper's part


@each
def release_due(tx: Tx, limit: int) -> bool:
    """Let refused events go whose time has come; True if there may be more."""
    released = deliveries.release_waiting(tx, limit)
    tx.hand_over(released)
    return len(released) == limit


@each
def park_hopeless(tx: Tx, endpoint_id: int) -> int:
    """Park what an endpoint has not taken in seven days; how many were parked."""
    parked = deliveries.park_older(tx, endpoint_id, tx.now - GIVE_UP_AFTER, _PARK_BATCH)
    for lane in {lane for lane, tries in parked if tries}:  # others may wait behind those that were refused
        _let_go(tx, lane, endpoint_id)
    if parked:
        tx.ring_endpoint(endpoint_id)
    return len(parked)


# -- replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One delivery, an endpoint's since a moment (ms), or with neither all that is parked (of an endpoint, if given)."""

    account_id: int
    delivery_id: int | None = None
    endpoint_id: int | None = None
    since: int | None = None
    after_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """``skipped`` are on their way already, or were replayed less than a minute ago."""

    replayed: int
    skipped: int
    last_id: int | None


async def replay(rt: Runtime, asked: Replay) -> Mapping[str, int]:
    """As ``replay_now``, in a thread: a long one is many transactions."""
    return await asyncio.to_thread(replay_now, rt, asked)


def replay_now(rt: Runtime, asked: Replay) -> Mapping[str, int]:
    """Send again what is asked for, batch by batch; Problem ``not_found`` for another's delivery or endpoint."""
    if (
        asked.endpoint_id is not None
        and rt.db.look(endpoints.row, asked.endpoint_id, asked.account_id) is None
    ):
        raise Problem("not_found", f"There is no endpoint {asked.endpoint_id}.", field="endpoint_id")
    replayed = skipped = 0
    step: Replay | None = asked
    while step is not None:
        done: Replayed = rt.db.write_now(take_replays, step)
        replayed, skipped = replayed + done.replayed, skipped + done.skipped
        step = _next_step(step, done)
    if asked.delivery_id is not None and not replayed + skipped:
        raise Problem("not_found", f"There is no delivery {asked.delivery_id}.", field="delivery_id")
    return {"replayed": replayed, "skipped": skipped}


def _next_step(step: Replay, done: Replayed) -> Replay | None:
    if done.last_id is None:
        return None
    return Replay(
        account_id=step.account_id,
        delivery_id=step.delivery_id,
        endpoint_id=step.endpoint_id,
        since=step.since,
        after_id=done.last_id,
    )


@each
def take_replays(tx: Tx, asked: Replay) -> Replayed:
    rows = deliveries.replayable(
        tx.connection,
        asked.account_id,
        delivery_id=asked.delivery_id,
        endpoint_id=asked.endpoint_id,
        since=asked.since,
        after_id=asked.after_id,
        limit=_REPLAY_BATCH,
    )
    quiet = tx.now - REPLAY_QUIET
    again = [
        row
        for row in rows
        if row["state"] in (State.DONE, State.PARKED)
        and (row["replayed_at"] is None or row["replayed_at"] < quiet)
    ]
    if again:
        ids = [row["id"] for row in again]
        deliveries.replay(tx, ids)
        tx.hand_over(deliveries.by_ids(tx.connection, ids))
    last_id = rows[-1]["id"] if len(rows) == _REPLAY_BATCH else None
    return Replayed(replayed=len(again), skipped=len(rows) - len(again), last_id=last_id)
