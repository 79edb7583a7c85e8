"""The store's way in: one writer with group commit, readers beside it.

Writing is done by *journeys*, functions ``(tx, units) -> results``: what several callers ask for at the same time becomes
one call and one commit (one fsync), and each caller gets its own result or Problem. Everything that a caller is told
is on disk by then. A unit is one caller's request; it is accepted or refused as a whole.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import structlog
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from ringback import failpoints
from ringback.domain.problems import Problem
from ringback.store.engines import BUSY_TIMEOUT, foreign_changes, open_engine
from ringback.store.transaction import Tx

T = TypeVar("T")
Journey = Callable[[Tx, Sequence[Any]], Sequence[Any]]

MAX_BATCH = 256  # beyond it a commit's cost per unit hardly falls, and its wait grows
FOREIGN_POLL = 0.1  # seconds: how soon the server sees what the command line has written
_READERS = 4

log = structlog.get_logger()


class _Job:
    __slots__ = ("done", "journey", "unit")

    def __init__(self, journey: Journey, unit: object, done: Callable[[object], None]) -> None:
        self.journey = journey
        self.unit = unit
        self.done = done


class Database:
    """``now`` gives milliseconds. ``on_commit`` is called in the writer's thread after each commit that changed
    something, before its callers are answered; ``on_foreign`` when another process has written.
    """

    def __init__(self, url: URL, now: Callable[[], int], *, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self.url = url
        self._busy_timeout = busy_timeout
        self.on_commit: Callable[[Tx], None] = lambda _tx: None
        self.on_foreign: Callable[[], None] = lambda: None
        self._now = now
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="writer", daemon=True)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._reading = open_engine(url, reading=True, busy_timeout=busy_timeout)
        self._local = threading.local()
        self._seen = 0
        self._last_ids: dict[str, int] = {}  # true while nobody else writes and nothing is rolled back
        self._answers: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], object]]] = {}

    def start(self) -> None:
        self._writer.start()

    def stop(self) -> None:
        """Finish what was submitted, then close."""
        if self._writer.is_alive():
            self._jobs.put(None)
            self._writer.join()
        self._readers.shutdown()
        self._reading.dispose()

    # -- reading

    async def read(self, look: Callable[..., T], *args: Any) -> T:
        """``look(connection, *args)`` in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.look, look, *args)

    def look(self, look: Callable[..., T], *args: Any) -> T:
        """``look(connection, *args)`` here and now, in a transaction of its own that changes nothing."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._reading.connect()
        try:
            with connection.begin():
                return look(connection, *args)
        except DBAPIError as exc:
            raise _translated(exc) from exc

    # -- writing

    def submit(self, journey: Journey, unit: object, done: Callable[[object], None]) -> None:
        """Have ``journey`` write ``unit``; ``done`` gets its result, or an exception, in the writer's thread."""
        self._jobs.put(_Job(journey, unit, done))

    async def write(self, journey: Journey, unit: object) -> Any:
        """What ``journey`` made of ``unit``, once it is on disk; raises what it refused it with."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self.submit(journey, unit, lambda result: self._answers.setdefault(loop, []).append((future, result)))
        return await future

    def write_now(self, journey: Journey, unit: object) -> Any:
        """As ``write``, for programs without an event loop."""
        future: Future[Any] = Future()
        self.submit(journey, unit, lambda result: _settle(future, result))
        return future.result()

    # -- the writer's thread

    def _write(self) -> None:
        engine = open_engine(self.url, busy_timeout=self._busy_timeout)
        with engine.connect() as connection:
            self._seen = foreign_changes(connection)
            stopping = False
            while not stopping:
                batch: list[_Job] = []
                try:
                    job = self._jobs.get(timeout=FOREIGN_POLL)
                    while job is not None:
                        batch.append(job)
                        if len(batch) == MAX_BATCH:
                            break
                        job = self._jobs.get_nowait()
                    stopping = job is None
                except queue.Empty:
                    pass
                if batch:
                    self._commit(connection, batch)
                    self._answer()
                else:
                    # What fails here is met by the next commit, which says so to its callers.
                    with contextlib.suppress(sqlite3.Error):
                        self._look_for_foreign(connection)
        engine.dispose()

    def _commit(self, connection: Connection, batch: Sequence[_Job]) -> None:
        journeys: dict[Journey, list[_Job]] = {}
        for job in batch:
            journeys.setdefault(job.journey, []).append(job)
        try:
            with connection.begin():
                # Before anything of ours is handed over: what another process wrote comes before it.
                self._look_for_foreign(connection)
                tx = Tx(connection, self._now(), self._last_ids)
                results = [journey(tx, [job.unit for job in jobs]) for journey, jobs in journeys.items()]
                failpoints.reach("before-commit")
            failpoints.reach("after-commit")
        except Exception as exc:  # noqa: BLE001 -- whatever it is, each caller learns of it
            self._failed(connection, batch, exc)
            return
        try:
            self.on_commit(tx)
        except Exception as exc:
            log.exception("store.hand_over_failed", error=str(exc))
        for jobs, outcomes in zip(journeys.values(), results, strict=True):
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.done(outcome)

    def _look_for_foreign(self, connection: Connection) -> None:
        if (changes := foreign_changes(connection)) != self._seen:
            self._seen = changes
            self._last_ids.clear()
            self.on_foreign()

    def _failed(self, connection: Connection, batch: Sequence[_Job], exc: Exception) -> None:
        """Nothing of the batch was written. The disk's trouble is everybody's; else the one who causes it fails alone."""
        self._last_ids.clear()
        if isinstance(exc, DBAPIError) and isinstance(exc.orig, sqlite3.OperationalError):
            log.error("store.refused", error=str(exc.orig))
            for job in batch:
                job.done(_translated(exc))
        elif len(batch) == 1:
            if not isinstance(exc, Problem):
                log.error("store.failed", exc_info=exc)
            batch[0].done(exc)
        else:
            for job in batch:
                self._commit(connection, [job])

    def _answer(self) -> None:
        answers, self._answers = self._answers, {}
        for loop, results in answers.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle_all, results)


def _settle(future: "Future[Any] | asyncio.Future[Any]", result: object) -> None:
    if future.done():  # its caller has gone away; what was written stays written
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)


def _settle_all(results: list[tuple[asyncio.Future[Any], object]]) -> None:
    for future, result in results:
        _settle(future, result)


def _translated(exc: DBAPIError) -> Problem:
    problem = Problem(
        "unavailable",
        f"The database cannot be used at the moment ({exc.orig}). Nothing was changed; try again.",
        retry_after=5,
    )
    problem.__cause__ = exc
    return problem
