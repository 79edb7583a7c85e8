"""Accounts, their plans and tokens."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from ringback.domain.channels import Channel
from ringback.domain.plans import Plan
from ringback.store.tables import accounts, plans, tokens, usage
from ringback.store.transaction import Row, Tx


def by_email(connection: Connection, email: str) -> RowMapping | None:
    return connection.execute(select(accounts).where(accounts.c.email == email)).mappings().first()


def by_id(connection: Connection, account_id: int) -> RowMapping | None:
    return connection.execute(select(accounts).where(accounts.c.id == account_id)).mappings().first()


def listing(connection: Connection) -> Sequence[RowMapping]:
    statement = select(
        accounts.c.id, accounts.c.email, plans.c.name.label("plan"), accounts.c.time_zone, accounts.c.language
    )
    return connection.execute(statement.join(plans).order_by(accounts.c.id)).mappings().all()


def insert(tx: Tx, row: Row) -> int:
    [account_id] = tx.ids(accounts, 1)
    tx.insert(accounts, [{"id": account_id, **row}])
    return account_id


def change(tx: Tx, account_id: int, values: Row) -> None:
    tx.run(update(accounts).where(accounts.c.id == account_id).values(**values))


# -- plans


def plan_row(connection: Connection, name: str) -> RowMapping | None:
    return connection.execute(select(plans).where(plans.c.name == name)).mappings().first()


def plan_of(connection: Connection, account_id: int) -> Plan:
    statement = (
        select(plans).join(accounts, accounts.c.plan_id == plans.c.id).where(accounts.c.id == account_id)
    )
    return as_plan(connection.execute(statement).mappings().one())


def plan_rows(connection: Connection) -> Sequence[RowMapping]:
    return connection.execute(select(plans).order_by(plans.c.id)).mappings().all()


def save_plan(tx: Tx, plan: Plan) -> int:
    values = {
        "webhooks": plan.webhooks,
        "channels": ",".join(str(int(slot)) for slot in sorted(plan.channels)),
        "max_devices": plan.max_devices,
        "max_messages": plan.max_messages,
    }
    row = plan_row(tx.connection, plan.name)
    if row is not None:
        tx.run(update(plans).where(plans.c.id == row["id"]).values(**values))
        return int(row["id"])
    [plan_id] = tx.ids(plans, 1)
    tx.insert(plans, [{"id": plan_id, "name": plan.name, **values}])
    return plan_id


def as_plan(row: RowMapping | Row, prefix: str = "") -> Plan:
    """The plan of a row whose columns may carry a prefix."""

    def value(name: str) -> Any:
        return row[prefix + name]

    channels = frozenset(Channel(int(slot)) for slot in value("channels").split(",") if slot)
    return Plan(
        name=value("name"),
        webhooks=bool(value("webhooks")),
        channels=channels,
        max_devices=value("max_devices"),
        max_messages=value("max_messages"),
    )


# -- tokens


def add_token(tx: Tx, account_id: int, token_hash: bytes, label: str) -> int:
    [token_id] = tx.ids(tokens, 1)
    row = {"id": token_id, "account_id": account_id, "hash": token_hash, "label": label, "created_at": tx.now}
    tx.insert(tokens, [row])
    return token_id


def account_of_token(connection: Connection, token_hash: bytes) -> int | None:
    statement = select(tokens.c.account_id).where(tokens.c.hash == token_hash, tokens.c.revoked_at.is_(None))
    return connection.scalar(statement)


def tokens_of(connection: Connection, account_id: int) -> Sequence[RowMapping]:
    columns = (tokens.c.id, tokens.c.label, tokens.c.created_at, tokens.c.revoked_at)
    return connection.execute(select(*columns).where(tokens.c.account_id == account_id)).mappings().all()


def revoke_token(tx: Tx, token_id: int) -> bool:
    revoked = tx.run(
        update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=tx.now)
    )
    return revoked.rowcount == 1


# -- usage


def used_messages(connection: Connection, account_id: int, month: str) -> int:
    statement = select(usage.c.messages).where(usage.c.account_id == account_id, usage.c.month == month)
    return connection.scalar(statement) or 0


def add_usage(tx: Tx, month: str, counts: dict[int, int]) -> None:
    """Count ``counts`` (account id → messages) in."""
    for account_id, count in counts.items():
        where = (usage.c.account_id == account_id, usage.c.month == month)
        if not tx.run(update(usage).where(*where).values(messages=usage.c.messages + count)).rowcount:
            tx.insert(usage, [{"account_id": account_id, "month": month, "messages": count}])


def is_there(connection: Connection) -> bool:
    """Whether the database answers at all."""
    return connection.scalar(select(1)) == 1
