"""The health of an endpoint: what an answer to a webhook means for the endpoint and for the event.

Theory: a receiver that is down is down for all events, so trouble belongs to the endpoint, not to each event. One
failure stops its flow; from then on a single probe at a time (its oldest event) asks whether it is back, and the first
success lets everything go, in order, with a short slow start. Only an event that is refused while others succeed is
*poison* and waits for itself. Nothing here does I/O or knows the time: time and chance are arguments.
(contracts/webhooks.md section 5, contracts/delivery.md section 4)
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from ringback.domain import retry
from ringback.domain.times import DAY, SECOND

START_LIMIT = 10  # requests at once to an endpoint that has shown no trouble
MAX_LIMIT = 64  # more never made a receiver faster, and a hanging endpoint would hold as many sockets
REFUSALS_IN_A_ROW = 5  # so many events refused without a success between: it is the endpoint, not the events
OWN_FAULT_PAUSE = 2 * SECOND
GIVE_UP_AFTER = 7 * DAY  # without any success; then deliveries are parked


class Fault(StrEnum):
    """Why there is no answer."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    REFUSED = "refused_address"
    OURS = "ours"  # our own network or resolver: the endpoint is not to blame


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one POST came to. Either ``status`` (the HTTP status) or ``fault`` is set.

    ``at`` and ``duration`` are milliseconds, ``retry_after`` too (already parsed and capped); ``answer`` is the first
    16 KiB of the answer's body; ``error`` says in plain words what went wrong.
    """

    at: int
    duration: int
    status: int | None = None
    fault: Fault | None = None
    answer: bytes = b""
    error: str | None = None
    retry_after: int | None = None

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Meaning(Enum):
    """Whom an outcome speaks of."""

    SUCCESS = "success"
    ENDPOINT_FAILED = "endpoint failed"
    EVENT_REFUSED = "event refused"
    GONE = "gone"
    OUR_FAULT = "our fault"


_ENDPOINT_STATUSES = frozenset({408, 425, 429})
_GONE = 410


def meaning(outcome: Outcome) -> Meaning:
    if outcome.fault is Fault.OURS:
        return Meaning.OUR_FAULT
    if outcome.status is None:
        return Meaning.ENDPOINT_FAILED
    if outcome.succeeded:
        return Meaning.SUCCESS
    if outcome.status == _GONE:
        return Meaning.GONE
    if 400 <= outcome.status < 500 and outcome.status not in _ENDPOINT_STATUSES:
        return Meaning.EVENT_REFUSED
    return Meaning.ENDPOINT_FAILED  # 5xx, and redirects, which are not followed


class State(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``failures`` counts failed probes; ``limit`` is how many requests may be under way at once, ``ramp`` up to where it
    doubles instead of growing by one; ``not_before`` holds everything back until then (ms).
    """

    state: State = State.HEALTHY
    failures: int = 0
    refusals: int = 0
    unhealthy_since: int | None = None
    not_before: int = 0
    limit: int = START_LIMIT
    ramp: int = START_LIMIT
    last_success_at: int | None = None


class Fate(Enum):
    """What becomes of the delivery."""

    DONE = "done"
    KEEP = "keep"  # it goes again when the endpoint may be asked again
    YIELD = "yield"  # as KEEP, but another event is asked first: this one may be the trouble
    POISON = "poison"  # it waits for itself, and its lane behind it


def decide(health: Health, outcome: Outcome, *, now: int, chance: float, probe: bool) -> tuple[Health, Fate]:
    """The endpoint's health after an outcome, and the delivery's fate. ``chance`` in [0, 1) is the jitter."""
    match meaning(outcome):
        case Meaning.SUCCESS:
            return _success(health, now=now, probe=probe), Fate.DONE
        case Meaning.OUR_FAULT:
            return replace(health, not_before=max(health.not_before, now + OWN_FAULT_PAUSE)), Fate.KEEP
        case Meaning.GONE:
            return replace(health, state=State.PAUSED), Fate.KEEP
        case Meaning.EVENT_REFUSED:
            return _refused(health, now=now, chance=chance, probe=probe)
        case Meaning.ENDPOINT_FAILED:  # pragma: no branch -- the last meaning there is
            return _failed(health, outcome, now=now, chance=chance, probe=probe), Fate.KEEP


def _success(health: Health, *, now: int, probe: bool) -> Health:
    if health.state is State.UNHEALTHY and probe:
        return Health(limit=1, ramp=health.ramp, last_success_at=now)
    if health.state is not State.HEALTHY:
        # Sent before the trouble began: it proves nothing about now.
        return replace(health, last_success_at=now)
    grown = health.limit * 2 if health.limit < health.ramp else health.limit + 1
    return replace(
        health,
        limit=min(grown, MAX_LIMIT),
        ramp=max(health.ramp, min(grown, START_LIMIT)),  # it has shown that it can take as much again
        refusals=0,
        last_success_at=now,
    )


def _failed(health: Health, outcome: Outcome, *, now: int, chance: float, probe: bool) -> Health:
    if health.state is State.PAUSED:
        return health
    if health.state is State.UNHEALTHY and not probe:
        # Others that were under way when the trouble began: one trouble is counted once, hints are heard.
        hinted = now + (outcome.retry_after or 0)
        return replace(health, not_before=max(health.not_before, hinted))
    since = health.unhealthy_since if health.unhealthy_since is not None else now
    failures = health.failures + 1
    delay = retry.with_hint(retry.probe_delay(failures, now - since, chance), outcome.retry_after)
    halved = max(1, health.limit // 2) if outcome.fault is Fault.TIMEOUT else health.ramp
    return replace(
        health,
        state=State.UNHEALTHY,
        failures=failures,
        unhealthy_since=since,
        not_before=now + delay,
        ramp=min(health.ramp, halved),
    )


def _refused(health: Health, *, now: int, chance: float, probe: bool) -> tuple[Health, Fate]:
    refusals = health.refusals + 1
    if health.state is State.PAUSED:
        return health, Fate.KEEP
    if health.state is State.HEALTHY:
        if health.last_success_at is not None and refusals < REFUSALS_IN_A_ROW:
            return replace(health, refusals=refusals), Fate.POISON
    elif not probe:
        return health, Fate.YIELD
    since = health.unhealthy_since if health.unhealthy_since is not None else now
    # A few different events are asked quickly; if all are refused the endpoint is asked more and more rarely.
    failures = health.failures + 1 if refusals >= REFUSALS_IN_A_ROW else health.failures
    delay = retry.probe_delay(max(1, failures), now - since, chance)
    if refusals < REFUSALS_IN_A_ROW:
        delay = retry.probe_delay(1, 0, chance)
    changed = replace(
        health,
        state=State.UNHEALTHY,
        failures=failures,
        refusals=refusals,
        unhealthy_since=since,
        not_before=now + delay,
    )
    return changed, Fate.YIELD


def paused(health: Health) -> Health:
    return replace(health, state=State.PAUSED)


def resumed(health: Health) -> Health:
    """Back to work by a person's word: asked at once, with a slow start."""
    return Health(limit=1, ramp=health.ramp, last_success_at=health.last_success_at)
