"""The server under test: the installed program, one process at a time, on one folder and one port."""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("ringback"))
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def free_port() -> int:
    """The server's for the whole run, so that clients come back to where they were."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _die_with_parent() -> None:
    """In the child: a harness that is killed leaves no server behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    def __init__(self, data: Path, port: int, **settings: str) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RINGBACK_", "PYTHONDONT"))
        }
        self._environment = {
            **inherited,
            "RINGBACK_ALLOW_WEBHOOKS_TO": "loopback",
            "RINGBACK_LOG_LEVEL": "error",
            "RINGBACK_LOG_FORMAT": "json",
            **{f"RINGBACK_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, failpoint: str = "") -> None:
        with self.log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                PROGRAM,
                *("serve", "--port", str(self._port), "--data", str(self.data)),
                env={**self._environment, "RINGBACK_FAILPOINT": failpoint},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def died(self, within: float) -> bool:
        """Whether it has ended by itself in so many seconds."""
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), within)
            except TimeoutError:
                return False
        return True

    async def end(self, number: signal.Signals) -> int:
        """Its exit code; a process that has died already keeps its own."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()

    async def cli(self, *arguments: str) -> Any:
        """What ``ringback ARGUMENTS --json`` answers on this folder."""
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *(*arguments, "--data", str(self.data), "--json"),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )
        answer, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"ringback {' '.join(arguments)}: {errors.decode()}")
        return json.loads(answer)
