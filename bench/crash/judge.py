"""Was the promise kept? A pure function over the ledgers; tests/crash shows that it finds each kind of breach.

The promise (contracts/delivery.md): what was acknowledged arrives, in order within a message, at least once with one id and
one body; and what arrives again after it was taken does so because a kill came between, never more than was in flight.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from bench.crash.ledger import Arrival, Kill, Said

LOST = "lost"
ORDER = "out of order"
DUPLICATE = "unexplained duplicate"
CHANGED = "repeated with another id or body"
UNSIGNED = "bad signature"
STRANGE = "nobody caused it"


@dataclass(frozen=True, slots=True)
class Breach:
    kind: str
    sms_id: int
    words: str


@dataclass(slots=True, kw_only=True)
class Verdict:
    acknowledged: int = 0
    delivered: int = 0  # of the acknowledged
    unacknowledged: int = 0  # events that arrived though their answer never did: allowed, and counted
    retries: int = 0  # repeats of what was not taken
    duplicates: Counter[int] = field(default_factory=Counter)  # by the life whose death explains them
    oldest: float = 0.0  # seconds between a taken event's answer and the kill that made the server forget it
    breaches: list[Breach] = field(default_factory=list)

    def count(self, *kinds: str) -> int:
        return sum(breach.kind in kinds for breach in self.breaches)

    def breach(self, kind: str, sms_id: int, words: str) -> None:
        self.breaches.append(Breach(kind, sms_id, words))


# Seconds. What was answered longer before a kill has been settled, however busy the disk: its repeat is no kill's doing.
SETTLED_WITHIN = 3.0


def judge(said: Said, arrivals: Sequence[Arrival], kills: Sequence[Kill], in_flight: int) -> Verdict:
    """``in_flight`` is how many deliveries may be sent and not settled at one moment. ``arrivals`` are in their order."""
    verdict = Verdict()
    by_message: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        by_message[arrival.sms_id].append(arrival)
    died = {kill.life: kill for kill in kills}
    _judge_claims(verdict, said, by_message)
    _judge_answers(verdict, said)
    for sms_id, story in by_message.items():
        _judge_causes(verdict, said, sms_id, story)
        _judge_order(verdict, said, sms_id, story)
        _judge_repeats(verdict, story, died)
    _judge_ids(verdict, arrivals)
    for life, count in verdict.duplicates.items():
        if count > in_flight:
            words = f"{count} duplicates at the death of life {life}: no more than {in_flight} can have been in flight"
            verdict.breaches.extend([Breach(DUPLICATE, 0, words)] * (count - in_flight))
    return verdict


def _judge_claims(verdict: Verdict, said: Said, by_message: Mapping[int, Iterable[Arrival]]) -> None:
    taken = {
        (sms_id, arrival.status, arrival.endpoint)
        for sms_id, story in by_message.items()
        for arrival in story
        if arrival.taken
    }
    for (sms_id, status), claim in said.claims.items():
        if claim.acknowledged is None:
            continue
        verdict.acknowledged += 1
        if (sms_id, status, claim.endpoint) in taken:
            verdict.delivered += 1
        else:
            words = f"status {status} was acknowledged and never taken by {claim.endpoint}"
            verdict.breach(LOST, sms_id, words)


def _judge_answers(verdict: Verdict, said: Said) -> None:
    for words in said.refused:
        verdict.breach(STRANGE, 0, words)


def _judge_causes(verdict: Verdict, said: Said, sms_id: int, story: Sequence[Arrival]) -> None:
    """Each arrival is about a message that somebody handed in, and tells what somebody said of it, at its endpoint."""
    message = said.messages.get(sms_id)
    counted: set[int] = set()
    for arrival in story:
        if not arrival.signed:
            verdict.breach(UNSIGNED, sms_id, f"{arrival.webhook_id} does not verify")
        if message is None and arrival.address not in said.asked:
            verdict.breach(STRANGE, sms_id, f"nobody handed in a message for {arrival.address}")
        if message is None:
            continue
        if arrival.address != message.address:
            words = f"is {message.address}'s id, and arrived for {arrival.address}"
            verdict.breach(STRANGE, sms_id, words)
        claim = said.claims.get((sms_id, arrival.status))
        if claim is None:
            verdict.breach(STRANGE, sms_id, f"status {arrival.status} arrived, and nobody said so")
        elif claim.endpoint != arrival.endpoint:
            verdict.breach(STRANGE, sms_id, f"arrived at {arrival.endpoint} instead of {claim.endpoint}")
        elif claim.acknowledged is None and arrival.status not in counted:
            counted.add(arrival.status)
            verdict.unacknowledged += 1


def _judge_order(verdict: Verdict, said: Said, sms_id: int, story: Sequence[Arrival]) -> None:
    """By first arrival: 1, 2, 3 … without a gap at each endpoint, and as the answers came, whatever the numbers say."""
    first: dict[tuple[str, int], Arrival] = {}
    heard: dict[int, Arrival] = {}
    highest: dict[str, int] = {}
    for arrival in story:
        before = highest.get(arrival.endpoint, 0)
        place = (arrival.endpoint, arrival.sequence)
        if place not in first:
            first[place] = arrival
            if arrival.sequence != before + 1:
                words = f"sequence {arrival.sequence} came after {before} at {arrival.endpoint}"
                verdict.breach(ORDER, sms_id, words)
        elif arrival.sequence < before:
            # One process sends a message's next event only when the last one is settled, so not even a repeat is stale.
            words = f"sequence {arrival.sequence} was repeated after {before} had come"
            verdict.breach(ORDER, sms_id, words)
        highest[arrival.endpoint] = max(before, arrival.sequence)
        heard.setdefault(arrival.status, arrival)
    for earlier, later in combinations(sorted(heard.values(), key=lambda arrival: _asked(said, arrival)), 2):
        claim = said.claims.get((sms_id, earlier.status))
        if claim is None or claim.acknowledged is None or later.at >= earlier.at:
            continue
        if claim.acknowledged < _asked(said, later):
            words = f"{earlier.status} was acknowledged before {later.status} was said, and arrived after it"
            verdict.breach(ORDER, sms_id, words)


def _asked(said: Said, arrival: Arrival) -> float:
    claim = said.claims.get((arrival.sms_id, arrival.status))
    return claim.asked if claim is not None else arrival.at


def _judge_repeats(verdict: Verdict, story: Sequence[Arrival], died: Mapping[int, Kill]) -> None:
    first: dict[tuple[str, int], Arrival] = {}
    taken: dict[tuple[str, int], Arrival] = {}
    told: dict[tuple[str, int], int] = {}
    for arrival in story:
        place = (arrival.endpoint, arrival.sequence)
        earlier = first.setdefault(place, arrival)
        if told.setdefault((arrival.endpoint, arrival.status), arrival.sequence) != arrival.sequence:
            words = f"status {arrival.status} came as two events"
            verdict.breach(DUPLICATE, arrival.sms_id, words)
        if (earlier.webhook_id, earlier.digest) != (arrival.webhook_id, arrival.digest):
            what = "body" if earlier.webhook_id == arrival.webhook_id else "webhook-id"
            verdict.breach(CHANGED, arrival.sms_id, f"sequence {arrival.sequence} came with another {what}")
        if place in taken:
            _judge_duplicate(verdict, taken[place], arrival, died)
        elif earlier is not arrival:
            verdict.retries += 1
        if arrival.taken:
            taken[place] = arrival


def _judge_duplicate(verdict: Verdict, taken: Arrival, again: Arrival, died: Mapping[int, Kill]) -> None:
    """Only the death of the life in which it was taken can have made the server forget that it was."""
    if again.life == taken.life or taken.life not in died:
        words = f"sequence {again.sequence} was taken and came again without a kill between"
        verdict.breach(DUPLICATE, again.sms_id, words)
        return
    age = died[taken.life].at - taken.answered
    verdict.oldest = max(verdict.oldest, age)
    if age > SETTLED_WITHIN:
        words = f"sequence {again.sequence} came again, though it was taken {age:.1f} s before the kill"
        verdict.breach(DUPLICATE, again.sms_id, words)
    else:
        verdict.duplicates[taken.life] += 1


def _judge_ids(verdict: Verdict, arrivals: Iterable[Arrival]) -> None:
    """A receiver throws away what comes with an id that it knows: two events with one id would be one event lost."""
    known: dict[tuple[str, str], tuple[int, int]] = {}
    for arrival in arrivals:
        event = (arrival.sms_id, arrival.sequence)
        if known.setdefault((arrival.endpoint, arrival.webhook_id), event) != event:
            words = f"{arrival.webhook_id} stands for {event} and for {known[arrival.endpoint, arrival.webhook_id]}"
            verdict.breach(CHANGED, arrival.sms_id, words)
