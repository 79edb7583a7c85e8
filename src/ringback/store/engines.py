"""Opening the databases. What SQLite needs stands here and nowhere else."""

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "9p",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.rclone",
        "glusterfs",
        "ceph",
    }
)


BUSY_TIMEOUT = 5.0  # seconds that we wait for another process's transaction


def database_url(text: str, data: Path) -> URL:
    """The setting, or the SQLite file in the data folder; ValueError for what is no such thing."""
    try:
        url = make_url(text) if text else URL.create("sqlite", database=str(data / "ringback.db"))
    except ArgumentError as exc:
        raise ValueError(
            "RINGBACK_DATABASE_URL: not a URL; name a file, such as sqlite:////var/lib/ringback/ringback.db"
        ) from exc
    if url.get_backend_name() != "sqlite":
        raise ValueError(
            f"RINGBACK_DATABASE_URL: '{url.get_backend_name()}' is not supported yet; leave it empty for SQLite"
        )
    if not url.database or url.database == ":memory:":
        raise ValueError(
            "RINGBACK_DATABASE_URL: name a file, such as sqlite:////var/lib/ringback/ringback.db"
        )
    return url


def open_engine(url: URL, *, reading: bool = False, busy_timeout: float = BUSY_TIMEOUT) -> Engine:
    """An engine without a pool: the writer thread and each reader keep the one connection they open."""
    arguments = {"check_same_thread": False, "timeout": busy_timeout}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions behind our back; we say BEGIN ourselves below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # Every commit is on disk before it is answered: the promise. (NORMAL would lose the last ones in a power cut.)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-8192")
        if reading:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a writer waits for its turn here, where nothing has been read yet, and never fails half-way.
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def foreign_changes(connection: Connection) -> int:
    """A number that changes when another process has committed, as the command line does while the server runs."""
    value = connection.connection.driver_connection.execute("PRAGMA data_version").fetchone()[0]  # type: ignore[union-attr] # set while the connection lives
    return int(value)


def refuse_network_file_system(folder: Path, mounts: str | None = None) -> None:
    """OSError where SQLite's locks cannot be trusted: two writers would destroy the file."""
    text = mounts if mounts is not None else _mounts()
    best, kind = "", ""
    for line in text.splitlines():
        fields = line.split()
        place = fields[1].replace("\\040", " ")
        if Path(place) in (folder, *folder.parents) and len(place) >= len(best):
            best, kind = place, fields[2]
    if kind in _NETWORK_FILE_SYSTEMS:
        raise OSError(
            f"{folder} is on a network file system ({kind} at {best}), where SQLite loses data: use a local folder"
            " (--data), or PostgreSQL"
        )


def _mounts() -> str:
    path = Path("/proc/self/mounts")
    return path.read_text() if path.exists() else ""


def lock(folder: Path) -> IO[str]:
    """Make this process the folder's only server for as long as the returned file stays open; OSError if there is one."""
    file = (folder / "ringback.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.seek(0)
        other = file.read().partition(" ")[0].strip()
        file.close()
        raise OSError(
            f"another ringback serve{f' (process {other})' if other else ''} works on {folder}: stop it, or use another --data folder"
        ) from exc
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def leave_address(held: IO[str], address: str) -> None:
    """Note in the lock's file where its server listens."""
    held.write(f" {address}")
    held.flush()


def address_left(folder: Path) -> str | None:
    """Where the folder's running server listens; none if no server runs."""
    try:
        with (folder / "ringback.lock").open("r+") as file:
            noted = file.read().split()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return noted[1] if len(noted) > 1 else None
    except OSError:
        return None
    return None


def quick_check(connection: Connection) -> str | None:
    """What SQLite finds wrong with its file; none if it is sound. Reads all of it."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    return None if found == "ok" else str(found)
