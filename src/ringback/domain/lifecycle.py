"""The life of an outgoing message: one table says which status may follow which.

Theory: a status is a fact that a server or a phone has told. Facts arrive late, twice and out of order, so the
table is about what may *move* a message. A good life is 1 → 3 → 2 → 6 → 7; jumps forward are accepted (a phone that
goes offline after sending may only ever tell the delivery), steps back never. What does not move a message is kept
in its history, flagged late, and fires nothing. What was told before is a repeat and leaves no trace at all.
The ids are historical (the founding document); the order of the numbers means nothing.
"""

from enum import Enum, IntEnum


class Status(IntEnum):
    PENDING = 1
    TAKEN = 2
    QUEUED = 3
    INCOMING = 5
    SENT = 6
    DELIVERED = 7
    UNDELIVERED = 8
    FAILED = 9
    NO_SERVICE = 10
    NULL_PDU = 11
    RADIO_OFF = 12
    NOT_ALLOWED = 100
    NOT_ALLOWED_AT_ALL = 101


class Verdict(Enum):
    """What a told status does to its message."""

    MOVED = "accepted"
    REPEAT = "duplicate"
    LATE = "late"


_NOT_SENT = frozenset(
    {
        Status.FAILED,
        Status.NO_SERVICE,
        Status.NULL_PDU,
        Status.RADIO_OFF,
        Status.NOT_ALLOWED,
        Status.NOT_ALLOWED_AT_ALL,
    }
)
_DELIVERY = frozenset({Status.DELIVERED, Status.UNDELIVERED})

MOVES: dict[Status, frozenset[Status]] = {
    # FAILED from 1 and 3 is also the server's word for cancelled and expired; the reason stands beside it.
    Status.PENDING: frozenset({Status.QUEUED, Status.FAILED}),
    Status.QUEUED: frozenset({Status.TAKEN, Status.SENT}) | _DELIVERY | _NOT_SENT,
    Status.TAKEN: frozenset({Status.SENT}) | _DELIVERY | _NOT_SENT,
    Status.SENT: _DELIVERY,
}

OUTGOING = tuple(status for status in Status if status is not Status.INCOMING)
FINAL = frozenset(status for status in OUTGOING if status not in MOVES)
# What a phone may tell: 1 and 3 are the server's own, 5 is no status of an outgoing message.
TOLD_BY_PHONES = frozenset({Status.TAKEN, Status.SENT}) | _DELIVERY | _NOT_SENT
# Being created is not a change, so 1 fires no webhook.
FIRING = tuple(status for status in OUTGOING if status is not Status.PENDING)

_BITS = {status: 1 << place for place, status in enumerate(Status)}


def remember(seen: int, status: Status) -> int:
    """The set of told statuses ``seen`` (a bit for each) with one more."""
    return seen | _BITS[status]


def decide(current: Status, seen: int, told: Status) -> Verdict:
    """What the told status does to a message that is at ``current`` and was told ``seen`` so far."""
    if seen & _BITS[told]:
        return Verdict.REPEAT
    if told in MOVES.get(current, ()):
        return Verdict.MOVED
    return Verdict.LATE


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> 1", "    [*] --> 5"]
    lines += [f"    {int(a)} --> {int(b)}" for a, following in MOVES.items() for b in sorted(following)]
    lines += [f"    {int(status)} --> [*]" for status in (*sorted(FINAL), Status.INCOMING)]
    return "\n".join(lines) + "\n"
