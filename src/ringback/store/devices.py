"""Devices, their channels and pairing codes; and the one value in which the journeys need them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from ringback.domain.channels import Channel
from ringback.domain.devices import Device, Target
from ringback.domain.lifecycle import Status
from ringback.domain.times import DatetimeFormat
from ringback.store.accounts import as_plan
from ringback.store.tables import accounts, channels, devices, endpoints, pairings, plans
from ringback.store.transaction import Row, Tx, chunks

_DEVICES = (
    select(
        devices,
        accounts.c.time_zone,
        accounts.c.language,
        accounts.c.datetime_format,
        *[column.label(f"plan_{column.name}") for column in plans.c],
        endpoints.c.extended,
    )
    .join(accounts, accounts.c.id == devices.c.account_id)
    .join(plans, plans.c.id == accounts.c.plan_id)
    .outerjoin(endpoints, endpoints.c.id == devices.c.status_endpoint_id)
)
_INCOMING = select(channels.c.device_id, channels.c.channel_id, endpoints.c.id, endpoints.c.extended).join(
    endpoints, endpoints.c.id == channels.c.endpoint_id
)


def load(connection: Connection, device_ids: Collection[int]) -> dict[int, Device]:
    """The devices of these ids, with all that their journeys depend on; unknown ids are left out."""
    return {found: device for some in chunks(device_ids) for found, device in _load(connection, some).items()}


def _load(connection: Connection, device_ids: Collection[int]) -> dict[int, Device]:
    incoming: dict[int, dict[Channel, Target]] = {}
    for device_id, slot, endpoint_id, extended in connection.execute(
        _INCOMING.where(channels.c.device_id.in_(device_ids))
    ):
        target = Target(endpoint_id=endpoint_id, extended=bool(extended))
        incoming.setdefault(device_id, {})[Channel(slot)] = target
    rows = connection.execute(_DEVICES.where(devices.c.id.in_(device_ids))).mappings()
    return {row["id"]: _as_device(row, incoming.get(row["id"], {})) for row in rows}


def _as_device(row: RowMapping, incoming: dict[Channel, Target]) -> Device:
    endpoint_id = row["status_endpoint_id"]
    return Device(
        device_id=row["id"],
        account_id=row["account_id"],
        title=row["title"],
        plan=as_plan(row, "plan_"),
        time_zone=row["time_zone"],
        language=row["language"],
        datetime_format=DatetimeFormat(row["datetime_format"]),
        status_target=Target(endpoint_id=endpoint_id, extended=bool(row["extended"]))
        if endpoint_id
        else None,
        incoming_targets=incoming,
        status_ids=frozenset(Status(int(part)) for part in row["status_ids"].split(",") if part),
        plus_prefixes=tuple(part for part in row["plus_prefixes"].split(",") if part),
        pause=row["pause"],
        pause_random=row["pause_random"],
        last_seen_at=row["last_seen_at"],
    )


def by_key(connection: Connection, key_hash: bytes) -> int | None:
    return connection.scalar(select(devices.c.id).where(devices.c.key_hash == key_hash))


def row(connection: Connection, device_id: int) -> RowMapping | None:
    return connection.execute(select(devices).where(devices.c.id == device_id)).mappings().first()


def listing(connection: Connection, account_id: int | None = None) -> Sequence[RowMapping]:
    statement = (
        select(devices.c.id, accounts.c.email, devices.c.title, devices.c.last_seen_at)
        .join(accounts)
        .order_by(devices.c.id)
    )
    if account_id is not None:
        statement = statement.where(devices.c.account_id == account_id)
    return connection.execute(statement).mappings().all()


def count(connection: Connection, account_id: int) -> int:
    return (
        connection.scalar(select(func.count()).select_from(devices).where(devices.c.account_id == account_id))
        or 0
    )


def insert(tx: Tx, values: Row) -> int:
    [device_id] = tx.ids(devices, 1)
    tx.insert(devices, [{"id": device_id, **values}])
    tx.insert(channels, [{"device_id": device_id, "channel_id": int(slot)} for slot in Channel])
    return device_id


def change(tx: Tx, device_id: int, values: Row) -> None:
    if values:
        tx.run(update(devices).where(devices.c.id == device_id).values(**values))


def channel_rows(connection: Connection, device_id: int) -> Sequence[RowMapping]:
    statement = select(channels).where(channels.c.device_id == device_id).order_by(channels.c.channel_id)
    return connection.execute(statement).mappings().all()


def change_channel(tx: Tx, device_id: int, slot: Channel, values: dict[str, Any]) -> None:
    where = (channels.c.device_id == device_id, channels.c.channel_id == int(slot))
    tx.run(update(channels).where(*where).values(**values))


# -- pairing codes


def add_pairing(tx: Tx, code_hash: bytes, device_id: int, expires_at: int) -> None:
    """A new code for the device; an earlier one, and codes of others that have run out, are gone with it."""
    tx.run(delete(pairings).where((pairings.c.device_id == device_id) | (pairings.c.expires_at < tx.now)))
    tx.insert(pairings, [{"code_hash": code_hash, "device_id": device_id, "expires_at": expires_at}])


def take_pairing(tx: Tx, code_hash: bytes) -> int | None:
    """The device of a valid code, which is used up by this."""
    statement = select(pairings).where(pairings.c.code_hash == code_hash, pairings.c.expires_at >= tx.now)
    found = tx.run(statement).mappings().first()
    if found is None:
        return None
    tx.run(delete(pairings).where(pairings.c.code_hash == code_hash))
    return int(found["device_id"])
