"""Events: what the world may be told, in the order of commit."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from ringback.store.tables import deliveries, events
from ringback.store.transaction import Row, Tx


def insert(tx: Tx, rows: Sequence[Row]) -> None:
    tx.insert(events, rows)


def after(connection: Connection, account_id: int, cursor: int, limit: int) -> Sequence[RowMapping]:
    """An account's events behind the cursor (an event id), oldest first."""
    statement = select(events).where(events.c.account_id == account_id, events.c.id > cursor)
    return connection.execute(statement.order_by(events.c.id).limit(limit)).mappings().all()


def newest(connection: Connection, account_id: int) -> int:
    statement = select(events.c.id).where(events.c.account_id == account_id)
    return connection.scalar(statement.order_by(events.c.id.desc()).limit(1)) or 0


def of_message(connection: Connection, message_id: int) -> Sequence[RowMapping]:
    """A message's events with their deliveries, one row each."""
    statement = (
        select(
            events.c.id, events.c.nonce, events.c.sequence, events.c.kind, events.c.created_at, events.c.body
        )
        .add_columns(deliveries.c.id.label("delivery_id"), deliveries.c.endpoint_id, deliveries.c.state)
        .add_columns(deliveries.c.attempts, deliveries.c.done_at)
        .outerjoin(deliveries, deliveries.c.event_id == events.c.id)
        .where(events.c.message_id == message_id)
    )
    return connection.execute(statement.order_by(events.c.id)).mappings().all()
