"""The table of contracts/webhooks.md section 5: what an answer means for the endpoint, and for the event."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import endpoints
from ringback.domain.endpoints import (
    MAX_LIMIT,
    OWN_FAULT_PAUSE,
    REFUSALS_IN_A_ROW,
    START_LIMIT,
    Fate,
    Fault,
    Health,
    Outcome,
    State,
    decide,
)
from ringback.domain.times import DAY, HOUR, SECOND

NOW = 1_795_456_653_000
PROVEN = Health(last_success_at=NOW - SECOND)
DOWN = Health(
    state=State.UNHEALTHY,
    failures=1,
    unhealthy_since=NOW - SECOND,
    not_before=NOW,
    last_success_at=NOW - 2 * SECOND,
)
PAUSED = Health(state=State.PAUSED, last_success_at=NOW - DAY)


def answer(status: int, *, retry_after: int | None = None) -> Outcome:
    return Outcome(at=NOW, duration=5, status=status, retry_after=retry_after)


def fault(kind: Fault) -> Outcome:
    return Outcome(at=NOW, duration=5, fault=kind, error="in words")


def after(health: Health, outcome: Outcome, *, now: int = NOW, probe: bool = False) -> tuple[Health, Fate]:
    return decide(health, outcome, now=now, chance=0.0, probe=probe)


FAILURES = [
    *[pytest.param(fault(kind), id=str(kind)) for kind in Fault if kind is not Fault.OURS],
    *[pytest.param(answer(status), id=str(status)) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
    *[pytest.param(answer(status), id=f"{status}, not followed") for status in (301, 302, 307, 308)],
    pytest.param(answer(101), id="101, no final answer"),
]
REFUSALS = [pytest.param(answer(status), id=str(status)) for status in (400, 401, 403, 404, 413, 418, 422)]


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_failure_stops_the_endpoint(outcome: Outcome) -> None:
    health, fate = after(PROVEN, outcome)
    assert fate is Fate.KEEP
    assert (health.state, health.failures, health.refusals) == (State.UNHEALTHY, 1, 0)
    assert (health.unhealthy_since, health.not_before) == (NOW, NOW + SECOND)
    assert health.last_success_at == PROVEN.last_success_at


def test_probes_come_more_and_more_rarely() -> None:
    health, now, delays = PROVEN, NOW, []
    while now < NOW + 3 * HOUR:
        health, fate = after(health, answer(500), now=now, probe=health.state is State.UNHEALTHY)
        assert fate is Fate.KEEP
        delays.append((health.not_before - now) // SECOND)
        now = health.not_before
    in_first_hour = 5 + 60  # 1 + 2 + 5 + 10 + 30 = 48 s, then each minute
    assert delays[:in_first_hour] == [1, 2, 5, 10, 30, *[60] * 60]
    assert set(delays[in_first_hour:]) == {300}
    assert health.unhealthy_since == NOW


@pytest.mark.parametrize("status", [pytest.param(status, id=str(status)) for status in (200, 201, 204, 299)])
def test_the_first_success_lets_all_go_slowly_at_first(status: int) -> None:
    health, fate = after(replace(DOWN, failures=7, refusals=3, ramp=8), answer(status), probe=True)
    assert fate is Fate.DONE
    assert health == Health(limit=1, ramp=8, last_success_at=NOW)
    limits = []
    for _ in range(5):
        health, _ = after(health, answer(200))
        limits.append(health.limit)
    assert limits == [2, 4, 8, 9, 10]


def test_more_than_a_bound_never_helps() -> None:
    health = PROVEN
    for _ in range(2 * MAX_LIMIT):
        health, _ = after(health, answer(200))
    assert (health.limit, MAX_LIMIT) == (64, 64)
    assert (Health().limit, START_LIMIT) == (10, 10)


@pytest.mark.parametrize("outcome", REFUSALS)
def test_a_refused_event_is_poison_while_others_succeed(outcome: Outcome) -> None:
    health, fate = after(PROVEN, outcome)
    assert fate is Fate.POISON
    assert health == replace(PROVEN, refusals=1)
    health, fate = after(health, answer(200))
    assert (health.refusals, fate) == (0, Fate.DONE)


def test_five_refusals_in_a_row_are_the_endpoints() -> None:
    health, fates = PROVEN, []
    for _ in range(REFUSALS_IN_A_ROW):
        health, fate = after(health, answer(400))
        fates.append(fate)
    assert fates == [Fate.POISON] * 4 + [Fate.YIELD]
    assert (health.state, health.failures, health.not_before) == (State.UNHEALTHY, 1, NOW + SECOND)
    health, fate = after(health, answer(400), probe=True)
    assert (health.failures, health.not_before, fate) == (2, NOW + 2 * SECOND, Fate.YIELD)
    health, _ = after(health, answer(200), probe=True)
    assert (health.state, health.refusals) == (State.HEALTHY, 0)


def test_who_never_took_anything_is_asked_with_other_events() -> None:
    health, fate = after(Health(), answer(404))
    assert (health.state, health.failures, fate) == (State.UNHEALTHY, 0, Fate.YIELD)
    delays = []
    for _ in range(6):
        before = health.not_before
        health, fate = after(health, answer(404), now=before, probe=True)
        assert fate is Fate.YIELD
        delays.append((health.not_before - before) // SECOND)
    # Five different events quickly, then as rarely as a dead endpoint.
    assert delays == [1, 1, 1, 1, 2, 5]


def test_a_refusal_while_down_does_not_undo_the_count() -> None:
    health, fate = after(replace(DOWN, failures=6), answer(422), probe=True)
    assert (health.state, health.failures, health.refusals, fate) == (State.UNHEALTHY, 6, 1, Fate.YIELD)
    assert health.not_before == NOW + SECOND


@pytest.mark.parametrize("before", [pytest.param(PROVEN, id="healthy"), pytest.param(DOWN, id="unhealthy")])
def test_410_pauses(before: Health) -> None:
    health, fate = after(before, answer(410), probe=before is DOWN)
    assert (health, fate) == (replace(before, state=State.PAUSED), Fate.KEEP)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        pytest.param(None, SECOND, id="none"),
        pytest.param(500, SECOND, id="sooner than we would"),
        pytest.param(120 * SECOND, 120 * SECOND, id="later"),
    ],
)
def test_retry_after(hint: int | None, expected: int) -> None:
    health, _ = after(PROVEN, answer(429, retry_after=hint))
    assert health.not_before == NOW + expected


def test_timeouts_halve() -> None:
    health, _ = after(replace(PROVEN, limit=12), fault(Fault.TIMEOUT))
    assert health.ramp == 6
    health, _ = after(replace(PROVEN, limit=1), fault(Fault.TIMEOUT))
    assert health.ramp == 1
    health, _ = after(replace(PROVEN, limit=12), fault(Fault.CONNECT))
    assert health.ramp == START_LIMIT


@pytest.mark.parametrize("before", [pytest.param(h, id=str(h.state)) for h in (PROVEN, DOWN, PAUSED)])
def test_faults_of_our_own_are_not_charged(before: Health) -> None:
    health, fate = after(before, fault(Fault.OURS), probe=True)
    assert (health, fate) == (replace(before, not_before=NOW + OWN_FAULT_PAUSE), Fate.KEEP)
    later = replace(before, not_before=NOW + HOUR)
    assert after(later, fault(Fault.OURS)) == (later, Fate.KEEP)


@pytest.mark.parametrize(
    ("outcome", "changes", "fate"),
    [
        pytest.param(answer(500), {}, Fate.KEEP, id="one trouble is counted once"),
        pytest.param(answer(503, retry_after=HOUR), {"not_before": NOW + HOUR}, Fate.KEEP, id="hints count"),
        pytest.param(
            answer(200), {"last_success_at": NOW}, Fate.DONE, id="a success proves nothing about now"
        ),
        pytest.param(answer(404), {}, Fate.YIELD, id="a refusal says nothing more"),
        pytest.param(answer(410), {"state": State.PAUSED}, Fate.KEEP, id="gone is gone"),
    ],
)
def test_under_way_when_trouble_began(outcome: Outcome, changes: dict[str, object], fate: Fate) -> None:
    assert after(DOWN, outcome, probe=False) == (replace(DOWN, **changes), fate)  # type: ignore[arg-type] # by name


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        pytest.param(answer(200), Fate.DONE, id="success"),
        pytest.param(answer(500), Fate.KEEP, id="failure"),
        pytest.param(answer(404), Fate.KEEP, id="refusal"),
        pytest.param(answer(410), Fate.KEEP, id="gone"),
    ],
)
@pytest.mark.parametrize("probe", [pytest.param(True, id="probe"), pytest.param(False, id="under way")])
def test_paused_stays_paused(outcome: Outcome, fate: Fate, probe: bool) -> None:
    health, found = after(PAUSED, outcome, probe=probe)
    assert (health.state, found) == (State.PAUSED, fate)
    assert health.failures == 0


def test_by_a_persons_word() -> None:
    assert endpoints.paused(DOWN) == replace(DOWN, state=State.PAUSED)
    resumed = endpoints.resumed(replace(PAUSED, failures=9, refusals=4, ramp=3, not_before=NOW + HOUR))
    assert resumed == Health(limit=1, ramp=3, last_success_at=PAUSED.last_success_at)


HEALTHS = st.builds(
    Health,
    state=st.sampled_from(State),
    failures=st.integers(0, 10_000),
    refusals=st.integers(0, 100),
    unhealthy_since=st.none() | st.integers(NOW - 7 * DAY, NOW),
    not_before=st.integers(0, NOW + HOUR),
    limit=st.integers(1, MAX_LIMIT),
    ramp=st.integers(1, START_LIMIT),
    last_success_at=st.none() | st.integers(NOW - 7 * DAY, NOW),
)
OUTCOMES = st.integers(100, 599).map(answer) | st.sampled_from(Fault).map(fault)


@given(HEALTHS, OUTCOMES, st.floats(0, 1, exclude_max=True), st.booleans())
def test_whatever_comes(health: Health, outcome: Outcome, chance: float, probe: bool) -> None:
    found, fate = decide(health, outcome, now=NOW, chance=chance, probe=probe)
    assert (fate is Fate.DONE) == outcome.succeeded
    assert 1 <= found.limit <= MAX_LIMIT
    assert 1 <= found.ramp <= START_LIMIT
    assert found.not_before <= max(health.not_before, NOW + 360 * SECOND)
    if health.state is State.PAUSED:
        assert found.state is State.PAUSED
    if health.state is State.HEALTHY and found.state is State.UNHEALTHY:
        assert found.not_before >= NOW + SECOND
