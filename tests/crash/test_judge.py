"""The judge finds every kind of breach, and lets pass what the promise allows."""

from dataclasses import replace

import pytest
from bench.crash.judge import (
    CHANGED,
    DUPLICATE,
    LOST,
    ORDER,
    SETTLED_WITHIN,
    STRANGE,
    UNSIGNED,
    Verdict,
    judge,
)
from bench.crash.ledger import INCOMING, Arrival, Kill, Said

STATUS, TEXTS = "status", "texts"
SENT_ID, TEXT_ID = 7, 8
SENT_TO, TEXT_FROM = "+49150", "+49170"
KILL = Kill(life=0, kind="random", at=41.0)


def said() -> Said:
    """A message that went 3, 2, 6, each acknowledged before the next was said; and one that came in."""
    ledger = Said()
    ledger.ask(SENT_TO, 1.0)
    ledger.name(SENT_TO, SENT_ID, STATUS)
    for status, asked in ((3, 1.0), (2, 3.0), (6, 5.0)):
        ledger.ask_status(SENT_ID, status, asked)
        ledger.acknowledge(SENT_ID, status, asked, asked + 1)
    ledger.ask(TEXT_FROM, 1.0)
    ledger.name(TEXT_FROM, TEXT_ID, TEXTS)
    ledger.acknowledge(TEXT_ID, INCOMING, 1.0, 2.0)
    return ledger


def arrival(status: int, sequence: int, at: float, answer: int | None = 200, life: int = 0) -> Arrival:
    incoming = status == INCOMING
    return Arrival(
        at=at,
        life=life,
        endpoint=TEXTS if incoming else STATUS,
        webhook_id=f"evt_{TEXT_ID if incoming else SENT_ID}_{sequence}",
        sequence=sequence,
        attempt=1,
        sms_id=TEXT_ID if incoming else SENT_ID,
        status=status,
        address=TEXT_FROM if incoming else SENT_TO,
        digest=bytes([status]),
        signed=True,
        answer=answer,
        answered=at,
    )


THREE, TWO, SIX, TEXT = (
    arrival(3, 1, 39.0),
    arrival(2, 2, 39.2),
    arrival(6, 3, 39.4),
    arrival(INCOMING, 1, 40.0),
)
GOOD = [THREE, TWO, SIX, TEXT]


def judged(arrivals: list[Arrival], ledger: Said | None = None, in_flight: int = 10) -> Verdict:
    return judge(ledger or said(), arrivals, [KILL], in_flight)


def kinds(verdict: Verdict) -> list[str]:
    return [breach.kind for breach in verdict.breaches]


def test_a_run_without_trouble() -> None:
    verdict = judged(GOOD)
    assert kinds(verdict) == []
    assert (verdict.acknowledged, verdict.delivered, verdict.retries, verdict.unacknowledged) == (4, 4, 0, 0)


@pytest.mark.parametrize(
    ("arrivals", "found"),
    [
        pytest.param([THREE, TWO, SIX], [LOST], id="never arrived"),
        pytest.param([THREE, TWO, replace(SIX, answer=503), TEXT], [LOST], id="arrived, and was never taken"),
        pytest.param(
            [THREE, TWO, replace(SIX, answer=None), TEXT], [LOST], id="arrived, and was not answered"
        ),
        pytest.param(
            [THREE, TWO, SIX, replace(TEXT, endpoint=STATUS)], [LOST, STRANGE], id="at another endpoint"
        ),
        pytest.param([THREE, SIX, TEXT], [LOST, ORDER], id="one of the middle is gone"),
        pytest.param([THREE, SIX, TWO, TEXT], [ORDER, ORDER], id="a later one first"),
        pytest.param(
            [replace(TWO, sequence=1, at=10.0), replace(THREE, sequence=2, at=20.0), SIX, TEXT],
            [ORDER],
            id="numbered in order, and against what the answers say",
        ),
        pytest.param(
            [replace(THREE, answer=503), TWO, THREE, SIX, TEXT], [ORDER], id="repeated after a later one"
        ),
        pytest.param([*GOOD, replace(SIX, at=50.0)], [DUPLICATE], id="again without a kill"),
        pytest.param(
            [*GOOD, replace(SIX, at=150.0, life=1), replace(SIX, at=160.0, life=1)],
            [DUPLICATE],
            id="again over a kill, and again without one",
        ),
        pytest.param(
            [*GOOD, replace(SIX, webhook_id="evt_other", at=150.0, life=1)], [CHANGED], id="another id"
        ),
        pytest.param([*GOOD, replace(SIX, digest=b"?", at=150.0, life=1)], [CHANGED], id="another body"),
        pytest.param(
            [replace(THREE, answer=503), replace(THREE, digest=b"?"), TWO, SIX, TEXT],
            [CHANGED],
            id="another body in a retry",
        ),
        pytest.param(
            [THREE, TWO, replace(SIX, webhook_id=TWO.webhook_id), TEXT], [CHANGED], id="one id for two events"
        ),
        pytest.param([*GOOD, arrival(6, 4, 50.0)], [DUPLICATE], id="one status told as two events"),
        pytest.param([THREE, TWO, replace(SIX, signed=False), TEXT], [UNSIGNED], id="a bad signature"),
        pytest.param(
            [*GOOD, replace(TEXT, sms_id=9, address="+1", webhook_id="evt_9")],
            [STRANGE],
            id="an unknown message",
        ),
        pytest.param([*GOOD, arrival(7, 4, 50.0)], [STRANGE], id="a status that nobody said"),
        pytest.param(
            [THREE, TWO, SIX, replace(TEXT, address=SENT_TO)],
            [STRANGE],
            id="one message's id, another's text",
        ),
    ],
)
def test_breaches(arrivals: list[Arrival], found: list[str]) -> None:
    assert sorted(kinds(judged(arrivals))) == sorted(found)


def test_a_retry_is_no_duplicate() -> None:
    refused = [replace(THREE, answer=503), replace(THREE, answer=None), THREE, TWO, SIX, TEXT]
    verdict = judged(refused)
    assert kinds(verdict) == []
    assert (verdict.retries, verdict.duplicates.total()) == (2, 0)


def test_a_kill_explains_what_comes_again() -> None:
    verdict = judged([*GOOD, replace(SIX, at=150.0, life=1), replace(TEXT, at=150.0, life=2)])
    assert kinds(verdict) == []
    assert verdict.duplicates == {0: 2}
    assert verdict.oldest == pytest.approx(KILL.at - SIX.answered)


def test_a_kill_explains_nothing_that_was_settled_long_before() -> None:
    long_ago = replace(TEXT, answered=KILL.at - SETTLED_WITHIN - 1)
    verdict = judged([THREE, TWO, SIX, long_ago, replace(TEXT, at=150.0, life=1)])
    assert kinds(verdict) == [DUPLICATE]
    assert verdict.duplicates.total() == 0


def test_a_kill_explains_no_more_than_was_in_flight() -> None:
    again = [replace(SIX, at=150.0, life=1), replace(TEXT, at=150.0, life=1)]
    assert kinds(judged([*GOOD, *again], in_flight=2)) == []
    assert kinds(judged([*GOOD, *again], in_flight=1)) == [DUPLICATE]


def test_a_kill_explains_no_loss() -> None:
    assert kinds(judged([THREE, TWO, replace(SIX, answer=None)])) == [LOST, LOST]


def test_what_was_not_acknowledged_may_arrive_or_not() -> None:
    ledger = said()
    ledger.ask_status(SENT_ID, 7, 90.0)
    assert kinds(judged(GOOD, ledger)) == []
    verdict = judged([*GOOD, arrival(7, 4, 95.0)], ledger)
    assert kinds(verdict) == []
    assert (verdict.acknowledged, verdict.unacknowledged) == (4, 1)


def test_what_was_handed_in_without_an_answer_may_arrive() -> None:
    ledger = said()
    ledger.ask("+2", 90.0)
    unheard = replace(TEXT, sms_id=9, address="+2", webhook_id="evt_9")
    assert kinds(judged([*GOOD, unheard], ledger)) == []


def test_two_that_were_said_at_the_same_time_may_come_in_any_order() -> None:
    ledger = said()
    ledger.claims[SENT_ID, 2].acknowledged = 9.0
    ledger.claims[SENT_ID, 6].asked = 4.0
    swapped = [THREE, replace(SIX, sequence=2, at=39.2), replace(TWO, sequence=3, at=39.4), TEXT]
    assert kinds(judged(swapped, ledger)) == []


def test_an_id_belongs_to_one_message() -> None:
    ledger = said()
    ledger.ask("+2", 1.0)
    ledger.name("+2", SENT_ID, STATUS)
    assert STRANGE in kinds(judged(GOOD, ledger))
    ledger = said()
    ledger.name(SENT_TO, 70, STATUS)
    assert kinds(judged(GOOD, ledger)) == [STRANGE]


def test_only_the_first_acknowledgement_counts() -> None:
    ledger = said()
    ledger.life = 3
    ledger.acknowledge(SENT_ID, 6, 50.0, 60.0)
    claim = ledger.claims[SENT_ID, 6]
    assert (claim.asked, claim.acknowledged, claim.life) == (5.0, 6.0, 0)
