"""What the world outside the server knows: what it was told is kept, what reached an endpoint, and when the server died.

Nothing in here was read from the server's own files. Times are seconds of this process's monotonic clock; a *life* is the
span between two deaths, counted from 0.
"""

from dataclasses import dataclass, field

INCOMING = 5  # as in webhooks.md: the status of what came in; an incoming message has this one event
QUEUED = 3


@dataclass(slots=True)
class Claim:
    """One event, (message, status): when it was first asked for, and when its keeping was first acknowledged."""

    endpoint: str
    asked: float
    acknowledged: float | None = None
    life: int = -1


@dataclass(slots=True)
class Message:
    """``address`` is used for one message only, so that an arrival can be traced without believing its sms_id."""

    address: str
    endpoint: str


@dataclass(slots=True)
class Arrival:
    """One POST at an endpoint. ``answer`` is the status that was written back; None: there was no answer."""

    at: float
    life: int
    endpoint: str
    webhook_id: str
    sequence: int
    attempt: int
    sms_id: int
    status: int
    address: str
    digest: bytes
    signed: bool
    answer: int | None = None
    answered: float = 0.0

    @property
    def taken(self) -> bool:
        return self.answer is not None and 200 <= self.answer < 300


@dataclass(slots=True, frozen=True)
class Kill:
    """The death that ended ``life``. ``kind`` is a failpoint's name, ``random`` or ``starting``."""

    life: int
    kind: str
    at: float


@dataclass(slots=True)
class Said:
    """The clients' ledger. ``refused`` are answers that a correct server never gives."""

    messages: dict[int, Message] = field(default_factory=dict)
    claims: dict[tuple[int, int], Claim] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)  # address → when its message was first handed in
    refused: list[str] = field(default_factory=list)
    unanswered: int = 0  # requests that may or may not have been kept; each was said again
    life: int = 0
    acknowledged: int = 0
    acknowledged_here: int = 0  # in this life
    sms_ids: dict[str, int] = field(default_factory=dict)

    def ask(self, address: str, now: float) -> None:
        self.asked.setdefault(address, now)

    def name(self, address: str, sms_id: int, endpoint: str) -> None:
        """The server has given this message an id: one for each, and never another."""
        message = self.messages.setdefault(sms_id, Message(address, endpoint))
        if message.address != address:
            self.refused.append(f"sms_id {sms_id} was given to {message.address} and to {address}")
        if self.sms_ids.setdefault(address, sms_id) != sms_id:
            self.refused.append(f"{address} was {self.sms_ids[address]} before and is {sms_id} now")

    def ask_status(self, sms_id: int, status: int, now: float) -> None:
        self.claims.setdefault((sms_id, status), Claim(self.messages[sms_id].endpoint, now))

    def acknowledge(self, sms_id: int, status: int, asked: float, now: float) -> None:
        """An answer of 200 or 202 says that the message is, or was, at this status."""
        claim = self.claims.setdefault((sms_id, status), Claim(self.messages[sms_id].endpoint, asked))
        if claim.acknowledged is None:
            claim.acknowledged, claim.life = now, self.life
            self.acknowledged += 1
            self.acknowledged_here += 1
