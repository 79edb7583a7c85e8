"""A locked, full or read-only database refuses new work before anything is half written, and works again after."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest
from sqlalchemy import Connection, select

from ringback.domain.problems import Problem
from ringback.store.database import Database
from ringback.store.engines import database_url
from ringback.store.schema import upgrade
from ringback.store.tables import accounts, plans
from ringback.store.transaction import Tx


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    url = database_url("", tmp_path)
    upgrade(url)
    database = Database(url, lambda: 1_000, busy_timeout=0.05)
    database.start()
    yield database
    database.stop()


def pragma(db: Database, text: str) -> object:
    """Run on the writer's own connection, whether or not it can begin a transaction."""

    def journey(tx: Tx, units: Sequence[object]) -> list[object]:
        return [tx.connection.connection.driver_connection for _ in units]

    if db not in WRITERS:
        WRITERS[db] = db.write_now(journey, None)
    row = WRITERS[db].execute(f"PRAGMA {text}").fetchone()
    return row and row[0]


WRITERS: WeakKeyDictionary[Database, sqlite3.Connection] = WeakKeyDictionary()


def write(tx: Tx, units: Sequence[tuple[str, int]]) -> list[int]:
    """A plan and an account of a given size for each."""
    written = []
    for name, size in units:
        [plan_id] = tx.ids(plans, 1)
        tx.insert(plans, [{"id": plan_id, "name": name, "webhooks": True, "channels": ""}])
        [account_id] = tx.ids(accounts, 1)
        row = {"email": f"{name}@example.org", "plan_id": plan_id, "password_hash": "x" * size}
        rest = {"time_zone": "UTC", "language": "en", "datetime_format": "plain", "created_at": tx.now}
        tx.insert(accounts, [{"id": account_id, **row, **rest}])
        written.append(account_id)
    return written


def names(connection: Connection) -> tuple[list[str], list[str]]:
    found = connection.scalars(select(plans.c.name).order_by(plans.c.id))
    mails = connection.scalars(select(accounts.c.email).order_by(accounts.c.id))
    return list(found), list(mails)


def refused(db: Database, name: str, size: int = 10) -> Problem:
    with pytest.raises(Problem) as caught:
        db.write_now(write, (name, size))
    assert (caught.value.code, caught.value.retry_after) == ("unavailable", 5)
    return caught.value


def works_again(db: Database) -> None:
    db.write_now(write, ("after", 10))
    assert db.look(names) == (["before", "after"], ["before@example.org", "after@example.org"])


def test_locked(db: Database) -> None:
    db.write_now(write, ("before", 10))
    other = sqlite3.connect(str(db.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in refused(db, "meanwhile").detail
    assert db.look(names) == (["before"], ["before@example.org"])  # readers go on
    other.execute("ROLLBACK")
    other.close()
    works_again(db)


def test_full(db: Database) -> None:
    db.write_now(write, ("before", 10))
    pages = pragma(db, "page_count")
    pragma(db, f"max_page_count={pages}")
    assert "full" in refused(db, "meanwhile", 1_000_000).detail
    assert db.look(names) == (["before"], ["before@example.org"])
    pragma(db, "max_page_count=1073741823")
    works_again(db)


def test_read_only(db: Database) -> None:
    db.write_now(write, ("before", 10))
    # Not chmod: tests may run as root, whom no mode keeps out.
    pragma(db, "query_only=1")
    assert "readonly" in refused(db, "meanwhile").detail
    pragma(db, "query_only=0")
    works_again(db)


def test_all_of_a_batch_learn_of_the_disks_trouble(db: Database) -> None:
    db.write_now(write, ("before", 10))
    pragma(db, "query_only=1")
    answers: list[object] = []
    for n in range(5):
        db.submit(write, (f"meanwhile {n}", 10), answers.append)
    refused(db, "last")
    pragma(db, "query_only=0")
    assert len(answers) == 5
    assert all(isinstance(answer, Problem) and answer.code == "unavailable" for answer in answers)
    works_again(db)


def test_gone_for_readers(db: Database) -> None:
    with pytest.raises(Problem) as caught:
        db.look(lambda connection: connection.exec_driver_sql("SELECT * FROM nothing"))
    assert (caught.value.code, caught.value.retry_after) == ("unavailable", 5)
    assert db.look(names) == ([], [])
