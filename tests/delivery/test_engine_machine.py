"""A machine that does everything to the engine, in any order: submit, report, answer, lose, crash, pause, jump in time.

Nothing is lost, order within a message is kept, nothing goes twice without a reason, and in the end all of it arrives.
More of it: ``HYPOTHESIS_PROFILE=long make test``.
"""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.delivery.engine import Engine, make_template

from ringback.delivery import queue
from ringback.domain.channels import Channel
from ringback.domain.deliveries import State
from ringback.domain.endpoints import Fault, Outcome
from ringback.domain.times import DAY, SECOND

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PROFILE = settings(
    max_examples=1000 if LONG else 30,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Not shrunk: a run of steps comes from its seed, and a failure prints that.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)

OUTCOMES = {
    "taken": {"status": 200},
    "down": {"status": 503},
    "down, with a hint": {"status": 503, "retry_after": 30 * SECOND},
    "too many": {"status": 429, "retry_after": SECOND},
    "refused": {"status": 400},
    "gone": {"status": 410},
    "redirect": {"status": 302},
    "no connection": {"fault": Fault.CONNECT},
    "hangs": {"fault": Fault.TIMEOUT},
    "our own network": {"fault": Fault.OURS},
}
STEPS = (
    *("text", "submit", "report", "report", "report", "turn", "turn", "turn"),
    *("answer", "answer", "answer", "settle", "settle", "settle", "read", "read", "second", "sweep"),
)
# How the receivers are: mostly it works, everything else often enough to meet.
MOODS = {
    "well": ["taken"] * 9 + ["refused"],
    "picky": ["taken"] * 2 + ["refused"],
    "shaky": ["taken"] * 6 + list(OUTCOMES),
    "down": ["down", "no connection", "hangs"],
}


class Machine(RuleBasedStateMachine):
    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="ringback-machine-")
        self.engine = Engine(self.template, Path(self._folder.name) / "data")

    @rule(seed=st.integers(min_value=0, max_value=2**32), mood=st.sampled_from(list(MOODS)))
    def it_works(self, seed: int, mood: str) -> None:
        """Many small steps by a seed: drawn one by one they would be too few for anything to happen."""
        chance = random.Random(seed)  # noqa: S311 -- repeatable
        for _ in range(150):
            self._step(chance, MOODS[mood])
            self.engine.check()

    def _step(self, chance: random.Random, mood: list[str]) -> None:
        engine = self.engine
        match chance.choice(STEPS):
            case "text":
                channel = chance.choice([Channel.SIM_1, Channel.SIM_2])
                engine.arrive(channel, foreign=chance.random() < 0.1)
            case "submit":
                engine.submit()
            case "report" if engine.sms:
                # Mostly of the newest messages: of several statuses of one, order is to be kept.
                engine.report(
                    engine.sms[-1 - chance.randrange(min(3, len(engine.sms)))], chance.choice([2, 6, 7, 8, 9])
                )
            case "turn":
                engine.turn()
            case "answer" if engine.under_way:
                kind = chance.choice(mood)
                outcome = Outcome(at=engine.clock.time, duration=1, error=kind, **OUTCOMES[kind])  # type: ignore[arg-type] # the table's values
                engine.answer(chance.randrange(len(engine.under_way)), outcome)
            case "settle" if engine.unsettled:
                engine.settle(chance.randrange(len(engine.unsettled)))
            case "read" if engine.reading:
                engine.read(chance.randrange(len(engine.reading)))
            case "second":
                engine.clock.go(chance.choice([1, 5]) * SECOND)
                engine.release()
            case "sweep":
                engine.sweep()

    @rule(seconds=st.sampled_from([60, 3600, -3600]))
    def time_goes_by(self, seconds: int) -> None:
        self.engine.clock.go(seconds * SECOND)
        self.engine.sweep()
        self.engine.release()

    @rule(
        kind=st.sampled_from(["crash", "pause", "resume", "resume", "a week"]),
        endpoint_id=st.sampled_from([1, 2]),
    )
    def trouble_comes(self, kind: str, endpoint_id: int) -> None:
        match kind:
            case "crash":
                self.engine.crash()
            case "pause":
                self.engine.pause(endpoint_id)
            case "resume":
                self.engine.resume(endpoint_id)
            case "a week":
                self.engine.clock.go(7 * DAY)
                self.engine.park(endpoint_id)

    @invariant()
    def the_engine_is_sound(self) -> None:
        self.engine.check()

    def teardown(self) -> None:
        try:
            self._everything_arrives()
        finally:
            self.engine.close()
            self._folder.cleanup()

    def _everything_arrives(self) -> None:
        engine = self.engine
        for endpoint_id in (1, 2):
            engine.resume(endpoint_id)
        for _ in range(2_000):
            engine.sweep()
            engine.turn()
            while engine.reading:
                engine.read(0)
            engine.turn()
            while engine.under_way:
                engine.answer(0, Outcome(at=engine.clock.time, duration=1, status=200))
            while engine.unsettled:
                engine.settle(0)
            engine.release()
            engine.clock.go(10 * 60 * SECOND)
            if all(state in (State.DONE, State.PARKED) for _, state in engine.rows()):
                break
        left = [
            (delivery_id, State(state).name) for delivery_id, state in engine.rows() if state != State.DONE
        ]
        assert [one for one in left if one[1] != "PARKED"] == [], "not everything has arrived"
        assert all(
            delivery_id in engine.seen.ids for delivery_id, state in engine.rows() if state == State.DONE
        )


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ringback-template-") as folder:
        make_template(Path(folder) / "data")
        yield Path(folder) / "data"


def test_whatever_happens(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Small windows, so that memory is always too small and most of it is read again and again.
    monkeypatch.setattr(queue, "WINDOW", 4)
    monkeypatch.setattr(queue, "DOWN_WINDOW", 2)
    Machine.template = template
    run_state_machine_as_test(Machine, settings=PROFILE)
