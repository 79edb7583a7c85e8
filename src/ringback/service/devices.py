"""Devices: adding, pairing, their settings, and that they were heard of."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringback.domain.channels import Channel
from ringback.domain.lifecycle import FIRING, Status
from ringback.domain.plans import refuse_device
from ringback.domain.problems import Problem
from ringback.domain.times import MINUTE, SECOND
from ringback.runtime import Runtime
from ringback.service import endpoints
from ringback.service.identity import hashed, new_device_key
from ringback.store import accounts, devices
from ringback.store.transaction import Tx, each

PAIRING_TIME = 15 * MINUTE
MAX_TITLE = 100
_SEEN_EVERY = 15 * SECOND  # a phone that polls all the time is not written down each time
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # no letter that could be read as another


def _default_status_ids() -> str:
    return ",".join(str(int(status)) for status in FIRING)


# -- adding and pairing


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    account_id: int
    title: str
    key_hash: bytes


def add(rt: Runtime, account_id: int, title: str) -> tuple[int, str]:
    """A new device and its key: (device id, key). The key is not kept and cannot be shown again."""
    key = new_device_key()
    device = NewDevice(account_id=account_id, title=checked_title(title), key_hash=hashed(key))
    device_id: int = rt.db.write_now(add_devices, device)
    return device_id, key


def checked_title(title: str) -> str:
    title = title.strip()
    if not title or len(title) > MAX_TITLE:
        raise Problem("invalid", f"A device needs a title of 1 to {MAX_TITLE} characters.", field="title")
    return title


@each
def add_devices(tx: Tx, device: NewDevice) -> int:
    refusal = refuse_device(
        accounts.plan_of(tx.connection, device.account_id), devices.count(tx.connection, device.account_id)
    )
    if refusal is not None:
        raise refusal
    return devices.insert(
        tx,
        {
            "account_id": device.account_id,
            "title": device.title,
            "key_hash": device.key_hash,
            "status_ids": _default_status_ids(),
            "created_at": tx.now,
        },
    )


def new_pairing_code(rt: Runtime, device_id: int) -> str:
    """A code that pairs a phone as this device, once, within 15 minutes. 40 random bits for 15 minutes cannot be tried out."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    rt.db.write_now(add_pairings, (hashed(letters), device_id))
    return f"{letters[:4]}-{letters[4:]}"


@each
def add_pairings(tx: Tx, asked: tuple[bytes, int]) -> None:
    code_hash, device_id = asked
    devices.add_pairing(tx, code_hash, device_id, tx.now + PAIRING_TIME)


async def pair(rt: Runtime, code: str) -> tuple[int, str]:
    """(device id, new key) for a valid code; Problem ``unauthorized`` otherwise."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    key = new_device_key()
    device_id: int = await rt.db.write(pair_devices, (hashed(letters), hashed(key)))
    return device_id, key


@each
def pair_devices(tx: Tx, asked: tuple[bytes, bytes]) -> int:
    code_hash, key_hash = asked
    device_id = devices.take_pairing(tx, code_hash)
    if device_id is None:
        raise Problem(
            "unauthorized",
            "This pairing code is not valid (any more): codes work once, for 15 minutes. `ringback device pair` makes a new one.",
            field="code",
        )
    devices.change(tx, device_id, {"key_hash": key_hash, "last_seen_at": tx.now})
    tx.directory_changed = True
    return device_id


# -- settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """What is None stays. A webhook URL of "" takes the webhook away. ``pause`` and ``pause_random`` are ms."""

    device_id: int
    title: str | None = None
    status_webhook: str | None = None
    incoming_webhooks: Mapping[Channel, str] = field(default_factory=dict)
    status_ids: frozenset[Status] | None = None
    plus_prefixes: tuple[str, ...] | None = None
    pause: int | None = None
    pause_random: int | None = None


def change(rt: Runtime, changed: DeviceChange) -> list[endpoints.Shown]:
    """Write a device's settings; the endpoints that this made, with their secrets, which are shown this once."""
    offers = {url: endpoints.offer(rt, url) for url in _urls(changed)}
    shown: list[endpoints.Shown] = rt.db.write_now(change_devices, (changed, offers))
    return shown


def _urls(changed: DeviceChange) -> set[str]:
    urls = {changed.status_webhook or "", *changed.incoming_webhooks.values()}
    return {url for url in urls if url}


@each
def change_devices(
    tx: Tx, asked: tuple[DeviceChange, Mapping[str, endpoints.Offer]]
) -> list[endpoints.Shown]:
    changed, offers = asked
    row = devices.row(tx.connection, changed.device_id)
    if row is None:
        raise Problem("not_found", f"There is no device {changed.device_id}.")
    shown: list[endpoints.Shown] = []

    def point(current: int | None, url: str) -> int | None:
        if not url:
            return None
        shown.append(endpoints.point_to(tx, row["account_id"], current, offers[url]))
        return shown[-1].endpoint_id

    values: dict[str, Any] = {
        "title": changed.title,
        "pause": changed.pause,
        "pause_random": changed.pause_random,
    }
    if changed.status_ids is not None:
        values["status_ids"] = ",".join(str(int(status)) for status in sorted(changed.status_ids))
    if changed.plus_prefixes is not None:
        values["plus_prefixes"] = ",".join(changed.plus_prefixes)
    devices.change(
        tx, changed.device_id, {name: value for name, value in values.items() if value is not None}
    )
    if changed.status_webhook is not None:
        endpoint_id = point(row["status_endpoint_id"], changed.status_webhook)
        devices.change(tx, changed.device_id, {"status_endpoint_id": endpoint_id})
    now_at = {
        slot["channel_id"]: slot["endpoint_id"]
        for slot in devices.channel_rows(tx.connection, changed.device_id)
    }
    for slot, url in changed.incoming_webhooks.items():
        endpoint_id = point(now_at.get(int(slot)), url)
        devices.change_channel(tx, changed.device_id, slot, {"endpoint_id": endpoint_id})
    tx.directory_changed = True
    return shown


# -- hearing of them


class Sightings:
    """When each device was last written down as seen, so that it is not written down at every call."""

    def __init__(self) -> None:
        self._written: dict[int, int] = {}

    def due(self, device_id: int, now: int) -> bool:
        if now - self._written.get(device_id, 0) < _SEEN_EVERY:
            return False
        self._written[device_id] = now
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    device_id: int
    health: Mapping[str, Any] | None = None


@each
def write_sightings(tx: Tx, sighting: Sighting) -> None:
    values: dict[str, Any] = {"last_seen_at": tx.now}
    if sighting.health is not None:
        values["health"] = json.dumps(sighting.health, ensure_ascii=False)
    devices.change(tx, sighting.device_id, values)
