"""The bench's arithmetic, as labelled cases."""

import math

import pytest
from bench.figures import Book, milliseconds, percentile, ratio

PERCENTILES = {
    "p50 of an odd number is the middle one": ([3.0, 1.0, 2.0], 0.5, 2.0),
    "p50 of an even number is the lower middle": ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
    "p99 of a hundred is the second largest": ([float(i) for i in range(1, 101)], 0.99, 99.0),
    "p99 of two hundred is not shifted by rounding": ([float(i) for i in range(1, 201)], 0.99, 198.0),
    "p99 of a few is the largest": ([1.0, 5.0, 2.0], 0.99, 5.0),
    "p100 is the largest": ([1.0, 5.0, 2.0], 1.0, 5.0),
    "of one it is that one": ([7.0], 0.01, 7.0),
}


@pytest.mark.parametrize(("values", "share", "expected"), PERCENTILES.values(), ids=PERCENTILES)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 99.0)], ids=str)
def test_there_is_no_such_percentile(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match=r"percentile|share"):
        percentile(values, share)


RATIOS = {
    "half as much again": (3.0, 2.0, 1.5),
    "nothing beside nothing": (0.0, 0.0, 1.0),
    "something beside nothing": (1.0, 0.0, math.inf),
}


@pytest.mark.parametrize(("beside", "alone", "expected"), RATIOS.values(), ids=RATIOS)
def test_ratio(beside: float, alone: float, expected: float) -> None:
    assert ratio(beside, alone) == expected


def test_a_figure_is_the_median_of_its_runs_and_keeps_every_sample() -> None:
    book = Book()
    for sample in (10.0, 1.0, 2.0):
        book.note("ready", sample, "s")
    assert book.series["ready"].median == 2.0
    assert book.series["ready"].samples == [10.0, 1.0, 2.0]


def test_a_figure_has_one_unit() -> None:
    book = Book()
    book.note("ready", 1.0, "s")
    with pytest.raises(ValueError, match="ready is in s, not in ms"):
        book.note("ready", 1000.0, "ms")


def test_latencies_are_noted_as_milliseconds() -> None:
    book = Book()
    book.note_latency("request → receiver", milliseconds([1_000_000, 3_000_000, 2_500_000]))
    assert {name: series.median for name, series in book.series.items()} == {
        "request → receiver, p50": 2.5,
        "request → receiver, p99": 3.0,
        "request → receiver, max": 3.0,
    }
