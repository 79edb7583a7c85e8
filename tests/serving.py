"""A real server for tests: the installed program, its own folder, a free port; and its command line."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

BIN = Path(sys.executable).parent
START_WITHIN = 30.0


class Server:
    """``ringback serve`` as a process that the test owns: started, stopped (SIGTERM), killed, started again."""

    def __init__(self, data: Path, port: int = 0, **settings: str) -> None:
        self.data = data
        self.port = port
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("RINGBACK_", "PYTHONDONT"))
            },
            "RINGBACK_ALLOW_WEBHOOKS_TO": "loopback",
            "RINGBACK_LOG_FORMAT": "json",
            **{f"RINGBACK_{name.upper()}": value for name, value in settings.items()},
        }
        self.log = data.parent / f"{data.name}.log"
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        command = [str(BIN / "ringback"), "serve", "--port", str(self.port), "--data", str(self.data)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        greeting = self._process.stdout.readline()
        assert greeting.startswith("Ringback is at "), self.log.read_text()
        self.url = greeting.split()[3]
        self.port = int(self.url.rpartition(":")[2])
        deadline = time.monotonic() + START_WITHIN
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()  # noqa: S310 -- our own server
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                assert self._process.poll() is None, self.log.read_text()
                time.sleep(0.02)
            else:
                return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        return self._end(signal.SIGKILL)

    def wait(self, seconds: float = 30) -> int:
        """Until it ends by itself, as at a failpoint."""
        assert self._process is not None
        code = self._process.wait(seconds)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        return self.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill() if sys.exc_info()[0] else self.stop()

    def cli(self, *arguments: str) -> Any:
        """What ``ringback ARGUMENTS --json`` answers on this server's folder."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(BIN / "ringback"), *arguments, "--data", str(self.data)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        bearer: str | None = None,
        body: object = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """(status, parsed JSON or bytes, headers) of one HTTP call; refusals are answers, not errors."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method, headers=headers or {})  # noqa: S310 -- as above
        if bearer is not None:
            request.add_header("Authorization", f"Bearer {bearer}")
        if data is not None and not request.has_header("Content-type"):
            request.add_header("Content-Type", "application/json")
        try:
            answer = urllib.request.urlopen(request, timeout=90)  # noqa: S310 -- as above
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            content = answer.read()
            kind = answer.headers.get("Content-Type", "")
            return (
                answer.status,
                json.loads(content) if "json" in kind else content,
                dict(answer.headers.items()),
            )
