"""A file of JSON lines that only grows: what a crash test compares with the server afterwards."""

import asyncio
import os
from pathlib import Path
from typing import IO

import msgspec


class Ledger:
    """Opened for appending; ``append`` is durable when it returns, ``write`` is in the system's hands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] = path.open("ab")
        self._lock = asyncio.Lock()
        self._waiting: list[bytes] = []

    def write(self, record: object) -> None:
        """One line, flushed, not fsynced: survives the end of the program, not that of the machine."""
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._file.flush()

    async def append(self, *records: object) -> None:
        """Lines on the disk when this returns. Callers at the same time share one fsync."""
        self._waiting += [msgspec.json.encode(record) + b"\n" for record in records]
        async with self._lock:
            if self._waiting:  # else the one before in the lock took these lines along
                lines, self._waiting = self._waiting, []
                await asyncio.to_thread(self._sync, lines)

    def close(self) -> None:
        self._file.close()

    def _sync(self, lines: list[bytes]) -> None:
        self._file.writelines(lines)
        self._file.flush()
        os.fsync(self._file.fileno())
