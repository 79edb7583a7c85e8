"""The sending half of a phone: takes what the server offers, and reports what becomes of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from phonesim.behaviour import REASONS, Behaviour
from phonesim.link import Link
from phonesim.narrator import Tell
from phonesim.native import NativeClient, Refused
from phonesim.outbox import Outbox
from phonesim.quota import Quota
from phonesim.spoken import Offered, Report, ReportAnswer

# Ledger lines, durable when it returns.
Record = Callable[[list[dict[str, Any]]], Awaitable[None]]


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Radio:
    """A message is dealt with when every report of its plan is acknowledged (or refused, and so dropped)."""

    def __init__(
        self,
        client: NativeClient,
        link: Link,
        *,
        behaviour: Behaviour,
        chance: Random,
        quota: Quota,
        tell: Tell,
        record: Record,
        batch: int,
    ) -> None:
        self.taken = 0
        self.dealt = 0
        self.reports: Outbox[Report, ReportAnswer] = Outbox(
            link, send=client.report, acknowledged=self._acknowledged, refused=self._refused, batch=batch
        )
        self._behaviour = behaviour
        self._chance = chance
        self._quota = quota
        self._tell = tell
        self._record = record
        self._outstanding: dict[int, int] = {}  # sms_id: reports not acknowledged yet, due or not
        self.idle = asyncio.Event()  # set while nothing is outstanding
        self.idle.set()

    @property
    def outstanding(self) -> int:
        """Reports that are not acknowledged yet, those not due yet included."""
        return sum(self._outstanding.values())

    def take(self, message: Offered) -> bool:
        """True if it is a new message (or one that a person resent after it was dealt with)."""
        if message.sms_id in self._outstanding:
            # Offered again although it is here: the protocol's answer is to say so again.
            self._plan(message.sms_id, 0.0, 2)
            return False
        if not self._quota.take():
            return False
        self.taken += 1
        self._tell("taken", {"sms_id": message.sms_id, "to": message.to, "body": message.body})
        for delay, status_id in self._behaviour.plan(message, self._chance):
            self._plan(message.sms_id, delay, status_id)
        return True

    def _plan(self, sms_id: int, delay: float, status_id: int) -> None:
        self._outstanding[sms_id] = self._outstanding.get(sms_id, 0) + 1
        self.idle.clear()
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._report, sms_id, status_id)
        else:
            self._report(sms_id, status_id)

    def _report(self, sms_id: int, status_id: int) -> None:
        self.reports.put(Report(sms_id, status_id, now_text(), REASONS.get(status_id)))

    async def _acknowledged(self, pairs: list[tuple[Report, ReportAnswer]]) -> None:
        await self._record(
            [
                {
                    "kind": "report",
                    "sms_id": report.sms_id,
                    "status_id": report.status_id,
                    "at": report.at,
                    "result": answer.result,
                    "status_now": answer.status_id,
                }
                for report, answer in pairs
            ]
        )
        for report, answer in pairs:
            self._tell(
                "reported",
                {"sms_id": report.sms_id, "status_id": report.status_id, "result": answer.result},
            )
            self._tick_off(report.sms_id)

    def _refused(self, report: Report, refusal: Refused) -> None:
        what = f"report {report.status_id} on #{report.sms_id}"
        self._tell(
            "refused",
            {
                "what": what,
                "why": str(refusal),
                "status": refusal.status,
                "code": refusal.code,
                "sms_id": report.sms_id,
                "status_id": report.status_id,
            },
        )
        self._tick_off(report.sms_id)

    def _tick_off(self, sms_id: int) -> None:
        left = self._outstanding[sms_id] - 1
        if left:
            self._outstanding[sms_id] = left
            return
        del self._outstanding[sms_id]
        if not self._outstanding:
            self.idle.set()
        self.dealt += 1
        self._quota.dealt()
        self._tell("dealt", {"sms_id": sms_id, "mono": round(time.monotonic(), 6)})
