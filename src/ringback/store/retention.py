"""Forgetting what is old enough. Ids rise with time, so the oldest rows are found at the beginning of each table."""

from sqlalchemy import delete, func, select

from ringback.domain.deliveries import State
from ringback.store.tables import attempts, deliveries, events
from ringback.store.transaction import Tx


def forget_attempts(tx: Tx, before: int, limit: int) -> int:
    """Delete attempts older than that moment, oldest first, at most ``limit``; how many."""
    old = select(attempts.c.id).where(attempts.c.at < before).order_by(attempts.c.id).limit(limit)
    ids = list(tx.connection.scalars(old))
    if ids:
        tx.run(delete(attempts).where(attempts.c.id.in_(ids)))
    return len(ids)


def forget_events(tx: Tx, before: int, after_id: int, limit: int) -> tuple[int, int | None]:
    """Delete events older than that moment with their deliveries, but for those that an endpoint still has to take. Looks at
    ``limit`` events behind ``after_id``: (how many were deleted, the last one looked at or None at the end).
    """
    # The newest stays, however old: ids go on from it, and feeds' cursors with them.
    newest = select(func.max(events.c.id)).scalar_subquery()
    old = select(events.c.id).where(
        events.c.id > after_id, events.c.created_at < before, events.c.id < newest
    )
    ids = list(tx.connection.scalars(old.order_by(events.c.id).limit(limit)))
    if not ids:
        return 0, None
    open_states = [int(state) for state in (State.PENDING, State.WAITING, State.BLOCKED)]
    wanted = select(deliveries.c.event_id).where(
        deliveries.c.event_id.in_(ids), deliveries.c.state.in_(open_states)
    )
    kept = set(tx.connection.scalars(wanted))
    gone = [event_id for event_id in ids if event_id not in kept]
    if gone:
        tx.run(delete(deliveries).where(deliveries.c.event_id.in_(gone)))
        tx.run(delete(events).where(events.c.id.in_(gone)))
    return len(gone), ids[-1] if len(ids) == limit else None
