"""Where a scenario is played: a folder on the disk that is measured, an account with two phones, a receiver, servers."""

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.receiver import Receiver
from bench.server import Ringback

ACCOUNT = "bench@example.com"


@dataclass(frozen=True, slots=True)
class Phone:
    device_id: int
    key: str


class Stand:
    """``phone`` tells its incoming texts and only what was delivered to ``receiver``; ``patient`` tells every status to an
    endpoint that is ``down`` until somebody opens it.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="stand-", dir=parent))
        self.receiver = Receiver()
        self.down = Receiver()
        self.token = ""
        self.phone = Phone(0, "")
        self.patient = Phone(0, "")
        self._template = Ringback(self.folder / "template")
        self._names = itertools.count(1)

    async def __aenter__(self) -> Self:
        try:
            await self.receiver.open()
            await asyncio.to_thread(self._furnish)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.receiver.close()
        self.down.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _furnish(self) -> None:
        """By the command line, as a user would; two at a time, for each command takes a second."""
        self.token = self._template.cli("account", "add", ACCOUNT)["token"]
        with ThreadPoolExecutor(2) as both:
            made = both.map(self._add_phone, ("Phone", "Patient"))
            self.phone, self.patient = (Phone(one["device_id"], one["device_key"]) for one in made)
            list(both.map(self._set_phone, (self.phone, self.patient)))

    def _add_phone(self, title: str) -> Any:
        return self._template.cli("device", "add", "--account", ACCOUNT, "--title", title)

    def _set_phone(self, phone: Phone) -> None:
        url = self.receiver.url
        settings = ["--status-webhook", f"{self.down.url}/status", "--fires", "all"]
        if phone == self.phone:
            settings = ["--status-webhook", f"{url}/status", "--fires", "7"]
            settings += ["--incoming-webhook", f"0={url}/incoming"]
        self._template.cli("device", "set", str(phone.device_id), *settings)

    def copy(self) -> Path:
        """A data folder with the account and its phones, and nothing else in it."""
        target = self.empty()
        shutil.copytree(self._template.data, target)
        return target

    def empty(self) -> Path:
        return self.folder / f"data-{next(self._names)}"

    def database(self, data: Path) -> Path:
        return data / "ringback.db"

    @contextlib.asynccontextmanager
    async def serving(self, data: Path, *, kill: bool = False) -> AsyncIterator[Ringback]:
        """A server on that folder. ``kill`` it where it would wait for an endpoint that never answers."""
        server = Ringback(data)
        try:
            # In a thread: it delivers as soon as it is there, and the receiver lives in this one.
            await asyncio.to_thread(server.start)
            yield server
        except BaseException:
            await asyncio.to_thread(server.kill)
            raise
        await asyncio.to_thread(server.kill if kill else server.stop)

    def discard(self, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)

    def sync_time(self, times: int = 50) -> list[float]:
        """Milliseconds that this disk takes to make 4 KiB durable: below it no acknowledgement can be."""
        path = self.folder / "sync"
        spans = []
        with path.open("wb", buffering=0) as file:
            for _ in range(times):
                began = time.perf_counter()
                file.write(bytes(4096))
                os.fdatasync(file.fileno())
                spans.append((time.perf_counter() - began) * 1000)
        path.unlink()
        return spans
