"""How an endpoint behaves from moment to moment: mostly well, sometimes as receivers do on a bad day. By seed."""

import random
from dataclasses import dataclass
from enum import Enum


class Mood(Enum):
    FINE = "fine"
    SLOW = "slow"  # answers in time, but late enough to be under way when a kill comes
    FAILING = "failing"  # 503
    CLOSING = "closing"  # reads the request and closes the connection
    HANGING = "hanging"  # reads the request and says nothing until the sender gives up
    LATE = "late"  # answers 200 when the sender has given up already


@dataclass(frozen=True, slots=True)
class Reaction:
    """``status`` None: no answer; the connection is closed after ``delay`` seconds, or left open where that is None too."""

    status: int | None
    delay: float | None


CLIMATES: dict[str, tuple[tuple[Mood, int], ...]] = {
    "steady": ((Mood.FINE, 1),),
    "slow": ((Mood.SLOW, 1),),
    "flaky": ((Mood.FINE, 8), (Mood.SLOW, 2), (Mood.FAILING, 2), (Mood.CLOSING, 2)),
    "stalling": ((Mood.FINE, 8), (Mood.HANGING, 2), (Mood.LATE, 1), (Mood.FAILING, 1)),
    "picky": ((Mood.FINE, 1),),  # but it refuses (422) some events when they come for the first time
}
_SHARE_REFUSED = 0.02
_SPELL = (0.5, 3.0)  # seconds that a mood lasts


class Weather:
    def __init__(self, climate: str, chance: random.Random, timeout: float) -> None:
        self._climate = CLIMATES[climate]
        self._picky = climate == "picky"
        self._chance = chance
        self._timeout = timeout
        self._mood = Mood.FINE
        self._until = 0.0
        self._clear = False

    def clear_up(self) -> None:
        """From now on the endpoint behaves."""
        self._clear = True

    def react(self, now: float, *, first: bool) -> Reaction:
        if self._clear:
            return Reaction(200, 0.0)
        if now >= self._until:
            moods, weights = zip(*self._climate, strict=True)
            self._mood = self._chance.choices(moods, weights)[0]
            self._until = now + self._chance.uniform(*_SPELL)
        if self._picky and first and self._chance.random() < _SHARE_REFUSED:
            return Reaction(422, 0.0)
        match self._mood:
            case Mood.FINE:
                return Reaction(200, 0.0)
            case Mood.SLOW:
                return Reaction(200, self._chance.uniform(0.05, 0.4) * self._timeout)
            case Mood.FAILING:
                return Reaction(503, 0.0)
            case Mood.CLOSING:
                return Reaction(None, 0.0)
            case Mood.HANGING:
                return Reaction(None, None)
            case Mood.LATE:
                return Reaction(200, self._timeout + 0.5)
