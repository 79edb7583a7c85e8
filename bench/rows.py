"""Sets up what would take hours to happen: a backlog, dead endpoints. Written into the file of a stopped server.

In SQL, and not through the program: a million rows of three tables in seconds. The columns are those of store/tables.py;
what is missing here has a default there.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_ENDPOINT = """
INSERT INTO endpoints (id, account_id, url, secret, created_at)
SELECT (SELECT max(id) + 1 FROM endpoints), account_id, :url, secret, created_at FROM endpoints WHERE id = 1
"""  # the sealed secret of the first one opens as this one's too: it is sealed for its column

_COUNT = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
# One incoming text for each event, as it would have come.
_MESSAGES = f"""
{_COUNT} INSERT INTO messages
    (id, account_id, device_id, channel_id, status_id, address, body, created_at, changed_at, sequence, date, date_sent, phone_id)
SELECT :messages + i, 1, 1, 0, 5, '+4915112345678', 'Your code is ' || i, :now, :now, 1, :now, :now,
    'id:backlog-' || (:messages + i)
FROM n
"""  # noqa: S608 -- constants
_EVENTS = f"""
{_COUNT} INSERT INTO events (id, nonce, account_id, device_id, message_id, sequence, kind, created_at, body)
SELECT :events + i, printf('%016x', i), 1, 1, :messages + i, 1, 'message.incoming', :now, CAST(
    '{{"address":"+4915112345678","date":"2026-11-23 18:57:33","date_sent":"2026-11-23 18:57:33","body":"Your code is ' || i
    || '","internal_id":1,"channel_id":0,"sms_id":' || (:messages + i)
    || ',"device_id":1,"device_name":"Phone","type":"text"}}' AS BLOB)
FROM n
"""  # noqa: S608 -- constants
_DELIVERIES = f"""
{_COUNT} INSERT INTO deliveries (id, event_id, endpoint_id, lane, state, created_at)
SELECT :deliveries + i, :events + i, :endpoints + 1 + i % :targets, :messages + i, 0, :now
FROM n
"""  # noqa: S608 -- constants


@contextlib.contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Its own transaction, undone by an exception."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        yield connection


def add_backlog(database: Path, urls: Sequence[str], count: int) -> None:
    """``count`` undelivered events, in turn for new endpoints at these URLs."""
    with opened(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # a crash of this machine would end the bench anyway
        connection.execute("BEGIN")
        last = {
            table: connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608 -- constants
            for table in ("endpoints", "messages", "events", "deliveries")
        }
        connection.executemany(_ENDPOINT, [{"url": url} for url in urls])
        values = {**last, "count": count, "targets": len(urls), "now": round(time.time() * 1000)}
        for statement in (_MESSAGES, _EVENTS, _DELIVERIES):
            connection.execute(statement, values)


def rearm(database: Path) -> None:
    """Forget what an earlier run has found out about endpoints, so that the next one begins alike."""
    with opened(database) as connection:
        connection.execute(
            "UPDATE endpoints SET state = 'healthy', failures = 0, unhealthy_since = NULL, note = NULL"
        )


def failing_endpoints(database: Path) -> int:
    """How many the server has found to be down."""
    with opened(database) as connection:
        return int(connection.execute("SELECT count(*) FROM endpoints WHERE failures > 0").fetchone()[0])


def failed_probes(database: Path, device_id: int) -> int:
    """Of the endpoint that a device's statuses go to."""
    with opened(database) as connection:
        row = connection.execute(
            "SELECT failures FROM endpoints JOIN devices ON endpoints.id = status_endpoint_id WHERE devices.id = ?",
            (device_id,),
        ).fetchone()
    return int(row[0])


def commits(database: Path) -> int:
    """At least so many: the different moments that are written in events and deliveries, for a commit has only one. Two within a
    millisecond count as one.
    """
    with opened(database) as connection:
        row = connection.execute(
            "SELECT count(*) FROM (SELECT created_at FROM events UNION SELECT done_at FROM deliveries WHERE done_at > 0)"
        ).fetchone()
    return int(row[0])
