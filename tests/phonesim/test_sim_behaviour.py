"""Outcomes, rules and scenario files."""

from pathlib import Path

import pytest
from tests.phonesim.dice import dice

from phonesim.behaviour import Behaviour, Outcome, Rule
from phonesim.scenario import AddRule, Exit, Receive, load_scenario
from phonesim.spoken import Offered

FAIL_10 = Offered(1, "+4915112345", "please FAIL 10 [now]")


@pytest.mark.parametrize(
    ("rules", "last"),
    [
        pytest.param([], 7, id="no-rule"),
        pytest.param([Rule(match="fail 10", status=10)], 10, id="text-in-the-body"),
        pytest.param([Rule(match="fail ??", status=10)], 10, id="wildcards"),
        pytest.param([Rule(match="[now]", status=10)], 10, id="brackets-are-text"),
        pytest.param([Rule(match="[abc]", status=10)], 7, id="brackets-are-no-set"),
        pytest.param([Rule(to="+49151*", status=12)], 12, id="number"),
        pytest.param([Rule(to="+7", status=12)], 7, id="other-number"),
        pytest.param([Rule(match="fail", to="+7", status=12)], 7, id="both-must-fit"),
        pytest.param([Rule(status=9), Rule(match="fail 10", status=10)], 10, id="the-last-decides"),
        pytest.param([Rule(outcome=Outcome.UNDELIVERED)], 8, id="outcome"),
    ],
)
def test_rules(rules: list[Rule], last: int) -> None:
    assert Behaviour(rules=rules).plan(FAIL_10, dice(1))[-1][1] == last


def test_a_rule_has_its_own_times() -> None:
    behaviour = Behaviour(send_time=1, delivery_time=2, rules=[Rule(match="fail", send_time=5)])
    assert behaviour.plan(FAIL_10, dice(1)) == [(0, 2), (5, 6), (7, 7)]


@pytest.mark.parametrize(
    ("behaviour", "failures"),
    [
        pytest.param(Behaviour(fail_rate=0.1), {9}, id="generic-failure"),
        pytest.param(Behaviour(fail_rate=0.1, status=12), {12}, id="by-status"),
    ],
)
def test_fail_rate(behaviour: Behaviour, failures: set[int]) -> None:
    chance = dice(1)
    last = [behaviour.plan(FAIL_10, chance)[-1][1] for _ in range(1000)]
    assert set(last) == {7} | failures
    assert 70 < sum(status in failures for status in last) < 130


def test_the_same_seed_is_the_same_chance() -> None:
    behaviour = Behaviour(shuffle=True, fail_rate=0.5)
    plans = [[behaviour.plan(FAIL_10, chance) for _ in range(20)] for chance in (dice(3), dice(3))]
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(
            "steps.json",
            '[{"match": "fail 10", "status": 10}, {"at": 2, "do": "exit"},'
            ' {"at": 1, "do": "receive", "address": "+491", "body": "hi"}]',
            id="json",
        ),
        pytest.param(
            "steps.toml",
            '[[step]]\nmatch = "fail 10"\nstatus = 10\n[[step]]\ndo = "exit"\nat = 2\n'
            '[[step]]\nat = 1\ndo = "receive"\naddress = "+491"\nbody = "hi"\n',
            id="toml",
        ),
    ],
)
def test_scenario_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert load_scenario(tmp_path / name) == [
        (0, AddRule(match="fail 10", status=10)),
        (1, Receive(at=1, address="+491", body="hi")),
        (2, Exit(at=2)),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param('[{"do": "dance"}]', "dance", id="unknown-step"),
        pytest.param('[{"do": "receive", "body": "x"}]', "address", id="field-missing"),
        pytest.param('[{"do": "exit", "att": 2}]', "att", id="field-misspelt"),
        pytest.param('{"steps": []}', "array", id="no-list"),
        pytest.param("[", "truncated", id="no-json"),
    ],
)
def test_scenarios_that_cannot_be_understood(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        load_scenario(path)


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read the scenario"):
        load_scenario(tmp_path / "nowhere.json")
