"""A machine that does everything to the engine, in any order: submit, report, answer, lose, crash, pause, jump in time.

Nothing is lost, order within a message is kept, nothing goes twice without a reason, and in the end all of it arrives.
More of it: ``HYPOTHESIS_PROFILE=long make test``.
"""

import os
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
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.delivery.engine import Engine, make_template

from ringback.domain.channels import Channel
from ringback.domain.deliveries import State
from ringback.domain.endpoints import Fault, Outcome
from ringback.domain.times import DAY, HOUR, SECOND

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PROFILE = settings(
    max_examples=600 if LONG else 30,
    stateful_step_count=80 if LONG else 50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
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
places = st.integers(min_value=0, max_value=999)
# Mostly it works; everything else often enough to meet.
outcomes = st.sampled_from(["taken"] * 10 + list(OUTCOMES))


class Machine(RuleBasedStateMachine):
    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="ringback-machine-")
        self.engine = Engine(self.template, Path(self._folder.name) / "data")

    @rule(
        channel=st.sampled_from([Channel.SIM_1, Channel.SIM_2]), foreign=st.sampled_from([False] * 4 + [True])
    )
    def a_text_comes_in(self, channel: Channel, foreign: bool) -> None:
        self.engine.arrive(channel, foreign=foreign)

    @rule()
    def a_message_is_submitted(self) -> None:
        self.engine.submit()

    @precondition(lambda self: self.engine.sms)
    @rule(place=places, status=st.sampled_from([2, 6, 7, 8, 9, 10]))
    def a_phone_reports(self, place: int, status: int) -> None:
        self.engine.report(self.engine.sms[place % len(self.engine.sms)], status)

    @rule()
    def the_engine_turns(self) -> None:
        self.engine.turn()

    @precondition(lambda self: self.engine.under_way)
    @rule(place=places, kind=outcomes)
    def an_answer_comes(self, place: int, kind: str) -> None:
        at = self.engine.clock.time
        outcome = Outcome(at=at, duration=1, error=kind, **OUTCOMES[kind])  # type: ignore[arg-type] # the table's values
        self.engine.answer(place % len(self.engine.under_way), outcome)

    @precondition(lambda self: self.engine.unsettled)
    @rule(place=places)
    def a_settlement_is_committed(self, place: int) -> None:
        self.engine.settle(place % len(self.engine.unsettled))

    @precondition(lambda self: self.engine.reading)
    @rule(place=places)
    def a_read_comes_back(self, place: int) -> None:
        self.engine.read(place % len(self.engine.reading))

    @rule()
    def the_sweeper_looks(self) -> None:
        self.engine.sweep()
        self.engine.release()

    @rule(jump=st.sampled_from([SECOND, 10 * SECOND, HOUR, -HOUR, DAY]))
    def the_clock_jumps(self, jump: int) -> None:
        self.engine.clock.go(jump)

    @rule(endpoint_id=st.sampled_from([1, 2]))
    def a_person_pauses(self, endpoint_id: int) -> None:
        self.engine.pause(endpoint_id)

    @rule(endpoint_id=st.sampled_from([1, 2]))
    def a_person_resumes(self, endpoint_id: int) -> None:
        self.engine.resume(endpoint_id)

    @rule()
    def it_crashes(self) -> None:
        self.engine.crash()

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


def test_whatever_happens(template: Path) -> None:
    Machine.template = template
    run_state_machine_as_test(Machine, settings=PROFILE)
