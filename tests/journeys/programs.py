"""The two installed programs as a user starts them, and what they say."""

import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.journeys.stage import PATIENCE
from tests.serving import BIN


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Program:
    """``name ARGUMENTS --json`` as a process; ``said`` are its lines so far."""

    def __init__(self, name: str, *arguments: object) -> None:
        self._command = [str(BIN / name), *map(str, arguments), "--json"]
        self.said: list[dict[str, Any]] = []
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONDONT")}
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.kill()
        self._reader.join(PATIENCE)
        self._process.communicate()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def hears(self, fits: Callable[[dict[str, Any]], bool], within: float = 30) -> dict[str, Any]:
        """The first line, said already or still to come, that fits."""
        for line in self.said:
            if fits(line):
                return line
        deadline = time.monotonic() + within
        while True:
            line_or_end = self._lines.get(timeout=max(0.001, deadline - time.monotonic()))
            assert line_or_end is not None, f"it ended, after {self.said}"
            self.said.append(line_or_end)
            if fits(line_or_end):
                return line_or_end

    def ends(self, within: float = 30) -> int:
        """Waits until it ends by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(within)
        self._reader.join(PATIENCE)
        while not self._lines.empty():
            if (line := self._lines.get()) is not None:
                self.said.append(line)
        return code

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.ends()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.said if line["event"] == name]
