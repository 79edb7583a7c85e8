"""Each hot statement, as the code executes it, finds its rows by the index that was made for it.

SQLite silently reads a whole table where it cannot use a partial index (a bound parameter in the predicate is enough),
and only a large database shows it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ringback.domain.channels import Channel
from ringback.store import deliveries, messages
from ringback.store.engines import database_url, open_engine
from ringback.store.schema import upgrade
from ringback.store.transaction import Tx

KEYS = {(device, f"id:{n}") for device in range(3) for n in range(100)}


@dataclass
class Watched:
    """A transaction, and the plan of each statement that is executed in it."""

    tx: Tx
    statements: list[tuple[str, Any]]

    def plans(self, run: Callable[[Tx], object]) -> list[list[str]]:
        self.statements.clear()
        run(self.tx)
        return [self._plan(*executed) for executed in list(self.statements)]

    def _plan(self, statement: str, parameters: Any) -> list[str]:
        rows = self.tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        return [str(row.detail) for row in rows]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    url = database_url("", tmp_path)
    upgrade(url)
    engine = open_engine(url)
    statements: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def remember(*executed: Any) -> None:
        _connection, _cursor, statement, parameters, _context, _many = executed
        statements.append((statement, parameters))

    with engine.connect() as connection, connection.begin():
        yield Watched(Tx(connection, 1_000_000), statements)


@pytest.mark.parametrize(
    ("run", "index"),
    [
        pytest.param(lambda tx: messages.due(tx.connection, 1, tx.now, 10), "messages_due", id="due"),
        pytest.param(
            lambda tx: messages.due(tx.connection, 1, tx.now, 10, (Channel.SIM_1, Channel.WHATSAPP)),
            "messages_due",
            id="due, paced",
        ),
        pytest.param(lambda tx: messages.next_due(tx.connection, 1, tx.now), "messages_due", id="next_due"),
        pytest.param(
            lambda tx: messages.newly_due(tx.connection, 1, 2, 10), "messages_scheduled", id="newly_due"
        ),
        pytest.param(lambda tx: messages.expired(tx.connection, 1, 10), "messages_expiring", id="expired"),
        pytest.param(lambda tx: messages.silent(tx.connection, 1, 10), "messages_taken", id="silent"),
        pytest.param(
            lambda tx: messages.told_by_phone(tx.connection, {(1, "id:1")}),
            "messages_phone_id (device_id=? AND phone_id=?)",
            id="told_by_phone, one",
        ),
        pytest.param(
            lambda tx: messages.told_by_phone(tx.connection, KEYS),
            "messages_phone_id (device_id=? AND phone_id=?)",
            id="told_by_phone, many",
        ),
        pytest.param(
            lambda tx: messages.submitted(tx.connection, KEYS),
            "messages_idempotency_key (account_id=? AND idempotency_key=?)",
            id="submitted",
        ),
        pytest.param(lambda tx: deliveries.pending(tx.connection, 1, 10), "deliveries_pending", id="pending"),
        pytest.param(
            lambda tx: deliveries.endpoints_with_pending(tx.connection),
            "deliveries_pending",
            id="endpoints_with_pending",
        ),
        pytest.param(
            lambda tx: deliveries.held_lanes(tx.connection, range(100)), "deliveries_held", id="held_lanes"
        ),
        pytest.param(lambda tx: deliveries.still_held(tx.connection, 1), "deliveries_held", id="still_held"),
        pytest.param(lambda tx: deliveries.unblock(tx, 1, 1), "deliveries_held", id="unblock"),
        pytest.param(lambda tx: deliveries.block_behind(tx, 1, 1, 1), "deliveries_event", id="block"),
        pytest.param(
            lambda tx: deliveries.release_waiting(tx, 10), "deliveries_waiting", id="release_waiting"
        ),
        pytest.param(lambda tx: deliveries.park_older(tx, 1, 1, 10), "deliveries_pending", id="park_older"),
        pytest.param(lambda tx: deliveries.backlog(tx.connection, 1), "deliveries_pending", id="backlog"),
        pytest.param(
            lambda tx: deliveries.oldest_pending(tx.connection, 1), "deliveries_pending", id="oldest_pending"
        ),
    ],
)
def test_plan(watched: Watched, run: Callable[[Tx], object], index: str) -> None:
    [steps] = watched.plans(run)
    traffic = [step for step in steps if "messages" in step or "deliveries" in step or "events" in step]
    assert any(index in step for step in traffic), steps
    # "SCAN … USING INDEX" reads a whole index, which is no better than a table.
    assert all(step.startswith("SEARCH ") for step in traffic), steps
    assert not any(step.startswith("USE TEMP B-TREE") for step in steps if "DISTINCT" not in step), steps


def test_long_lists_stay_within_what_sqlite_takes(watched: Watched) -> None:
    """Many long lists in one commit: SQLite's own bound is 32,766 parameters, which some builds raise."""
    connection: Any = watched.tx.connection.connection.driver_connection
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
    keys = {(1, f"id:{n}") for n in range(20_000)}
    assert messages.told_by_phone(watched.tx.connection, keys) == {}
    assert messages.submitted(watched.tx.connection, keys) == {}
    assert messages.by_ids(watched.tx.connection, range(40_000)) == {}
    watched.statements.clear()
    assert messages.told_by_phone(watched.tx.connection, ()) == {}
    assert messages.submitted(watched.tx.connection, ()) == {}
    assert messages.by_ids(watched.tx.connection, ()) == {}
    assert watched.statements == []


def test_a_recovered_endpoint_reads_only_what_waits(watched: Watched) -> None:
    """Refused events are few: all of them are read, through their own index, and never the table."""
    [steps] = watched.plans(lambda tx: deliveries.release_waiting_of(tx, 1))
    assert steps == ["SCAN deliveries USING INDEX deliveries_waiting"]


def test_writing_states_goes_by_row(watched: Watched) -> None:
    names = ("state", "attempts", "tries", "retry_at", "done_at")
    row = {"delivery_id": 1, **{f"new_{name}": 1 for name in names}}
    [[step]] = watched.plans(lambda tx: deliveries.settle(tx, [row]))
    assert step == "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"
    columns = ("status_id", "seen", "sequence", "changed_at", "sent_at", "reason")
    row = {"message_id": 1, **{f"new_{name}": 1 for name in columns}}
    [[step]] = watched.plans(lambda tx: messages.move(tx, [row]))
    assert step == "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"
