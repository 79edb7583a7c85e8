"""One HTTP call with nothing added and nothing hidden, and all that a server's folder holds, for comparison."""

import http.client
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.serving import Server

# These change by themselves, because somebody called or because a sample was sent.
_RESTLESS = {"devices": {"last_seen_at"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    kind: str
    content: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def ask(
    server: Server,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
) -> Answer:
    """``body`` in pieces is sent in chunks, without saying beforehand how long it will be."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(
            status=answer.status,
            kind=found.get("content-type", ""),
            content=answer.read(),
            headers=found,
        )
    finally:
        connection.close()


def everything(server: Server) -> dict[str, list[Any]]:
    """All rows of all tables, and all stored pictures."""
    connection = sqlite3.connect(f"file:{server.data / 'ringback.db'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    found: dict[str, list[Any]] = {}
    try:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            rows = connection.execute(f'SELECT * FROM "{name}" ORDER BY 1')  # noqa: S608 -- our own tables' names
            restless = _RESTLESS.get(name, set())
            found[name] = [{key: row[key] for key in row.keys() if key not in restless} for row in rows]  # noqa: SIM118 -- a Row iterates over values
    finally:
        connection.close()
    media = server.data / "media"
    found["(pictures)"] = sorted(str(file) for file in media.rglob("*") if file.is_file())
    return found
