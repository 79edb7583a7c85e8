"""Deliveries and their attempts. The engine's statements are written for batches."""

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)

from ringback.domain.deliveries import Delivery, State
from ringback.domain.events import webhook_id
from ringback.store.tables import attempts, deliveries, endpoints, events
from ringback.store.transaction import Row, Tx, chunks

# Literals, not parameters: see the partial indexes in tables.py.
_PENDING = text("deliveries.state = 0")
_WAITING = text("deliveries.state = 1")
_HELD = text("deliveries.state IN (1, 2)")
_PARKED = text("deliveries.state = 4")

_SETTLE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("state", "attempts", "tries", "retry_at", "done_at")}
    )
)


def insert(tx: Tx, rows: Sequence[Row]) -> None:
    tx.insert(deliveries, rows)


def add_attempts(tx: Tx, rows: Sequence[Row]) -> None:
    tx.insert(attempts, rows)


def settle(tx: Tx, rows: Sequence[Row]) -> None:
    """Write new states: each row has ``delivery_id`` and ``new_`` state, attempts, tries, retry_at, done_at."""
    if rows:
        tx.run(_SETTLE, rows)


# -- what the engine reads


def _full() -> Select[Any]:
    return select(
        deliveries.c.id,
        deliveries.c.endpoint_id,
        deliveries.c.lane,
        deliveries.c.attempts,
        deliveries.c.tries,
        deliveries.c.created_at,
        func.coalesce(deliveries.c.body, events.c.body).label("body"),
        events.c.id.label("event_id"),
        events.c.nonce,
        events.c.sequence,
        events.c.kind,
    ).join(events, events.c.id == deliveries.c.event_id)


def _as_delivery(row: RowMapping) -> Delivery:
    return Delivery(
        delivery_id=row["id"],
        endpoint_id=row["endpoint_id"],
        lane=row["lane"],
        sequence=row["sequence"],
        webhook_id=webhook_id(row["event_id"], row["nonce"]),
        event=row["kind"],
        body=row["body"],
        created_at=row["created_at"],
        attempts=row["attempts"],
        tries=row["tries"],
    )


def pending(connection: Connection, endpoint_id: int, limit: int) -> list[Delivery]:
    """The oldest deliveries that wait for the endpoint."""
    statement = _full().where(_PENDING, deliveries.c.endpoint_id == endpoint_id)
    rows = connection.execute(statement.order_by(deliveries.c.id).limit(limit)).mappings()
    return [_as_delivery(row) for row in rows]


def by_ids(connection: Connection, ids: Collection[int]) -> list[Delivery]:
    statement = _full().order_by(deliveries.c.id)
    return [
        _as_delivery(row)
        for some in chunks(sorted(ids))
        for row in connection.execute(statement.where(deliveries.c.id.in_(some))).mappings()
    ]


def endpoints_with_pending(connection: Connection) -> list[int]:
    """Endpoint by endpoint, not by reading the pending ones: a million of a dead endpoint cost as much as one."""
    one = select(deliveries.c.id).where(_PENDING, deliveries.c.endpoint_id == endpoints.c.id).exists()
    return list(connection.scalars(select(endpoints.c.id).where(one)))


# -- refused events, and those behind them


def held_lanes(connection: Connection, lanes: Collection[int]) -> set[tuple[int, int]]:
    """(lane, endpoint) of these lanes in which a refused event is waiting."""
    statement = select(deliveries.c.lane, deliveries.c.endpoint_id).where(_HELD, deliveries.c.lane.in_(lanes))
    return {(row.lane, row.endpoint_id) for row in connection.execute(statement.distinct())}


def block_behind(tx: Tx, lane: int, endpoint_id: int, delivery_id: int) -> None:
    """By way of the message's events, which are few; what is pending for the endpoint may be a million."""
    of_message = select(events.c.id).where(events.c.message_id == lane)
    tx.run(
        update(deliveries)
        # "+ 0" keeps SQLite from the index of pending ones.
        .where(deliveries.c.event_id.in_(of_message), deliveries.c.endpoint_id + 0 == endpoint_id)
        .where(deliveries.c.state == State.PENDING, deliveries.c.id > delivery_id)
        .values(state=State.BLOCKED)
    )


def unblock(tx: Tx, lane: int, endpoint_id: int) -> list[Delivery]:
    """Let those go that waited behind a refused one, up to the next one that is refused."""
    statement = select(deliveries.c.id, deliveries.c.state).where(
        _HELD, deliveries.c.lane == lane, deliveries.c.endpoint_id == endpoint_id
    )
    held = tx.connection.execute(statement.order_by(deliveries.c.id))
    return _release(tx, [row.id for row in takewhile(lambda row: row.state == State.BLOCKED, held)])


def release_waiting_of(tx: Tx, endpoint_id: int) -> None:
    """All refused ones of an endpoint that has just recovered, however many: the engine reads them when there is room."""
    statement = update(deliveries).where(_WAITING, deliveries.c.endpoint_id == endpoint_id)
    if tx.run(statement.values(state=State.PENDING, retry_at=None)).rowcount:
        tx.ring_endpoint(endpoint_id)


def release_waiting(tx: Tx, limit: int) -> list[Delivery]:
    """Refused ones whose time has come."""
    due = select(deliveries.c.id).where(_WAITING, deliveries.c.retry_at <= tx.now)
    return _release(tx, list(tx.connection.scalars(due.order_by(deliveries.c.retry_at).limit(limit))))


def _release(tx: Tx, ids: Sequence[int]) -> list[Delivery]:
    for some in chunks(ids):
        tx.run(update(deliveries).where(deliveries.c.id.in_(some)).values(state=State.PENDING, retry_at=None))
    return by_ids(tx.connection, ids)


def parked_of(connection: Connection, ids: Collection[int]) -> set[int]:
    """Which of these are parked."""
    return {
        found
        for some in chunks(ids)
        for found in connection.scalars(
            select(deliveries.c.id).where(deliveries.c.id.in_(some), deliveries.c.state == State.PARKED)
        )
    }


def still_held(connection: Connection, lane: int) -> bool:
    statement = select(deliveries.c.id).where(_HELD, deliveries.c.lane == lane).limit(1)
    return connection.scalar(statement) is not None


# -- giving up, and again


def park_older(tx: Tx, endpoint_id: int, before: int, limit: int) -> list[tuple[int, int]]:
    """Park what has waited for the endpoint since before that moment, oldest first: (lane, tries) of each."""
    old = select(deliveries.c.id, deliveries.c.lane, deliveries.c.tries).where(
        _PENDING, deliveries.c.endpoint_id == endpoint_id, deliveries.c.created_at < before
    )
    rows = tx.connection.execute(old.order_by(deliveries.c.id).limit(limit)).all()
    if rows:
        ids = [row.id for row in rows]
        tx.run(update(deliveries).where(deliveries.c.id.in_(ids)).values(state=State.PARKED, done_at=tx.now))
    return [(row.lane, row.tries) for row in rows]


def replayable(
    connection: Connection,
    account_id: int,
    *,
    delivery_id: int | None = None,
    endpoint_id: int | None = None,
    since: int | None = None,
    after_id: int = 0,
    limit: int,
) -> Sequence[RowMapping]:
    """What a replay asks for: one delivery, an endpoint's since a moment, or (neither) all that is parked."""
    statement = (
        select(
            deliveries.c.id,
            deliveries.c.state,
            deliveries.c.replayed_at,
            deliveries.c.endpoint_id,
            deliveries.c.lane,
        )
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(endpoints.c.account_id == account_id, deliveries.c.id > after_id)
    )
    if delivery_id is not None:
        statement = statement.where(deliveries.c.id == delivery_id)
    if endpoint_id is not None:
        statement = statement.where(deliveries.c.endpoint_id == endpoint_id)
    if since is not None:
        statement = statement.where(deliveries.c.created_at >= since)
    elif delivery_id is None:
        statement = statement.where(_PARKED)
    return connection.execute(statement.order_by(deliveries.c.id).limit(limit)).mappings().all()


def replay(tx: Tx, ids: Collection[int]) -> None:
    tx.run(
        update(deliveries)
        .where(deliveries.c.id.in_(ids))
        .values(state=State.PENDING, tries=0, retry_at=None, done_at=None, replayed_at=tx.now)
    )


# -- what people look at


def listing(
    connection: Connection,
    account_id: int,
    *,
    endpoint_id: int | None = None,
    states: Collection[State] = (),
    before_id: int | None = None,
    limit: int,
) -> Sequence[RowMapping]:
    """An account's deliveries, newest first."""
    statement = (
        select(deliveries, events.c.nonce, events.c.sequence, events.c.kind, events.c.message_id)
        .join(events, events.c.id == deliveries.c.event_id)
        .where(events.c.account_id == account_id)
    )
    if endpoint_id is not None:
        statement = statement.where(deliveries.c.endpoint_id == endpoint_id)
    if states:
        statement = statement.where(deliveries.c.state.in_([int(state) for state in states]))
    if before_id is not None:
        statement = statement.where(deliveries.c.id < before_id)
    return connection.execute(statement.order_by(deliveries.c.id.desc()).limit(limit)).mappings().all()


def show(connection: Connection, account_id: int, delivery_id: int) -> RowMapping | None:
    statement = (
        select(deliveries, events.c.nonce, events.c.sequence, events.c.kind, events.c.message_id)
        .add_columns(func.coalesce(deliveries.c.body, events.c.body).label("payload"))
        .join(events, events.c.id == deliveries.c.event_id)
        .where(events.c.account_id == account_id, deliveries.c.id == delivery_id)
    )
    return connection.execute(statement).mappings().first()


def account_of(connection: Connection, delivery_id: int) -> int | None:
    statement = select(events.c.account_id).join(deliveries, deliveries.c.event_id == events.c.id)
    return connection.scalar(statement.where(deliveries.c.id == delivery_id))


def attempts_of(connection: Connection, delivery_id: int) -> Sequence[RowMapping]:
    statement = select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id)
    return connection.execute(statement).mappings().all()


def backlog(connection: Connection, endpoint_id: int, cap: int = 10_000) -> int:
    """How many deliveries wait for the endpoint, counted up to ``cap``."""
    rows = select(deliveries.c.id).where(or_(_PENDING), deliveries.c.endpoint_id == endpoint_id).limit(cap)
    return connection.scalar(select(func.count()).select_from(rows.subquery())) or 0


def oldest_pending(connection: Connection, endpoint_id: int) -> int | None:
    """When the oldest delivery that waits for the endpoint was written (ms)."""
    statement = select(deliveries.c.created_at).where(_PENDING, deliveries.c.endpoint_id == endpoint_id)
    return connection.scalar(statement.order_by(deliveries.c.id).limit(1))
