"""What is due: offering a device its messages, and the clock's own part (due, expired, fallen silent)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ringback.domain.channels import Channel
from ringback.domain.devices import Device
from ringback.domain.lifecycle import Status
from ringback.runtime import Runtime
from ringback.service import reports
from ringback.store import devices, messages
from ringback.store.transaction import Row, Tx

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    device_id: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The rows of what the device may send now; with none, ``again_at`` is when that changes by itself (ms), if ever."""

    messages: Sequence[Row]
    again_at: int | None = None


async def offer(rt: Runtime, poll: Poll) -> Offer:
    offered: Offer = await rt.db.write(make_offers, poll)
    return offered


def make_offers(tx: Tx, polls: Sequence[Poll]) -> list[Offer]:
    loaded = devices.load(tx.connection, {poll.device_id for poll in polls})
    stories: dict[int, reports.Story] = {}
    offers = [_offer(tx, loaded[poll.device_id], poll.limit, stories) for poll in polls]
    reports.write(tx, stories.values())
    return offers


def _offer(tx: Tx, device: Device, limit: int, stories: dict[int, reports.Story]) -> Offer:
    paced = bool(device.pause or device.pause_random)
    next_offers = _closed(tx, device) if paced else {}
    due = messages.due(tx.connection, device.device_id, tx.now, limit, next_offers)
    rows: list[Row] = []
    opened: list[int] = []
    for row in due:
        channel = Channel(row["channel_id"])
        if paced and row["offered_at"] is None:
            if channel in next_offers:
                continue
            next_offers[channel] = tx.now + device.pause + round(random.random() * device.pause_random)  # noqa: S311 -- a pause is no secret
            devices.change_channel(tx, device.device_id, channel, {"next_offer_at": next_offers[channel]})
            opened.append(row["id"])
        if row["status_id"] == Status.PENDING and row["id"] not in stories:
            stories[row["id"]] = story = reports.open_story(row, device)
            story.tell(Status.QUEUED, at=tx.now, now=tx.now)
        rows.append(row)
    if opened:
        messages.stamp_offered(tx, opened)
    if rows:
        return Offer(messages=rows)
    moments = [*next_offers.values(), messages.next_due(tx.connection, device.device_id, tx.now)]
    return Offer(
        messages=(), again_at=min((moment for moment in moments if moment is not None), default=None)
    )


def _closed(tx: Tx, device: Device) -> dict[Channel, int]:
    """The channels on which nothing new may be offered yet, and until when."""
    return {
        Channel(row["channel_id"]): row["next_offer_at"]
        for row in devices.channel_rows(tx.connection, device.device_id)
        if row["next_offer_at"] is not None and row["next_offer_at"] > tx.now
    }


# -- the clock's part


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The time since the last tick, and after how long (ms) a phone's silence ends a message."""

    since: int
    until: int
    report_timeout: int


def take_ticks(tx: Tx, ticks: Sequence[Tick]) -> list[bool]:
    """True where there is more to do than one batch: tick again with the same span."""
    return [_tick(tx, tick) for tick in ticks]


def _tick(tx: Tx, tick: Tick) -> bool:
    due = messages.newly_due(tx.connection, tick.since, tick.until, _BATCH)
    expired = messages.expired(tx.connection, tx.now, _BATCH)
    silent = messages.silent(tx.connection, tx.now - tick.report_timeout, _BATCH)
    loaded = devices.load(tx.connection, {row["device_id"] for row in (*due, *expired, *silent)})
    stories: dict[int, reports.Story] = {}

    def tell(row: Row, status: Status, reason: str | None) -> None:
        if row["id"] not in stories:
            stories[row["id"]] = reports.open_story(row, loaded[row["device_id"]])
            stories[row["id"]].tell(status, at=tx.now, now=tx.now, reason=reason)

    for row in expired:
        tell(row, Status.FAILED, "expired: its time ran out before the phone took it")
    for row in silent:
        minutes = tick.report_timeout // 60_000
        tell(
            row,
            Status.FAILED,
            f"no report: the phone took it and said nothing for {minutes} minutes; it may have been sent or not",
        )
    ready = 0
    for row in due:
        tx.ring(row["device_id"])
        if loaded[row["device_id"]].ready(tx.now):
            ready += row["id"] not in stories
            tell(row, Status.QUEUED, None)
    reports.write(tx, stories.values())
    # What came due for absent devices stays pending, so only progress is a reason to look at the same span again.
    return _BATCH in (len(expired), len(silent)) or (len(due) == _BATCH and ready > 0)
