"""Messages and what was said of them."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    text,
    update,
)

from ringback.domain.channels import Channel
from ringback.store.tables import messages, reports
from ringback.store.transaction import Row, Tx, chunks

_MOVE = (
    update(messages)
    .where(messages.c.id == bindparam("message_id"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("status_id", "seen", "sequence", "changed_at", "sent_at", "reason")
        }
    )
)
# Literals, not parameters: see the partial indexes in tables.py.
_WAITING_FOR_PHONE = text("messages.status_id IN (1, 3)")
_TAKEN = text("messages.status_id = 2")
_PENDING = text("messages.status_id = 1")


def insert(tx: Tx, rows: Sequence[Row]) -> None:
    tx.insert(messages, rows)


def move(tx: Tx, rows: Sequence[Row]) -> None:
    """Write new states: each row has ``message_id`` and ``new_`` status_id, seen, sequence, changed_at, sent_at, reason."""
    if rows:
        tx.run(_MOVE, rows)


def by_ids(connection: Connection, ids: Collection[int]) -> dict[int, RowMapping]:
    return {
        row["id"]: row
        for some in chunks(ids)
        for row in connection.execute(select(messages).where(messages.c.id.in_(some))).mappings()
    }


def show(connection: Connection, account_id: int | None, message_id: int) -> RowMapping | None:
    """One message; with an account given, only that account's."""
    row = connection.execute(select(messages).where(messages.c.id == message_id)).mappings().first()
    if row is None or account_id not in (None, row["account_id"]):
        return None
    return row


def history(connection: Connection, message_id: int) -> Sequence[RowMapping]:
    statement = select(reports).where(reports.c.message_id == message_id).order_by(reports.c.id)
    return connection.execute(statement).mappings().all()


def add_reports(tx: Tx, rows: Sequence[Row]) -> None:
    tx.insert(reports, rows)


def told_by_phone(connection: Connection, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The ids of messages that phones have brought already, by (device id, phone id)."""
    return {
        (row["device_id"], row["phone_id"]): row["id"]
        for some in chunks(keys)
        for row in connection.execute(*_of_keys("device_id", "phone_id", some)).mappings()
    }


def image_of(connection: Connection, message_id: int) -> str | None:
    return connection.scalar(select(messages.c.image).where(messages.c.id == message_id))


def submitted(connection: Connection, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], RowMapping]:
    """Messages submitted before, by (account id, idempotency key)."""
    return {
        (row["account_id"], row["idempotency_key"]): row
        for some in chunks(keys)
        for row in connection.execute(*_of_keys("account_id", "idempotency_key", some)).mappings()
    }


def _of_keys(
    first: str, second: str, keys: Collection[tuple[int, str]]
) -> tuple[Select[Any], dict[str, int | str]]:
    """The statement that finds the messages of these pairs, and its parameters."""
    pairs = list(keys)
    size = 1 << (len(pairs) - 1).bit_length()  # powers of two: few statements, each of them made once
    pairs += pairs[-1:] * (size - len(pairs))
    parameters: dict[str, int | str] = {}
    for place, (number, name) in enumerate(pairs):
        parameters[f"a{place}"], parameters[f"b{place}"] = number, name
    return _of_pairs(first, second, size), parameters


@lru_cache(maxsize=64)
def _of_pairs(first: str, second: str, size: int) -> Select[Any]:
    """A join, not ``(first, second) IN (…)``: for that, SQLite reads the whole index instead of looking each pair up."""
    rows = ", ".join(f"(:a{place}, :b{place})" for place in range(size))
    asked = text(f"VALUES {rows}").columns(column("column1"), column("column2")).cte("asked")
    same: ColumnElement[bool] = and_(
        messages.c[first] == asked.c.column1, messages.c[second] == asked.c.column2
    )
    return select(messages).select_from(asked).join(messages, same).where(messages.c[second].is_not(None))


# -- what is due


def due(
    connection: Connection, device_id: int, now: int, limit: int, closed: Collection[Channel] = ()
) -> Sequence[RowMapping]:
    """What the device may be offered, urgent first; on ``closed`` channels only what was offered before."""
    statement = select(messages).where(
        _WAITING_FOR_PHONE,
        messages.c.device_id == device_id,
        messages.c.due_at <= now,
        or_(messages.c.expires_at.is_(None), messages.c.expires_at > now),
    )
    if closed:
        slots = [int(slot) for slot in closed]
        statement = statement.where(
            or_(messages.c.channel_id.not_in(slots), messages.c.offered_at.is_not(None))
        )
    order = (messages.c.urgent.desc(), messages.c.due_at, messages.c.id)
    return connection.execute(statement.order_by(*order).limit(limit)).mappings().all()


def next_due(connection: Connection, device_id: int, now: int) -> int | None:
    """When the device's next scheduled message will be due."""
    statement = select(func.min(messages.c.due_at)).where(
        _WAITING_FOR_PHONE, messages.c.device_id == device_id, messages.c.due_at > now
    )
    moment: int | None = connection.scalar(statement)
    return moment


def stamp_offered(tx: Tx, ids: Sequence[int]) -> None:
    tx.run(update(messages).where(messages.c.id.in_(ids)).values(offered_at=tx.now))


def newly_due(connection: Connection, after: int, until: int, limit: int) -> Sequence[RowMapping]:
    """Pending messages that came due in that span; ``limit`` bounds a batch, oldest first."""
    statement = select(messages).where(_PENDING, messages.c.due_at > after, messages.c.due_at <= until)
    return connection.execute(statement.order_by(messages.c.due_at).limit(limit)).mappings().all()


def expired(connection: Connection, now: int, limit: int) -> Sequence[RowMapping]:
    statement = select(messages).where(
        _WAITING_FOR_PHONE, messages.c.expires_at.is_not(None), messages.c.expires_at <= now
    )
    return connection.execute(statement.order_by(messages.c.expires_at).limit(limit)).mappings().all()


def silent(connection: Connection, taken_before: int, limit: int) -> Sequence[RowMapping]:
    """Messages that a phone took before that moment and never reported on."""
    statement = select(messages).where(_TAKEN, messages.c.changed_at < taken_before)
    return connection.execute(statement.order_by(messages.c.changed_at).limit(limit)).mappings().all()


def names_of_images(connection: Connection, names: Collection[str]) -> set[str]:
    """Which of these pictures a message names. Only the sweeping of orphans asks, a few at a time."""
    rows: Sequence[Any] = connection.execute(
        select(messages.c.image).where(messages.c.image.in_(names))
    ).all()
    return {row.image for row in rows}


def set_poisoned(tx: Tx, ids: Collection[int], *, poisoned: bool) -> None:
    tx.run(update(messages).where(messages.c.id.in_(ids)).values(poisoned=poisoned))
