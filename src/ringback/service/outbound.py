"""The journey of an outgoing message up to its device's queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ringback.domain.addresses import recipient
from ringback.domain.devices import Device
from ringback.domain.lifecycle import Status, remember
from ringback.domain.messages import Outgoing
from ringback.domain.plans import refuse_channel, refuse_messages
from ringback.domain.problems import Problem
from ringback.runtime import Runtime
from ringback.service.reports import Story, write_history
from ringback.store import accounts, devices, messages
from ringback.store.tables import messages as messages_table
from ringback.store.transaction import Row, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What one caller submits in one request: accepted or refused as a whole."""

    account_id: int
    messages: Sequence[Outgoing]
    many: bool = False  # a list was given: a refusal names the item


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    sms_id: int
    status_id: int
    duplicate: bool = False  # its idempotency key was used before: this is the message of then


async def submit(rt: Runtime, submission: Submission) -> list[Accepted]:
    accepted: list[Accepted] = await rt.db.write(take_submissions, submission)
    return accepted


def take_submissions(tx: Tx, submissions: Sequence[Submission]) -> list[list[Accepted] | Problem]:
    desk = _Desk(tx, submissions)
    results = [desk.take(submission) for submission in submissions]
    desk.write()
    return results


class _Desk:
    """One transaction's new messages, before they are written."""

    def __init__(self, tx: Tx, submissions: Sequence[Submission]) -> None:
        self._tx = tx
        self._devices = devices.load(
            tx.connection,
            {message.device_id for submission in submissions for message in submission.messages},
        )
        keys = {
            (submission.account_id, message.idempotency_key)
            for submission in submissions
            for message in submission.messages
            if message.idempotency_key is not None
        }
        self._submitted: dict[tuple[int, str], Any] = dict(messages.submitted(tx.connection, keys))
        self._month = datetime.fromtimestamp(tx.now / 1000, UTC).strftime("%Y-%m")
        self._used: dict[int, int] = {}
        self._new: dict[int, tuple[dict[str, Any], Story]] = {}

    def take(self, submission: Submission) -> list[Accepted] | Problem:
        """Nothing is remembered of a submission of which anything is refused."""
        found: list[tuple[Row, bool]] = []  # each message's row, and whether it was there before
        rows: list[dict[str, Any]] = []
        fresh: dict[str, dict[str, Any]] = {}  # by idempotency key, of this submission
        for place, message in enumerate(submission.messages):
            answer = self._look_at(submission, message, rows, fresh)
            if isinstance(answer, Problem):
                if submission.many:
                    answer.field = f"{place}.{answer.field}" if answer.field else str(place)
                return answer
            found.append(answer)
        if rows:
            plan = self._devices[rows[0]["device_id"]].plan
            used = self._usage(submission.account_id)
            over = refuse_messages(plan, used, len(rows))
            if over is not None:
                return over
            self._used[submission.account_id] = used + len(rows)
        self._accept(rows)
        return [
            Accepted(sms_id=row["id"], status_id=self._status_of(row), duplicate=duplicate)
            for row, duplicate in found
        ]

    def _look_at(
        self,
        submission: Submission,
        message: Outgoing,
        rows: list[dict[str, Any]],
        fresh: dict[str, dict[str, Any]],
    ) -> tuple[Row, bool] | Problem:
        device = self._devices.get(message.device_id)
        if device is None or device.account_id != submission.account_id:
            return Problem(
                "not_found", f"There is no device {message.device_id} in this account.", field="device_id"
            )
        refusal = refuse_channel(device.plan, message.channel)
        if refusal is not None:
            return refusal
        try:
            address = recipient(message.to, message.channel, device.plus_prefixes)
        except ValueError as exc:
            return Problem("invalid", str(exc), field="to")
        row = self._row(submission.account_id, message, address)
        before = self._before(submission.account_id, message.idempotency_key, fresh)
        if before is None:
            rows.append(row)
            if message.idempotency_key is not None:
                fresh[message.idempotency_key] = row
            return row, False
        same = all(before[key] == row[key] for key in ("device_id", "channel_id", "address", "body"))
        if not same:
            known = f" (sms_id {before['id']})" if "id" in before else ""
            return Problem(
                "conflict",
                f"The idempotency key '{message.idempotency_key}' was used for a different message"
                f"{known}: use a new key for a new message.",
                field="idempotency_key",
            )
        return before, True

    def _before(self, account_id: int, key: str | None, fresh: dict[str, dict[str, Any]]) -> Any | None:
        if key is None:
            return None
        return self._submitted.get((account_id, key)) or fresh.get(key)

    def _row(self, account_id: int, message: Outgoing, address: str) -> dict[str, Any]:
        now = self._tx.now
        return {
            "account_id": account_id,
            "device_id": message.device_id,
            "channel_id": int(message.channel),
            "status_id": int(Status.PENDING),
            "address": address,
            "body": message.body,
            "created_at": now,
            "changed_at": now,
            "seen": remember(0, Status.PENDING),
            "sequence": 0,
            "due_at": now if message.due_at is None else max(message.due_at, now),
            "expires_at": message.expires_at,
            "urgent": message.urgent,
            "customerid": message.customerid,
            "idempotency_key": message.idempotency_key,
        }

    def _accept(self, rows: list[dict[str, Any]]) -> None:
        now = self._tx.now
        # Ids are only taken for what is accepted: they are few (below 2^31), and refusals are for free.
        for row, sms_id in zip(rows, self._tx.ids(messages_table, len(rows)), strict=True):
            row["id"] = sms_id
            device = self._devices[row["device_id"]]
            story = self._story(row, device)
            story.history.append(
                {
                    "message_id": row["id"],
                    "status_id": Status.PENDING,
                    "at": now,
                    "received_at": now,
                    "late": False,
                    "reason": None,
                }
            )
            if row["due_at"] <= now and device.ready(now):
                story.tell(Status.QUEUED, at=now, now=now)
            self._new[row["id"]] = (row, story)
            if row["idempotency_key"] is not None:
                self._submitted[row["account_id"], row["idempotency_key"]] = row
            self._tx.ring(device.device_id)

    def _story(self, row: dict[str, Any], device: Device) -> Story:
        return Story(
            row=row,
            device=device,
            status=Status.PENDING,
            seen=row["seen"],
            sequence=0,
            sent_at=None,
            reason=None,
        )

    def _status_of(self, row: Row) -> int:
        new = self._new.get(row["id"])  # a repeat may be one of a message of this very transaction
        return int(row["status_id"] if new is None else new[1].status)

    def _usage(self, account_id: int) -> int:
        if account_id not in self._used:
            self._used[account_id] = accounts.used_messages(self._tx.connection, account_id, self._month)
        return self._used[account_id]

    def write(self) -> None:
        counts: dict[int, int] = {}
        for row, story in self._new.values():
            row["status_id"], row["seen"], row["sequence"] = int(story.status), story.seen, story.sequence
            counts[row["account_id"]] = counts.get(row["account_id"], 0) + 1
        messages.insert(self._tx, [row for row, _ in self._new.values()])
        accounts.add_usage(self._tx, self._month, counts)
        write_history(self._tx, [story for _, story in self._new.values()])
