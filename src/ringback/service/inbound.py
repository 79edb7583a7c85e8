"""The journey of an incoming message: what a phone has received becomes a message, an event and its deliveries."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ringback.domain.devices import Device
from ringback.domain.events import Kind
from ringback.domain.lifecycle import Status, remember
from ringback.domain.messages import Incoming
from ringback.domain.times import text
from ringback.media.blobs import new_name
from ringback.media.images import read_image
from ringback.runtime import Runtime
from ringback.service.events import Announcement, announce, targets_of
from ringback.store import devices, messages
from ringback.store.tables import messages as messages_table
from ringback.store.transaction import Tx
from ringback.wire.webhook import Body, Extra, ImageBody, TextBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What one phone brings in one request. ``media`` is the base of picture links."""

    device_id: int
    messages: Sequence[Incoming]
    media: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    sms_id: int
    duplicate: bool


def image_url(media: str, name: str) -> str:
    return f"{media}/media/{name}"


async def receive(rt: Runtime, device_id: int, incoming: Sequence[Incoming]) -> list[Receipt]:
    arrival = Arrival(device_id=device_id, messages=incoming, media=rt.settings.address)
    receipts: list[Receipt] = await rt.db.write(take_incoming, arrival)
    return receipts


async def store_image(rt: Runtime, data: bytes) -> str:
    """Keep a picture durably and return its name; Problem ``too_large`` or ``not_an_image``. Stored before the transaction
    that names it: a picture without a message is swept, a message without its picture would be a broken promise.
    """
    # In a thread: opening a large picture takes a second, and nothing else would go on meanwhile.
    image = await asyncio.to_thread(read_image, data, max_bytes=rt.settings.max_image_mb * 1024 * 1024)
    name = new_name(image.extension, rt.clock.now())
    await rt.blobs.put(name, data, mime=image.mime)
    return name


def with_image(message: Incoming, name: str) -> Incoming:
    return replace(message, image=name)


async def image_of(rt: Runtime, sms_id: int) -> str:
    """The link of a message's picture."""
    name: str | None = await rt.db.read(messages.image_of, sms_id)
    return image_url(rt.settings.address, name or "")


def take_incoming(tx: Tx, arrivals: Sequence[Arrival]) -> list[list[Receipt]]:
    known = messages.told_by_phone(
        tx.connection,
        {(arrival.device_id, message.phone_id) for arrival in arrivals for message in arrival.messages},
    )
    loaded = devices.load(tx.connection, {arrival.device_id for arrival in arrivals})
    fresh = sum(
        (arrival.device_id, message.phone_id) not in known
        for arrival in arrivals
        for message in arrival.messages
    )
    ids = iter(tx.ids(messages_table, fresh))
    rows: list[dict[str, Any]] = []
    told: list[Announcement] = []
    results = []
    for arrival in arrivals:
        device = loaded[arrival.device_id]
        receipts = []
        for message in arrival.messages:
            key = (arrival.device_id, message.phone_id)
            duplicate = key in known
            if not duplicate:
                known[key] = sms_id = next(ids)
                rows.append(_row(tx, device, message, sms_id))
                told.append(_announcement(device, message, sms_id, arrival.media))
            receipts.append(Receipt(sms_id=known[key], duplicate=duplicate))
        results.append(receipts)
    messages.insert(tx, rows)
    announce(tx, told)
    return results


def _row(tx: Tx, device: Device, message: Incoming, sms_id: int) -> dict[str, Any]:
    return {
        "id": sms_id,
        "account_id": device.account_id,
        "device_id": device.device_id,
        "channel_id": int(message.channel),
        "status_id": int(Status.INCOMING),
        "address": message.address,
        "body": message.body,
        "created_at": tx.now,
        "changed_at": tx.now,
        "seen": remember(0, Status.INCOMING),
        "sequence": 1,
        "date": message.date,
        "date_sent": message.date_sent,
        "internal_id": message.internal_id,
        "phone_id": message.phone_id,
        "image": message.image,
        "caption": message.caption,
    }


def _announcement(device: Device, message: Incoming, sms_id: int, media: str) -> Announcement:
    return Announcement(
        account_id=device.account_id,
        device_id=device.device_id,
        message_id=sms_id,
        sequence=1,
        kind=Kind.MESSAGE_INCOMING,
        body=_body(device, message, sms_id, media),
        extra=Extra(
            channel_id=message.channel,
            sim=message.channel,
            device_id=device.device_id,
            device_name=device.title,
            customerid=None,
            sequence=1,
            previous_status_id=None,
            caption=message.caption,
        ),
        targets=targets_of(device, device.incoming_targets.get(message.channel)),
    )


def _body(device: Device, message: Incoming, sms_id: int, media: str) -> Body:
    date = text(message.date, device.time_zone, device.datetime_format)
    date_sent = text(message.date_sent, device.time_zone, device.datetime_format)
    if message.image is not None:
        return ImageBody(
            address=message.address,
            date=date,
            date_sent=date_sent,
            sim=message.channel,
            sms_id=sms_id,
            img_url=image_url(media, message.image),
        )
    return TextBody(
        address=message.address,
        date=date,
        date_sent=date_sent,
        body=message.body,
        # The form promises an int: where the phone has no number of its own, ours is one that comes only once.
        internal_id=message.internal_id if message.internal_id is not None else sms_id,
        channel_id=message.channel,
        sms_id=sms_id,
        device_id=device.device_id,
        device_name=device.title,
    )
