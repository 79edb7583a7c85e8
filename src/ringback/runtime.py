"""What a process holds: its settings, database, blobs, key, clock, and the bell that wakes waiting phones."""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ringback.media.blobs import Blobs
from ringback.settings import Settings
from ringback.store.database import Database
from ringback.store.engines import database_url
from ringback.store.schema import upgrade
from ringback.wire.sealing import Sealer, new_key, parse_key

_STARTED = (time.time_ns() - time.monotonic_ns()) // 1_000_000


class Clock:
    """The time, as an argument for whoever needs it."""

    def now(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000

    def steady(self) -> int:
        """As ``now`` was when the process started, and from then on without the jumps that a corrected clock makes: for waiting."""
        return _STARTED + time.monotonic_ns() // 1_000_000


class Bell:
    """Wakes those who wait for a key, such as a device's long poll. Lives in the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: dict[object, set[asyncio.Future[None]]] = {}
        self.closed = False

    async def wait(self, key: object, seconds: float) -> None:
        """Until the key is rung, the bell is closed, or the time is over."""
        waiter = self.listen(key)
        await self.heard(key, waiter, seconds)

    def listen(self, key: object) -> asyncio.Future[None]:
        """Be heard from now on: listen first, look second, wait third, and no ring between is missed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.closed:
            future.set_result(None)
        self._waiting.setdefault(key, set()).add(future)
        return future

    async def heard(self, key: object, waiter: asyncio.Future[None], seconds: float) -> None:
        try:
            await asyncio.wait((waiter,), timeout=seconds)
        finally:
            self.unlisten(key, waiter)

    def unlisten(self, key: object, waiter: asyncio.Future[None]) -> None:
        waiters = self._waiting.get(key)
        if waiters is not None:
            waiters.discard(waiter)
            if not waiters:
                del self._waiting[key]

    def ring(self, keys: Iterable[object]) -> None:
        for key in keys:
            for waiter in self._waiting.get(key, ()):
                if not waiter.done():
                    waiter.set_result(None)

    def ring_all(self) -> None:
        self.ring(list(self._waiting))

    def close(self) -> None:
        """The server stops: everybody goes home, and nobody waits any more."""
        self.closed = True
        self.ring_all()


@dataclass(slots=True)
class Runtime:
    settings: Settings
    db: Database
    blobs: Blobs
    sealer: Sealer
    clock: Clock
    bell: Bell = field(default_factory=Bell)
    callers: dict[bytes, int] = field(default_factory=dict)  # token or key hash → account or device id
    directory_version: int = 0  # rises when tokens, keys or devices changed: what was read before is not kept

    def forget_callers(self) -> None:
        self.directory_version += 1
        self.callers.clear()


def open_runtime(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Everything opened, the schema brought up, the writer started. ValueError, OSError or RuntimeError say in words what is in
    the way.
    """
    clock = clock or Clock()
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = database_url(settings.database_url, folder)
    upgrade(url)
    db = Database(url, clock.now)
    db.start()
    return Runtime(
        settings=settings,
        db=db,
        blobs=_blobs(settings, folder),
        sealer=Sealer(_key(settings, folder / "secret.key")),
        clock=clock,
    )


def _blobs(settings: Settings, folder: Path) -> Blobs:
    try:
        return Blobs(settings.blobs_url or str(folder / "media"))
    except ValueError as exc:
        raise ValueError(f"RINGBACK_BLOBS_URL: {exc}") from exc


def _key(settings: Settings, file: Path) -> bytes:
    if settings.secret_key:
        try:
            return parse_key(settings.secret_key)
        except ValueError as exc:
            raise ValueError(f"RINGBACK_SECRET_KEY: {exc}") from exc
    try:
        # Exclusive creation: of two programs that start at once, one makes the key and both use it.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return parse_key(file.read_text())
    with os.fdopen(descriptor, "w") as stream:
        text = new_key()
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    return parse_key(text)
