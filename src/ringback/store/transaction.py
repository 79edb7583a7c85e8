"""A transaction under way, and what is to happen once it is committed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Table, func, select

from ringback.domain.deliveries import Delivery

Row = Mapping[Any, Any]  # of the driver too, whose keys are typed looser


U = TypeVar("U")
R = TypeVar("R")


# SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535. A power of two, as lists of pairs are filled up to one.
_CHUNK = 8_192


def chunks(values: Collection[U]) -> Iterator[list[U]]:
    """As many at a time as one statement takes as parameters."""
    listed = list(values)
    for start in range(0, len(listed), _CHUNK):
        yield listed[start : start + _CHUNK]


class Tx:
    """``now`` (ms) is the one moment of everything that is written in it.

    The journeys leave here what the commit makes true: deliveries to hand over, devices that have something due.
    Nothing of it is looked at unless the commit succeeds.
    """

    __slots__ = (
        "_last_ids",
        "accounts",
        "connection",
        "deliveries",
        "devices",
        "directory_changed",
        "endpoints",
        "now",
    )

    def __init__(self, connection: Connection, now: int, last_ids: dict[str, int] | None = None) -> None:
        """``last_ids``: by table, as far as the writer knows them from its transactions before."""
        self.connection = connection
        self.now = now
        self._last_ids = {} if last_ids is None else last_ids
        self.deliveries: list[Delivery] = []
        self.devices: set[int] = set()
        self.endpoints: set[int] = set()
        self.accounts: set[int] = set()
        self.directory_changed = False

    def run(self, statement: Executable, rows: Sequence[Row] | None = None) -> CursorResult[Any]:
        """Execute one statement, for each of ``rows`` where given; with no rows at all nothing runs."""
        if rows is None:
            return self.connection.execute(statement)
        return self.connection.execute(statement, list(rows))

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            self.connection.execute(table.insert(), list(rows))

    def ids(self, table: Table, count: int) -> range:
        """That many new ids in the order of commit. They are given out here, not by the database, because rows of several
        tables that refer to each other are written by one statement a table.
        """
        if not count:
            return range(0)
        last = self._last_ids.get(table.name)
        if last is None:
            last = self.connection.scalar(select(func.coalesce(func.max(table.c.id), 0))) or 0
        self._last_ids[table.name] = last + count
        return range(last + 1, last + 1 + count)

    def hand_over(self, deliveries: Iterable[Delivery]) -> None:
        """Give these to the delivery engine when they are committed."""
        self.deliveries.extend(deliveries)

    def ring(self, device_id: int) -> None:
        """Wake that device's long poll when this is committed: something is due."""
        self.devices.add(device_id)

    def ring_account(self, account_id: int) -> None:
        """Wake who waits for the account's events."""
        self.accounts.add(account_id)

    def ring_endpoint(self, endpoint_id: int) -> None:
        """Let the delivery engine read that endpoint's settings, state and backlog anew."""
        self.endpoints.add(endpoint_id)


def each(change: Callable[[Tx, U], R]) -> Callable[[Tx, Sequence[U]], list[R]]:
    """A journey of one change at a time, for what people do now and then. What it raises undoes the unit's own part only."""

    @wraps(change)
    def journey(tx: Tx, units: Sequence[U]) -> list[R]:
        return [change(tx, unit) for unit in units]

    return journey
