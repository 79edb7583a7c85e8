"""Endpoints: where webhooks go, with their secrets (sealed) and their health as the engine last wrote it."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select, update

from ringback.domain.endpoints import Health, State
from ringback.store.tables import channels, devices, endpoints
from ringback.store.transaction import Row, Tx


def all_rows(connection: Connection) -> Sequence[RowMapping]:
    return connection.execute(select(endpoints).order_by(endpoints.c.id)).mappings().all()


def row(connection: Connection, endpoint_id: int, account_id: int | None = None) -> RowMapping | None:
    """One endpoint; with an account given, only that account's."""
    statement = select(endpoints).where(endpoints.c.id == endpoint_id)
    if account_id is not None:
        statement = statement.where(endpoints.c.account_id == account_id)
    return connection.execute(statement).mappings().first()


def of_account(connection: Connection, account_id: int) -> Sequence[RowMapping]:
    statement = select(endpoints).where(endpoints.c.account_id == account_id).order_by(endpoints.c.id)
    return connection.execute(statement).mappings().all()


def by_url(connection: Connection, account_id: int, url: str) -> RowMapping | None:
    statement = select(endpoints).where(endpoints.c.account_id == account_id, endpoints.c.url == url)
    return connection.execute(statement).mappings().first()


def uses(connection: Connection, endpoint_id: int) -> int:
    """How many settings of devices name the endpoint."""
    of_devices = select(devices.c.id).where(devices.c.status_endpoint_id == endpoint_id)
    of_channels = select(channels.c.device_id).where(channels.c.endpoint_id == endpoint_id)
    return len(connection.execute(of_devices.union_all(of_channels).limit(2)).all())


def insert(tx: Tx, values: Row) -> int:
    [endpoint_id] = tx.ids(endpoints, 1)
    tx.insert(endpoints, [{"id": endpoint_id, **values}])
    tx.ring_endpoint(endpoint_id)
    return endpoint_id


def change(tx: Tx, endpoint_id: int, values: Row) -> None:
    tx.run(update(endpoints).where(endpoints.c.id == endpoint_id).values(**values))
    tx.ring_endpoint(endpoint_id)


def save_health(tx: Tx, endpoint_id: int, health: Health, note: str | None) -> None:
    """The engine's own writing: it knows already, so nobody is rung. A person's pause is not overwritten."""
    values = {
        "state": health.state,
        "failures": health.failures,
        "unhealthy_since": health.unhealthy_since,
        "last_success_at": health.last_success_at,
        "note": note,
    }
    statement = update(endpoints).where(endpoints.c.id == endpoint_id).values(**values)
    if health.state is not State.PAUSED:
        statement = statement.where(endpoints.c.state != State.PAUSED)
    tx.run(statement)
