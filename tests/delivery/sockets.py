"""Small raw servers: what a connection does is a function of the test's, on a thread of its own."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

WITHIN = 15.0  # seconds: so long a test waits for what must happen


def until(true: Callable[[], object], what: str = "it") -> None:
    """Wait until it is so; it is an error if it takes too long."""
    deadline = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.005)


@dataclass(frozen=True, kw_only=True)
class Request:
    """``raw`` are the head's bytes; ``connection`` counts from 0."""

    connection: int
    raw: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.raw.partition(b"\r\n")[0].decode()

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.raw.decode().split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]

    def __getitem__(self, name: str) -> str:
        [value] = [value for key, value in self.fields if key.lower() == name.lower()]
        return value

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One that was accepted. Reading and writing raise OSError when it is closed."""

    def __init__(self, server: "RawServer", accepted: socket.socket, number: int) -> None:
        self.server = server
        self.socket = accepted
        self.number = number

    def read(self) -> Request | None:
        """The next request, noted in the server's list; None at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65_536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += self.socket.recv(65_536)
        request = Request(connection=self.number, raw=head, body=body)
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def linger(self) -> None:
        """Until the other side has gone, whatever it says before."""
        while self.socket.recv(65_536):
            pass

    def drip(self, data: bytes, pieces: Iterable[int] = range(1_000_000)) -> None:
        """The data again and again, a little later each time, until the server is closed or the other side goes."""
        for _ in pieces:
            if self.server.closing.wait(0.02):
                return
            self.send(data)


Behaviour = Callable[[Connection], None]


def answer(status: int = 200, body: bytes = b"ok", *headers: str) -> bytes:
    """The bytes of a whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(*answers: bytes) -> Behaviour:
    """One after the other, the last one for ever; connections are kept."""
    lock = threading.Lock()
    left = list(answers)

    def behave(connection: Connection) -> None:
        while connection.read() is not None:
            with lock:
                said = left[0] if len(left) == 1 else left.pop(0)
            connection.send(said)

    return behave


def saying(data: bytes) -> Behaviour:
    """Reads one request, says this, closes."""

    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(data)

    return behave


class RawServer:
    """Listens as soon as it is made. With ``tls`` the handshake is made first; ``failures`` are those that failed."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.behaviour = behaviour
        self.host = host
        self.tls = tls
        self.requests: list[Request] = []
        self.failures: list[str] = []
        self.accepted = 0
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="raw-accept")
        self._accepting.start()

    def url(self, path: str = "/hook", *, host: str | None = None) -> str:
        shown = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}{path}"

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(accepted, self.accepted), name="raw")
            self.accepted += 1
            self._open.add(accepted)
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket, number: int) -> None:
        secured = accepted
        try:
            if self.tls is not None:
                try:
                    secured = self.tls.wrap_socket(accepted, server_side=True)
                except OSError as exc:
                    self.failures.append(str(exc))
                    return
                self._open.add(secured)
            self.behaviour(Connection(self, secured, number))
        except OSError:
            pass  # the other side has gone, or the test is over
        finally:
            for one in (secured, accepted):
                self._open.discard(one)
                one.close()

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WITHIN)
            assert not thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
