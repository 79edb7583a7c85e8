"""``ringback serve`` as the tests start it, with a stopwatch and an eye on what the kernel counts for it."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.serving import BIN, Server

from bench import Broken

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY = 0.002  # seconds; the tests' own 20 ms would be a visible part of a start
_PATIENCE = 120.0
_HEALTH = b"GET /health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


class Ringback(Server):
    """``ready`` is how many seconds passed from exec to the first 200 on /health."""

    ready = 0.0

    def start(self) -> Self:
        command = [str(BIN / "ringback"), "serve", "--port", str(self.port), "--data", str(self.data)]
        with self.log.open("a") as log:
            began = time.monotonic()
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        greeting = self._process.stdout.readline() if self._process.stdout else ""
        if not greeting.startswith("Ringback is at "):
            raise Broken(f"the server did not start: {self.log.read_text()[-2000:]}")
        self.url = greeting.split()[3]
        self.port = int(self.url.rpartition(":")[2])
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() - began > _PATIENCE:
                raise Broken(f"the server did not become healthy: {self.log.read_text()[-2000:]}")
            time.sleep(_LOOK_EVERY)
        self.ready = time.monotonic() - began
        return self

    def _is_healthy(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 5) as connection,
        ):
            connection.sendall(_HEALTH)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
        return False

    def cpu(self) -> float:
        """Seconds of processor time so far, all threads, to a hundredth."""
        return cpu_seconds(self.pid)

    def resident(self) -> float:
        """MB of memory in use."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def written(self) -> int:
        """Bytes that it caused to be written to disk so far, its log included."""
        for line in Path(f"/proc/{self.pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        return 0


def cpu_seconds(pid: int) -> float:
    # The program's name may hold spaces; after its closing bracket the fields are numbers.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
