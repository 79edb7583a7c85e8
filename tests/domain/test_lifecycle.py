"""Every pair of statuses, as contracts/webhooks.md section 3 tells them."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import lifecycle
from ringback.domain.lifecycle import Status, Verdict

# Written from the contract's words, not from the code's table: a row is where the message is, the columns what is told.
# m moves it, l is late, r is a repeat (the message has been there). 5 is no status of an outgoing message: always late.
TOLD = (1, 3, 2, 6, 7, 8, 9, 10, 11, 12, 100, 101, 5)
PAIRS = {
    #      1 3 2 6 7 8 9 10 11 12 100 101 5
    1: "   r m l l l l m l  l  l  l   l   l",
    3: "   l r m m m m m m  m  m  m   m   l",
    2: "   l l r m m m m m  m  m  m   m   l",
    6: "   l l l r m m l l  l  l  l   l   l",
    7: "   l l l l r l l l  l  l  l   l   l",
    8: "   l l l l l r l l  l  l  l   l   l",
    9: "   l l l l l l r l  l  l  l   l   l",
    10: "  l l l l l l l r  l  l  l   l   l",
    11: "  l l l l l l l l  r  l  l   l   l",
    12: "  l l l l l l l l  l  r  l   l   l",
    100: " l l l l l l l l  l  l  r   l   l",
    101: " l l l l l l l l  l  l  l   r   l",
}
VERDICTS = {"m": Verdict.MOVED, "l": Verdict.LATE, "r": Verdict.REPEAT}
FINAL = {7, 8, 9, 10, 11, 12, 100, 101}
OUTGOING = st.sampled_from(lifecycle.OUTGOING)


@pytest.mark.parametrize(
    ("current", "told", "expected"),
    [
        pytest.param(current, told, VERDICTS[letter], id=f"{current} then {told}")
        for current, letters in PAIRS.items()
        for told, letter in zip(TOLD, letters.split(), strict=True)
    ],
)
def test_each_pair(current: int, told: int, expected: Verdict) -> None:
    seen = lifecycle.remember(0, Status(current))
    assert lifecycle.decide(Status(current), seen, Status(told)) is expected


def life(*statuses: int) -> list[Verdict]:
    """The verdicts on these statuses, told one after another to a new message."""
    current, seen, verdicts = Status.PENDING, lifecycle.remember(0, Status.PENDING), []
    for status in map(Status, statuses):
        verdict = lifecycle.decide(current, seen, status)
        seen = lifecycle.remember(seen, status)
        current = status if verdict is Verdict.MOVED else current
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param((3, 2, 6, 7), "m m m m", id="a good life"),
        pytest.param((3, 2, 7), "m m m", id="a jump over sent"),
        pytest.param((3, 7), "m m", id="a jump over taken and sent"),
        pytest.param((3, 6, 2), "m m l", id="taken is told after sent"),
        pytest.param((3, 2, 7, 6), "m m m l", id="sent is told after delivered"),
        pytest.param((3, 2, 7, 6, 6), "m m m l r", id="what was late once is a repeat the next time"),
        pytest.param((3, 2, 2, 3, 6, 2), "m m r r m r", id="repeats of what was passed"),
        pytest.param((3, 2, 7, 8), "m m m l", id="not delivered after delivered"),
        pytest.param((3, 2, 9, 10, 9), "m m m l r", id="two failures: the first counts"),
        pytest.param((9, 2, 6, 7), "m l l l", id="cancelled, and the phone sent it all the same"),
        pytest.param((2, 3, 2), "l m r", id="taken before it was queued"),
    ],
)
def test_lives(told: tuple[int, ...], expected: str) -> None:
    assert life(*told) == [VERDICTS[letter] for letter in expected.split()]


@given(st.lists(OUTGOING, max_size=20))
def test_a_final_status_never_moves(told: list[Status]) -> None:
    verdicts = life(*told)
    moved = [int(status) for status, verdict in zip(told, verdicts, strict=True) if verdict is Verdict.MOVED]
    assert not FINAL.intersection(moved[:-1])
    assert len(set(moved)) == len(moved)


@given(st.lists(OUTGOING, max_size=20), OUTGOING)
def test_saying_it_twice_is_a_repeat(told: list[Status], last: Status) -> None:
    assert life(*told, last, last)[-1] is Verdict.REPEAT


def test_the_sets() -> None:
    assert {int(status) for status in Status} == set(TOLD)
    assert FINAL == lifecycle.FINAL
    assert set(lifecycle.FIRING) == set(TOLD) - {1, 5}
    assert set(lifecycle.TOLD_BY_PHONES) == set(TOLD) - {1, 3, 5}


def test_remembered_statuses_do_not_mix() -> None:
    for one, other in itertools.permutations(Status, 2):
        assert lifecycle.decide(other, lifecycle.remember(0, one), other) is not Verdict.REPEAT


def test_the_diagram_has_each_move() -> None:
    lines = lifecycle.diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    drawn = {tuple(found) for line in lines[1:] for found in re.findall(r"^ {4}(\S+) --> (\S+)$", line)}
    moves = {
        (str(current), str(told))
        for current, letters in PAIRS.items()
        for told, letter in zip(TOLD, letters.split(), strict=True)
        if letter == "m"
    }
    ends = {(str(status), "[*]") for status in FINAL | {5}}
    assert drawn == moves | ends | {("[*]", "1"), ("[*]", "5")}
    assert len(lines) == 1 + len(drawn)
