"""What is said of outgoing messages, by phones and by the server itself: one way for all of it.

A *story* is a message on its way through the lifecycle's table within one transaction: what is told moves it or not,
and at the end everything is written at once: states, history, events, deliveries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringback.domain.devices import Device
from ringback.domain.events import Kind
from ringback.domain.lifecycle import FINAL, TOLD_BY_PHONES, Status, Verdict, decide, remember
from ringback.domain.messages import Report
from ringback.domain.problems import Problem
from ringback.domain.times import text
from ringback.domain.wording import status_message
from ringback.runtime import Runtime
from ringback.service.events import Announcement, announce, targets_of
from ringback.store import devices, messages
from ringback.store.transaction import Row, Tx
from ringback.wire.webhook import Extra, StatusBody


@dataclass(slots=True, kw_only=True)
class Story:
    """A message's changing part; ``row`` is the rest of it."""

    row: Row
    device: Device
    status: Status
    seen: int
    sequence: int
    sent_at: int | None
    reason: str | None
    poisoned: bool = False
    changed: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)
    told: list[Announcement] = field(default_factory=list)

    def tell(self, status: Status, *, at: int, now: int, reason: str | None = None) -> Verdict:
        """Take in that the message is said to be at ``status``."""
        verdict = decide(self.status, self.seen, status)
        if verdict is Verdict.REPEAT:
            return verdict
        # What is told of a message that no phone was offered yet is kept, but the true report is still to come.
        if verdict is Verdict.MOVED or self.status is not Status.PENDING:
            self.seen = remember(self.seen, status)
        self.changed = True
        self.history.append(
            {
                "message_id": self.row["id"],
                "status_id": status,
                "at": at,
                "received_at": now,
                "late": verdict is Verdict.LATE,
                "reason": reason,
            }
        )
        if status is Status.SENT:
            self.sent_at = at  # also when it is told late: it is when it was sent all the same
        if verdict is Verdict.LATE:
            return verdict
        previous, self.status = self.status, status
        if status in FINAL:
            self.reason = reason
        self.sequence += 1
        self.told.append(self._announcement(previous))
        return verdict

    def _announcement(self, previous: Status) -> Announcement:
        device = self.device
        fires = self.status in device.status_ids
        sent_at = self.sent_at
        return Announcement(
            account_id=device.account_id,
            device_id=device.device_id,
            message_id=self.row["id"],
            sequence=self.sequence,
            kind=Kind.MESSAGE_STATUS,
            body=StatusBody(
                sms_id=self.row["id"],
                status_id=self.status,
                status_message=status_message(self.status, device.language),
                sendto=self.row["address"],
                senttime=None if sent_at is None else text(sent_at, device.time_zone, device.datetime_format),
                channel_id=self.row["channel_id"],
                device_id=device.device_id,
            ),
            extra=Extra(
                channel_id=self.row["channel_id"],
                sim=self.row["channel_id"],
                device_id=device.device_id,
                device_name=device.title,
                customerid=self.row["customerid"],
                sequence=self.sequence,
                previous_status_id=previous,
                caption=None,
            ),
            targets=targets_of(device, device.status_target) if fires else (),
            poisoned=self.poisoned,
        )


def open_story(row: Row, device: Device) -> Story:
    return Story(
        row=row,
        device=device,
        status=Status(row["status_id"]),
        seen=row["seen"],
        sequence=row["sequence"],
        sent_at=row["sent_at"],
        reason=row["reason"],
        poisoned=bool(row["poisoned"]),
    )


def write(tx: Tx, stories: Iterable[Story]) -> None:
    """Write what stories of existing messages have come to."""
    changed = [story for story in stories if story.changed]
    messages.move(
        tx,
        [
            {
                "message_id": story.row["id"],
                "new_status_id": story.status,
                "new_seen": story.seen,
                "new_sequence": story.sequence,
                "new_changed_at": tx.now if story.told else story.row["changed_at"],
                "new_sent_at": story.sent_at,
                "new_reason": story.reason,
            }
            for story in changed
        ],
    )
    write_history(tx, changed)


def write_history(tx: Tx, stories: Iterable[Story]) -> None:
    """The part that is the same for new and for existing messages."""
    stories = list(stories)
    messages.add_reports(tx, [report for story in stories for report in story.history])
    announce(tx, [told for story in stories for told in story.told])


# -- the phones' reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What one phone says in one request."""

    device_id: int
    reports: Sequence[Report]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    sms_id: int
    status_id: Status
    verdict: Verdict


async def tell(rt: Runtime, telling: Telling) -> list[Told]:
    """Take in a phone's reports, all or none; Problem ``not_found`` names a message that is not this phone's."""
    for place, report in enumerate(telling.reports):
        if report.status_id not in TOLD_BY_PHONES:
            allowed = ", ".join(str(int(status)) for status in sorted(TOLD_BY_PHONES))
            raise Problem(
                "invalid",
                f"status_id {report.status_id} is not a phone's to report: it may be one of {allowed}.",
                field=f"{place}.status_id",
            )
    told: list[Told] = await rt.db.write(take_reports, telling)
    return told


def take_reports(tx: Tx, tellings: Sequence[Telling]) -> list[list[Told] | Problem]:
    """The journey of a status report."""
    rows = messages.by_ids(
        tx.connection, {report.sms_id for telling in tellings for report in telling.reports}
    )
    loaded = devices.load(tx.connection, {telling.device_id for telling in tellings})
    stories: dict[int, Story] = {}
    results: list[list[Told] | Problem] = []
    for telling in tellings:
        refusal = _refusal(telling, rows)
        if refusal is not None:
            results.append(refusal)
            continue
        answer = []
        for report in telling.reports:
            story = stories.get(report.sms_id)
            if story is None:
                story = stories[report.sms_id] = open_story(rows[report.sms_id], loaded[telling.device_id])
            verdict = story.tell(Status(report.status_id), at=report.at, now=tx.now, reason=report.reason)
            answer.append(Told(sms_id=report.sms_id, status_id=story.status, verdict=verdict))
        results.append(answer)
    write(tx, stories.values())
    return results


def _refusal(telling: Telling, rows: dict[int, Any]) -> Problem | None:
    for place, report in enumerate(telling.reports):
        row = rows.get(report.sms_id)
        # Another's message and an incoming one are as unknown to this phone as one that never was.
        if row is None or row["device_id"] != telling.device_id or row["status_id"] == Status.INCOMING:
            return Problem(
                "not_found",
                f"Message {report.sms_id} is not one of this device's outgoing messages. Nothing of this call was kept:"
                " leave that report out and send the others again.",
                field=f"{place}.sms_id",
            )
    return None
