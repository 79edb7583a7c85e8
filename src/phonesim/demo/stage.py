"""The demo's programs: the real ones, each a process of its own in a folder that goes away with it."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
_GRACE = 10


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = str(folder / "data")
        self._running: list[asyncio.subprocess.Process] = []
        # The demo's webhooks go to this machine, which is closed to them unless opened.
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")},
            "RINGBACK_ALLOW_WEBHOOKS_TO": "loopback",
            "RINGBACK_LOG_LEVEL": "warning",
        }

    async def cli(self, *arguments: str) -> Any:
        """What ``ringback ARGUMENTS --json`` answers."""
        process = await asyncio.create_subprocess_exec(
            str(BIN / "ringback"),
            *arguments,
            "--data",
            self._data,
            "--json",
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        answer, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"ringback {' '.join(arguments[:2])}: {errors.decode().strip()}")
        return json.loads(answer)

    async def start(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        """A program that runs until the stage is cleared; its output is to be read, its errors go to a file."""
        with (self.folder / f"{program}.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                str(BIN / program),
                *arguments,
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=2**20,
            )
        self._running.append(process)
        return process

    async def serve(self) -> str:
        """Start Ringback and return its address."""
        process = await self.start("ringback", "serve", "--port", "0", "--data", self._data)
        async for line in _lines(process):
            if line.startswith("Ringback is at "):
                return line.split()[3]
        raise RuntimeError(f"Ringback did not start: {(self.folder / 'ringback.log').read_text()}")

    async def receive(self, port: int, secrets: list[str]) -> AsyncIterator[dict[str, Any]]:
        """Start the receiver; the first thing it gives is that it listens, then each webhook."""
        options = [option for secret in secrets for option in ("--secret", secret)]
        process = await self.start("ringback-receiver", "--port", str(port), "--json", *options)
        async for line in _lines(process):
            yield json.loads(line)

    async def clear(self) -> None:
        """End what was started, the last one first."""
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self._running:
            try:
                await asyncio.wait_for(process.wait(), _GRACE)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    if process.stdout is None:
        raise RuntimeError("the program was started without a pipe")
    async for line in process.stdout:
        yield line.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
