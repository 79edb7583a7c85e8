"""What becomes of a message on a simulated phone: outcomes, rules, times, and the plan of its reports."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random

import msgspec

from phonesim.spoken import Offered


class Outcome(StrEnum):
    DELIVERED = "delivered"
    SENT = "sent"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    NOSERVICE = "noservice"
    NULLPDU = "nullpdu"
    RADIOOFF = "radiooff"
    NOTALLOWED = "notallowed"
    SILENT = "silent"


# The last status that a message with this outcome gets. "silent" takes it and never says more.
LAST_STATUS = {
    Outcome.SILENT: 2,
    Outcome.SENT: 6,
    Outcome.DELIVERED: 7,
    Outcome.UNDELIVERED: 8,
    Outcome.FAILED: 9,
    Outcome.NOSERVICE: 10,
    Outcome.NULLPDU: 11,
    Outcome.RADIOOFF: 12,
    Outcome.NOTALLOWED: 100,
}
GENERIC_FAILURE = 9

# The way there; any other status follows 2 at once.
_WAY = {2: (2,), 6: (2, 6), 7: (2, 6, 7), 8: (2, 6, 8)}

# The words that an Android phone has for it.
REASONS = {
    8: "the network's delivery report says: not delivered",
    9: "RESULT_ERROR_GENERIC_FAILURE",
    10: "RESULT_ERROR_NO_SERVICE",
    11: "RESULT_ERROR_NULL_PDU",
    12: "RESULT_ERROR_RADIO_OFF",
    100: "the permission SEND_SMS is missing",
    101: "the system refuses to send",
}


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of messages whose body contains ``match`` and whose number contains ``to``.

    Case does not matter; ``*`` and ``?`` stand for any text and any character. Without both it fits every message.
    """

    match: str | None = None
    to: str | None = None
    status: int | None = None
    outcome: Outcome | None = None
    send_time: float | None = None
    delivery_time: float | None = None

    def fits(self, message: Offered) -> bool:
        return _contains(message.body, self.match) and _contains(message.to, self.to)


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """How a phone deals with messages; times in seconds (from 2 to 6, and from 6 to 7).

    Of several rules that fit, the one given last decides; without one, ``fail_rate`` of the messages end with
    ``status`` (default 9) and the others as ``outcome`` says; without a rate all end with ``status`` if there is one.
    """

    outcome: Outcome = Outcome.DELIVERED
    status: int | None = None
    fail_rate: float = 0.0
    send_time: float = 0.0
    delivery_time: float = 0.0
    repeat: int = 0
    shuffle: bool = False
    rules: list[Rule] = field(default_factory=list)

    def plan(self, message: Offered, chance: Random) -> list[tuple[float, int]]:
        """The reports of this message: (seconds from now, status id), soonest first, repeats included."""
        rule = next((rule for rule in reversed(self.rules) if rule.fits(message)), Rule())
        last = self._last_status(rule, chance)
        way = _WAY.get(last, (2, last))
        send = self.send_time if rule.send_time is None else rule.send_time
        delivery = self.delivery_time if rule.delivery_time is None else rule.delivery_time
        times = (0.0, send, send + delivery)
        copies = range(1 + self.repeat)
        delays = [delay for delay, _ in zip(times, way, strict=False) for _ in copies]
        statuses = [status for status in way for _ in copies]
        if self.shuffle:
            chance.shuffle(statuses)
        return list(zip(delays, statuses, strict=True))

    def _last_status(self, rule: Rule, chance: Random) -> int:
        if rule.status is not None:
            return rule.status
        if rule.outcome is not None:
            return LAST_STATUS[rule.outcome]
        if self.fail_rate:
            fails = chance.random() < self.fail_rate
            return (self.status or GENERIC_FAILURE) if fails else LAST_STATUS[self.outcome]
        return LAST_STATUS[self.outcome] if self.status is None else self.status


def _contains(text: str, pattern: str | None) -> bool:
    # Brackets are text, not sets of characters: bodies have them.
    return pattern is None or fnmatchcase(text.lower(), f"*{pattern.lower().replace('[', '[[]')}*")
