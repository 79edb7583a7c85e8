"""Telling the world: events, and one delivery of each for every endpoint that asked for it.

Always called in the transaction of what happened, so that neither can exist without the other.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ringback.domain.deliveries import Delivery, State
from ringback.domain.devices import Device, Target
from ringback.domain.events import Kind, webhook_id
from ringback.store import deliveries, events
from ringback.store.tables import deliveries as deliveries_table
from ringback.store.tables import events as events_table
from ringback.store.transaction import Tx
from ringback.wire.webhook import Body, Extra, exact, extended


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """``poisoned``: a refused event of this lane is waiting, so this one may have to wait behind it."""

    account_id: int
    device_id: int
    message_id: int
    sequence: int
    kind: Kind
    body: Body
    extra: Extra
    targets: Sequence[Target]
    poisoned: bool = False


def targets_of(device: Device, target: Target | None) -> tuple[Target, ...]:
    """Where an event goes: nowhere without an endpoint, or without webhooks in the plan."""
    return (target,) if target is not None and device.plan.webhooks else ()


def announce(tx: Tx, announcements: Sequence[Announcement]) -> None:
    if not announcements:
        return
    nonces = os.urandom(8 * len(announcements)).hex()
    event_ids = tx.ids(events_table, len(announcements))
    delivery_ids = iter(tx.ids(deliveries_table, sum(len(told.targets) for told in announcements)))
    held = _held(tx, announcements)
    event_rows, delivery_rows, handed = [], [], []
    for place, (event_id, told) in enumerate(zip(event_ids, announcements, strict=True)):
        nonce = nonces[16 * place : 16 * place + 16]
        body = exact(told.body)
        event_rows.append(
            {
                "id": event_id,
                "nonce": nonce,
                "account_id": told.account_id,
                "device_id": told.device_id,
                "message_id": told.message_id,
                "sequence": told.sequence,
                "kind": told.kind,
                "created_at": tx.now,
                "body": body,
            }
        )
        for target in told.targets:
            own = extended(told.body, told.extra) if target.extended else None
            blocked = (told.message_id, target.endpoint_id) in held
            delivery = Delivery(
                delivery_id=next(delivery_ids),
                endpoint_id=target.endpoint_id,
                lane=told.message_id,
                sequence=told.sequence,
                webhook_id=webhook_id(event_id, nonce),
                event=told.kind,
                body=own or body,
                created_at=tx.now,
            )
            delivery_rows.append(
                {
                    "id": delivery.delivery_id,
                    "event_id": event_id,
                    "endpoint_id": target.endpoint_id,
                    "lane": told.message_id,
                    "state": State.BLOCKED if blocked else State.PENDING,
                    "created_at": tx.now,
                    "body": own,
                }
            )
            if not blocked:
                handed.append(delivery)
        tx.ring_account(told.account_id)
    events.insert(tx, event_rows)
    deliveries.insert(tx, delivery_rows)
    tx.hand_over(handed)


def record(tx: Tx, account_id: int, kind: Kind, body: Mapping[str, Any]) -> None:
    """An event for the account's feed alone, such as that an endpoint was paused: no endpoint is told."""
    [event_id] = tx.ids(events_table, 1)
    row = {
        "id": event_id,
        "nonce": os.urandom(8).hex(),
        "account_id": account_id,
        "sequence": 0,
        "kind": kind,
    }
    events.insert(tx, [{**row, "created_at": tx.now, "body": msgspec.json.encode(body)}])
    tx.ring_account(account_id)


def bell_key(account_id: int) -> tuple[str, int]:
    """What rings when the account has new events."""
    return ("events", account_id)


def _held(tx: Tx, announcements: Sequence[Announcement]) -> set[tuple[int, int]]:
    lanes = {told.message_id for told in announcements if told.poisoned}
    return deliveries.held_lanes(tx.connection, lanes) if lanes else set()
