"""How each life is to end: by seed, half of them at random, half at the named failpoints."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

RANDOM = "random"
STARTING = "starting"
MIGRATION = "in-migration"

# A life passes these points some hundred times, so the counts go by that; the sweeper's is passed at once, when a backlog
# is found at start, and again after two seconds.
COUNTS = {"before-commit": 80, "after-commit": 80, "after-send": 250, "after-answer": 250, "in-sweeper": 1}
_LONGEST = 1.0  # seconds of load before a random kill
_OLD_AGE = (
    3.5,
    5.0,
)  # seconds of load in a long life: long enough to see what is forgotten though it was settled
_OLD = 0.05  # so many of the random kills end a long life
_STARTING = 0.15  # so many of the random kills come while the server starts
_START_TAKES = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Random deaths come ``after`` seconds of load (or of starting), named ones when the point is passed ``count`` times."""

    kind: str
    after: float = 0.0
    count: int = 1

    @property
    def failpoint(self) -> str:
        return "" if self.kind in (RANDOM, STARTING) else f"{self.kind}:{self.count}"


def plans(kills: int, chance: random.Random) -> Iterator[Plan]:
    """Random and named in turn; the points as cards from a shuffled deck, so that a short run too meets most of them."""
    deck: list[str] = []
    for number in range(kills):
        if number % 2:
            if not deck:
                deck = [*COUNTS, *COUNTS, *COUNTS, MIGRATION]
                chance.shuffle(deck)
            kind = deck.pop()
            yield Plan(kind, count=chance.randint(1, COUNTS.get(kind, 1)))
        elif chance.random() < _STARTING:
            yield Plan(STARTING, after=chance.uniform(0.0, _START_TAKES))
        else:
            ages = _OLD_AGE if chance.random() < _OLD else (0.0, _LONGEST)
            yield Plan(RANDOM, after=chance.uniform(*ages))
