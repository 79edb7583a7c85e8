"""One writer for all: what is asked for together is committed together, and each caller gets its own answer."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from ringback.domain.problems import Problem
from ringback.runtime import Runtime
from ringback.store.database import MAX_BATCH, Database
from ringback.store.tables import plans
from ringback.store.transaction import Tx, each

UNITS = 50


class Gate:
    """Holds the writer, so that what is submitted meanwhile is one batch."""

    def __init__(self, db: Database) -> None:
        self._open = threading.Event()
        self._reached = threading.Event()
        db.submit(self._wait, None, lambda _: None)
        assert self._reached.wait(10)

    def _wait(self, _tx: Tx, units: Sequence[object]) -> list[None]:
        self._reached.set()
        assert self._open.wait(10)
        return [None] * len(units)

    def open(self) -> None:
        self._open.set()


class Journey:
    """Writes a plan for each name; how many it was given at a time is remembered."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, tx: Tx, names: Sequence[str]) -> list[str | Problem]:
        self.sizes.append(len(names))
        results: list[str | Problem] = []
        for name in names:
            if name == "refused":
                results.append(Problem("invalid", "a refusal is an answer too"))
                continue
            if name == "broken":
                raise ValueError(name)
            write_plan(tx, name)
            results.append(name.upper())
        return results


def write_plan(tx: Tx, name: str) -> None:
    [plan_id] = tx.ids(plans, 1)
    tx.insert(plans, [{"id": plan_id, "name": name, "webhooks": True, "channels": ""}])


def names(connection: Connection) -> set[str]:
    return set(connection.scalars(select(plans.c.name)))


class Answers:
    def __init__(self) -> None:
        self._futures: dict[str, Future[object]] = {}

    def submit(self, db: Database, journey: Journey, name: str) -> None:
        future = self._futures[name] = Future()
        db.submit(journey, name, future.set_result)

    @property
    def by_name(self) -> dict[str, object]:
        return {name: future.result(10) for name, future in self._futures.items()}


@pytest.fixture(autouse=True)
def log() -> Iterator[list[Any]]:
    """What went wrong inside is logged; drawing it for a terminal with all its frames would take seconds."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def commits(rt: Runtime) -> Iterator[list[Tx]]:
    seen: list[Tx] = []
    rt.db.on_commit = seen.append
    yield seen
    rt.db.on_commit = lambda _tx: None


def test_many_threads_share_a_commit(rt: Runtime, commits: list[Tx]) -> None:
    gate, journey, answers = Gate(rt.db), Journey(), Answers()
    threads = [
        threading.Thread(target=answers.submit, args=(rt.db, journey, f"plan {n}")) for n in range(UNITS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.open()
    rt.db.stop()
    assert journey.sizes == [UNITS]
    assert len(commits) == 2  # the gate's and theirs
    assert answers.by_name == {f"plan {n}": f"PLAN {n}" for n in range(UNITS)}


def test_a_batch_has_a_bound(rt: Runtime) -> None:
    gate, journey, answers = Gate(rt.db), Journey(), Answers()
    for n in range(MAX_BATCH + 5):
        answers.submit(rt.db, journey, f"plan {n}")
    gate.open()
    rt.db.stop()
    assert journey.sizes == [MAX_BATCH, 5]
    assert len(answers.by_name) == MAX_BATCH + 5


@pytest.mark.parametrize(
    ("bad", "sizes"),
    [
        pytest.param("refused", [3], id="a refusal costs nothing"),
        pytest.param("broken", [3, 1, 1, 1], id="who breaks the batch fails alone"),
    ],
)
def test_one_bad_unit(rt: Runtime, bad: str, sizes: list[int]) -> None:
    gate, journey, answers = Gate(rt.db), Journey(), Answers()
    for name in ("before", bad, "behind"):
        answers.submit(rt.db, journey, name)
    gate.open()
    told = answers.by_name
    assert (told["before"], told["behind"]) == ("BEFORE", "BEHIND")
    assert isinstance(told[bad], Problem if bad == "refused" else ValueError)
    assert journey.sizes == sizes
    assert rt.db.write_now(journey, "later") == "LATER"  # the writer lives
    assert rt.db.look(names) == {"before", "behind", "later"}


def test_different_journeys_share_a_commit(rt: Runtime, commits: list[Tx]) -> None:
    gate, one, other, answers = Gate(rt.db), Journey(), Journey(), Answers()
    for name in ("a", "b"):
        answers.submit(rt.db, one, name)
    answers.submit(rt.db, other, "c")
    gate.open()
    rt.db.stop()
    assert (one.sizes, other.sizes, len(commits)) == ([2], [1], 2)


def test_what_raises_leaves_nothing(rt: Runtime, commits: list[Tx]) -> None:
    @each
    def write_and_fall(tx: Tx, name: str) -> None:
        write_plan(tx, name)
        raise Problem("conflict", "changed its mind")

    with pytest.raises(Problem, match="changed its mind"):
        rt.db.write_now(write_and_fall, "half")
    assert rt.db.look(names) == set()
    assert commits == []


def test_an_index_refuses_alone(rt: Runtime, log: list[Any]) -> None:
    """IntegrityError is the unit's own fault, not the disk's."""
    journey = Journey()
    rt.db.write_now(journey, "once")
    gate, answers = Gate(rt.db), Answers()
    for name in ("once", "other"):
        answers.submit(rt.db, journey, name)
    gate.open()
    assert answers.by_name["other"] == "OTHER"
    assert rt.db.look(names) == {"once", "other"}
    assert isinstance(answers.by_name["once"], IntegrityError)
    assert [entry["event"] for entry in log] == ["store.failed"]


def test_readers_cannot_write(rt: Runtime) -> None:
    def write(connection: Connection) -> None:
        connection.execute(insert(plans).values(id=1, name="x", webhooks=True, channels=""))

    with pytest.raises(Problem, match="readonly") as caught:
        rt.db.look(write)
    assert caught.value.code == "unavailable"
    assert rt.db.look(names) == set()


@pytest.mark.anyio
async def test_in_an_event_loop(rt: Runtime) -> None:
    journey = Journey()
    wanted = [f"plan {n}" for n in range(20)]
    assert await asyncio.gather(*(rt.db.write(journey, name) for name in wanted)) == [
        name.upper() for name in wanted
    ]
    assert await rt.db.read(names) == set(wanted)
    with pytest.raises(Problem, match="an answer too"):
        await rt.db.write(journey, "refused")


@pytest.mark.anyio
async def test_a_caller_that_goes_away_undoes_nothing(rt: Runtime) -> None:
    gate, journey = Gate(rt.db), Journey()
    caller = asyncio.ensure_future(rt.db.write(journey, "kept"))
    await asyncio.sleep(0)  # lets it submit; no time passes
    caller.cancel()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await rt.db.write(journey, "next")
    assert await rt.db.read(names) == {"kept", "next"}


THEIRS = "INSERT INTO plans (id, name, webhooks, channels) VALUES (100, 'theirs', 1, '')"


def test_foreign_commits_come_before_our_own(rt: Runtime) -> None:
    told: list[str] = []
    rt.db.write_now(Journey(), "ours, first")
    rt.db.on_foreign = lambda: told.append("foreign")
    rt.db.on_commit = lambda _tx: told.append("ours")
    rt.db.write_now(Journey(), "ours, second")
    assert told == ["ours"]  # our own writing is no news
    other = sqlite3.connect(str(rt.db.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute(THEIRS)
    answers = Answers()
    answers.submit(rt.db, Journey(), "ours, third")  # waits for their lock, and so begins right behind them
    other.execute("COMMIT")
    other.close()
    assert answers.by_name == {"ours, third": "OURS, THIRD"}
    assert told == ["ours", "foreign", "ours"]


def test_foreign_commits_are_heard_of_while_idle(rt: Runtime) -> None:
    rt.db.write_now(Journey(), "ours")  # the writer has begun to look
    heard = threading.Event()
    rt.db.on_foreign = heard.set
    with sqlite3.connect(str(rt.db.url.database)) as other:
        other.execute(THEIRS)
    other.close()
    assert heard.wait(10)
    assert rt.db.look(lambda connection: connection.scalar(select(func.count()).select_from(plans))) == 2
