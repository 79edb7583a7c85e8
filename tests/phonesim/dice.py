"""Chance that is the same each time."""

from random import Random


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- tests want chance that can be repeated, not one that cannot be guessed
