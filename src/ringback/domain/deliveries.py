"""A delivery: one event for one endpoint, and the states that it goes through."""

from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """``PENDING`` → ``DONE``; a refused event: ``WAITING`` (for its own time), those behind it in the lane ``BLOCKED``;
    ``PARKED`` is given up until replayed.
    """

    PENDING = 0
    WAITING = 1
    BLOCKED = 2
    DONE = 3
    PARKED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the engine needs to send it. ``lane`` is what keeps the order: the message's id (or a device's, negated).

    ``attempts`` counts the POSTs so far, ``tries`` those that were refused for the event's own sake.
    """

    delivery_id: int
    endpoint_id: int
    lane: int
    sequence: int
    webhook_id: str
    event: str
    body: bytes
    created_at: int
    attempts: int = 0
    tries: int = 0
