"""POSTing: libcurl's multi interface on a selector. It connects to checked addresses only, and reads no more than it must.

(contracts/webhooks.md section 5, contracts/delivery.md section 5)
"""

import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pycurl

from ringback import failpoints
from ringback.domain.endpoints import Fault, Outcome
from ringback.domain.networks import Address, Location
from ringback.domain.retry import parse_retry_after

MAX_ANSWER = 16 * 1024
_IDLE_HANDLES = 256
_IDLE_CONNECTIONS = 512
_CONNECTION_AGE = 300  # seconds: after that the name is asked for again
_OUR_ERRORS = frozenset(
    {
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
    }
)
_TLS_VERSIONS = {"1.2": pycurl.SSLVERSION_TLSv1_2, "1.3": pycurl.SSLVERSION_TLSv1_3}
_FAULTS: dict[int, Fault] = {
    pycurl.E_COULDNT_RESOLVE_HOST: Fault.DNS,
    pycurl.E_COULDNT_CONNECT: Fault.CONNECT,
    pycurl.E_OPERATION_TIMEDOUT: Fault.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: Fault.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: Fault.TLS,
    pycurl.E_SSL_CERTPROBLEM: Fault.TLS,
    pycurl.E_SSL_CIPHER: Fault.TLS,
    pycurl.E_SSL_CACERT_BADFILE: Fault.TLS,
    pycurl.E_SSL_ISSUER_ERROR: Fault.TLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM texts; none: the system's authorities, no client certificate."""

    ca: str | None = None
    client_certificate: bytes | None = None
    min_version: str = "1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request. ``addresses`` are checked; it connects to one of these and to nothing else. Timeouts are ms."""

    location: Location
    addresses: Sequence[Address]
    headers: Sequence[str]
    body: bytes
    timeout: int
    connect_timeout: int
    tls: Tls = Tls()


class _Lent(socket.socket):
    """pycurl keeps a duplicate of the descriptor and drops this object, which then closes its own without a warning."""

    def __del__(self) -> None:
        if self.fileno() >= 0:
            self.close()


class Exchange:
    """A request under way: what was asked, by whom, and what came back so far."""

    __slots__ = ("answer", "at", "cut", "done", "handle", "no_socket", "post", "retry_after", "started")

    def __init__(self, post: Post, done: Callable[[Outcome], None], at: int) -> None:
        self.post = post
        self.done = done
        self.at = at
        self.started = time.monotonic_ns()
        self.handle: Any = None
        self.answer = bytearray()
        self.cut = False
        self.no_socket: OSError | None = None
        self.retry_after: str | None = None

    def header(self, line: bytes) -> None:
        if not self.answer and line.startswith(b"HTTP/"):
            failpoints.reach("after-send")
        if line[:12].lower() == b"retry-after:":
            self.retry_after = line[12:].decode("latin-1").strip()

    def write(self, data: bytes) -> int:
        room = MAX_ANSWER - len(self.answer)
        self.answer += data[:room]
        if len(data) > room:
            self.cut = True
            return -1  # enough: the connection is closed, the status counts
        return len(data)

    def open_socket(self, _purpose: int, address: Any) -> Any:
        """The last look: libcurl is about to connect to this."""
        family, kind, protocol, (host, *_) = address
        host = host.decode() if isinstance(host, bytes) else host
        # Compared as addresses: of one IPv6 address there are several texts.
        if ip_address(host.partition("%")[0]) not in self.post.addresses:
            return pycurl.SOCKET_BAD
        try:
            opened = _Lent(family, kind, protocol)
        except OSError as exc:
            self.no_socket = exc
            return pycurl.SOCKET_BAD
        opened.setblocking(False)
        return opened


class Poster:
    """Lives in one thread. ``selector`` is its owner's; its keys' ``data`` is this poster for libcurl's sockets."""

    def __init__(self, selector: selectors.BaseSelector, now: Callable[[], int]) -> None:
        self._selector = selector
        self._now = now
        self._deadline: float | None = None
        self._idle: deque[Any] = deque()
        self._finished: deque[tuple[Exchange, Outcome]] = deque()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, _IDLE_CONNECTIONS)
        self._exchanges: dict[Any, Exchange] = {}

    def _watch(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            if fd in self._selector.get_map():
                self._selector.unregister(fd)
            return
        mask = 0
        if what in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            mask |= selectors.EVENT_READ
        if what in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            mask |= selectors.EVENT_WRITE
        if not mask:
            return
        if fd in self._selector.get_map():
            self._selector.modify(fd, mask, self)
        else:
            self._selector.register(fd, mask, self)

    def _set_timer(self, milliseconds: int) -> None:
        self._deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    @property
    def deadline(self) -> float | None:
        """When ``tick`` is to be called at the latest (monotonic seconds)."""
        return self._deadline

    def start(self, exchange: Exchange) -> None:
        handle = self._idle.popleft() if self._idle else pycurl.Curl()
        exchange.handle = handle
        try:
            _prepare(handle, exchange)
            self._multi.add_handle(handle)
        except Exception:
            handle.close()
            raise
        self._exchanges[handle] = exchange

    def on_socket(self, fd: int, mask: int) -> None:
        action = (pycurl.CSELECT_IN if mask & selectors.EVENT_READ else 0) | (
            pycurl.CSELECT_OUT if mask & selectors.EVENT_WRITE else 0
        )
        self._multi.socket_action(fd, action)

    def tick(self) -> None:
        """Let libcurl's own clock run, if its time has come."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._deadline = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def finished(self) -> Iterator[tuple[Exchange, Outcome]]:
        while True:
            left, succeeded, failed = self._multi.info_read()
            for handle in succeeded:
                yield self._close(handle, None, "")
            for handle, code, text in failed:
                yield self._close(handle, code, text)
            if not left:
                return

    def _close(self, handle: Any, code: int | None, text: str) -> tuple[Exchange, Outcome]:
        exchange = self._exchanges.pop(handle)
        outcome = self._outcome(exchange, code, text)
        self._multi.remove_handle(handle)
        handle.reset()  # keeps connections and TLS sessions, forgets the endpoint's options and secrets
        if len(self._idle) < _IDLE_HANDLES:
            self._idle.append(handle)
        else:
            handle.close()
        return exchange, outcome

    def _outcome(self, exchange: Exchange, code: int | None, text: str) -> Outcome:
        duration = (time.monotonic_ns() - exchange.started) // 1_000_000
        status = exchange.handle.getinfo(pycurl.RESPONSE_CODE) or None
        hint = parse_retry_after(exchange.retry_after, self._now()) if status in (429, 503) else None
        if code is None or (exchange.cut and code == pycurl.E_WRITE_ERROR):
            return Outcome(
                at=exchange.at,
                duration=duration,
                status=status,
                answer=bytes(exchange.answer),
                error=_words_for(status),
                retry_after=hint,
            )
        return Outcome(
            at=exchange.at,
            duration=duration,
            fault=self._fault(exchange, code),
            answer=bytes(exchange.answer),
            error=str(exchange.no_socket or text or f"libcurl error {code}"),
        )

    def _fault(self, exchange: Exchange, code: int) -> Fault:
        if code == pycurl.E_COULDNT_CONNECT and (
            (exchange.no_socket is not None and exchange.no_socket.errno in _OUR_ERRORS)
            or exchange.handle.getinfo(pycurl.OS_ERRNO) in _OUR_ERRORS
        ):
            return Fault.OURS
        return _FAULTS.get(code, Fault.PROTOCOL)

    def close(self) -> None:
        """What is under way is dropped: it is pending in the database, and goes again after the next start."""
        for handle in list(self._exchanges):
            self._multi.remove_handle(handle)
            handle.close()
        self._exchanges.clear()
        for handle in self._idle:
            handle.close()
        self._multi.close()


def _prepare(handle: Any, exchange: Exchange) -> None:
    post = exchange.post
    location = post.location
    handle.setopt(pycurl.URL, location.url)
    handle.setopt(pycurl.POSTFIELDS, post.body)
    handle.setopt(pycurl.HTTPHEADER, list(post.headers))
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.FOLLOWLOCATION, 0)
    handle.setopt(pycurl.PROXY, "")  # not even from the environment
    handle.setopt(pycurl.TIMEOUT_MS, post.timeout)
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, min(post.connect_timeout, post.timeout))
    handle.setopt(pycurl.MAXLIFETIME_CONN, _CONNECTION_AGE)
    handle.setopt(pycurl.HEADERFUNCTION, exchange.header)
    handle.setopt(pycurl.WRITEFUNCTION, exchange.write)
    handle.setopt(pycurl.OPENSOCKETFUNCTION, exchange.open_socket)
    if location.address is None:
        addresses = ",".join(f"[{one}]" if one.version == 6 else str(one) for one in post.addresses)
        handle.setopt(pycurl.RESOLVE, [f"{location.host}:{location.port}:{addresses}"])
    if location.scheme == "https":
        _prepare_tls(handle, post.tls)


def _prepare_tls(handle: Any, tls: Tls) -> None:
    handle.setopt(pycurl.SSLVERSION, _TLS_VERSIONS[tls.min_version])
    if tls.ca:
        handle.setopt(pycurl.CAINFO_BLOB, tls.ca.encode())
    if tls.client_certificate:
        handle.setopt(pycurl.SSLCERTTYPE, "PEM")
        handle.setopt(pycurl.SSLKEYTYPE, "PEM")
        handle.setopt(pycurl.SSLCERT_BLOB, tls.client_certificate)
        handle.setopt(pycurl.SSLKEY_BLOB, tls.client_certificate)


def _words_for(status: int | None) -> str | None:
    if status is None or 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"answered {status}, a redirect; webhooks follow none: set the final URL"
    return f"answered {status}"
