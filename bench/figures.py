"""The arithmetic of the bench: percentiles within a run, medians over runs, ratios of what ran side by side."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

NS_PER_MS = 1_000_000


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that occurred, never one between two. ``share`` is 0.99 for p99."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share} is not above 0 and at most 1")
    # Rounded first: 0.99 * 200 is 198.00000000000003 to a computer, and would be rank 199.
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[rank - 1]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(beside: float, alone: float) -> float:
    """How many times as much. Of two of the same run: the machine's mood is in both and cancels out."""
    if alone == 0:
        return 1.0 if beside == 0 else math.inf
    return beside / alone


def milliseconds(spans: Sequence[int]) -> list[float]:
    """Of nanoseconds."""
    return [span / NS_PER_MS for span in spans]


@dataclass(slots=True)
class Series:
    """One figure, a sample for each run."""

    unit: str
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.samples)


class Book:
    """What a scenario saw, in the order in which it was first written down."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}

    def note(self, figure: str, value: float, unit: str) -> None:
        series = self.series.setdefault(figure, Series(unit))
        if series.unit != unit:
            raise ValueError(f"{figure} is in {series.unit}, not in {unit}")
        series.samples.append(value)

    def note_latency(self, of: str, values: Sequence[float]) -> None:
        """p50, p99 and the largest of a run's milliseconds."""
        self.note(f"{of}, p50", percentile(values, 0.5), "ms")
        self.note(f"{of}, p99", percentile(values, 0.99), "ms")
        self.note(f"{of}, max", max(values), "ms")
