"""The poster and the resolver against real sockets that answer as badly as sockets can."""

import os
import resource
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from tests.delivery.sockets import (
    WITHIN,
    Behaviour,
    Connection,
    RawServer,
    answer,
    answering,
    free_port,
    saying,
    until,
)

from ringback.delivery import poster as poster_module
from ringback.delivery import resolver as resolver_module
from ringback.delivery.poster import MAX_ANSWER, Exchange, Post, Poster, Tls
from ringback.delivery.resolver import Resolver
from ringback.domain.deliveries import Delivery
from ringback.domain.endpoints import Fault, Outcome
from ringback.domain.networks import parse_url
from ringback.domain.times import HOUR, MINUTE, SECOND
from ringback.wire.request import USER_AGENT, headers

NOW = 1_795_456_653_000  # 2026-11-23T17:57:33Z
LOOPBACK = ("127.0.0.1",)
BODY = '{"text":"héllo 😀"}'.encode()
NAME = "hooks.example.test"


class Driver:
    """A poster and the loop that turns it."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.poster = Poster(self.selector, lambda: NOW)

    def close(self) -> None:
        self.poster.close()
        assert not list(self.selector.get_map()), "sockets are left in the selector"
        self.selector.close()

    def send(self, *posts: Post) -> list[Outcome]:
        """The outcomes of these, sent at the same time, in their order."""
        outcomes: dict[int, Outcome] = {}
        for place, one in enumerate(posts):

            def done(outcome: Outcome, place: int = place) -> None:
                assert place not in outcomes, "told twice"
                outcomes[place] = outcome

            self.poster.start(Exchange(one, done, NOW))
        deadline = time.monotonic() + WITHIN
        while len(outcomes) < len(posts):
            assert time.monotonic() < deadline, "a request did not end"
            at = self.poster.deadline
            wait = 0.5 if at is None else min(0.5, max(0.0, at - time.monotonic()))
            for key, mask in self.selector.select(wait):
                assert key.data is self.poster
                self.poster.on_socket(key.fd, mask)
            self.poster.tick()
            for exchange, outcome in self.poster.finished():
                exchange.done(outcome)
        return [outcomes[place] for place in range(len(posts))]

    def one(self, sent: Post) -> Outcome:
        return self.send(sent)[0]


@pytest.fixture
def driver() -> Iterator[Driver]:
    made = Driver()
    yield made
    made.close()


Serve = Callable[..., RawServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[RawServer] = []

    def start(behaviour: Behaviour, **how: Any) -> RawServer:
        servers.append(RawServer(behaviour, **how))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def post(
    url: str,
    addresses: Sequence[str] = LOOPBACK,
    *,
    body: bytes = BODY,
    lines: Sequence[str] = ("Expect:",),
    timeout: int = 10_000,
    connect_timeout: int = 5_000,
    tls: Tls | None = None,
) -> Post:
    return Post(
        location=parse_url(url),
        addresses=[ip_address(address) for address in addresses],
        headers=lines,
        body=body,
        timeout=timeout,
        connect_timeout=connect_timeout,
        tls=tls or Tls(),
    )


# -- what is sent


def test_the_request_is_the_contracts(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer()))
    delivery = Delivery(
        delivery_id=5,
        endpoint_id=1,
        lane=77,
        sequence=3,
        webhook_id="evt_1",
        event="message.status",
        body=BODY,
        created_at=NOW,
        attempts=2,
    )
    lines = headers(delivery, secrets=[b"s" * 24, b"o" * 24], signing_keys=[], timestamp=NOW // SECOND)
    signature = next(line for line in lines if line.startswith("webhook-signature: ")).partition(": ")[2]
    outcome = driver.one(post(server.url("/a%2Fb/c;d?x=1&y=%20z"), lines=lines))
    assert outcome.succeeded
    [request] = server.requests
    assert request.line == "POST /a%2Fb/c;d?x=1&y=%20z HTTP/1.1"
    assert sorted(request.fields) == sorted(
        [
            ("Host", f"127.0.0.1:{server.port}"),
            ("Accept", "*/*"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(BODY))),
            ("User-Agent", USER_AGENT),
            ("webhook-id", "evt_1"),
            ("webhook-timestamp", str(NOW // SECOND)),
            ("webhook-signature", signature),
            ("ringback-event", "message.status"),
            ("ringback-sequence", "3"),
            ("ringback-attempt", "3"),
        ]
    )
    assert len(signature.split(" ")) == 2
    assert request.body == BODY


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0\xff\r\n\r\n@/etc/passwd", id="bytes that mean something elsewhere"),
        pytest.param(b"x" * 3_000_000, id="three million bytes"),
    ],
)
def test_the_body_is_unchanged(driver: Driver, serve: Serve, body: bytes) -> None:
    server = serve(answering(answer()))
    assert driver.one(post(server.url(), body=body)).status == 200
    [request] = server.requests
    assert request.body == body
    assert request["Content-Length"] == str(len(body))


def test_nothing_of_one_request_is_in_the_next(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer()))
    driver.one(post(server.url("/one"), body=b"first", lines=["Expect:", "webhook-id: one", "X-Only: one"]))
    driver.one(post(server.url("/two"), body=b"2", lines=["Expect:", "webhook-id: two"]))
    second = server.requests[1]
    assert (second.line, second.body, second["webhook-id"]) == ("POST /two HTTP/1.1", b"2", "two")
    assert "X-Only" not in dict(second.fields)


# -- what is answered


@pytest.mark.parametrize(
    ("said", "status", "kept", "words"),
    [
        pytest.param(answer(), 200, b"ok", None, id="200"),
        pytest.param(answer(204, b""), 204, b"", None, id="204"),
        pytest.param(answer(299, b"fine"), 299, b"fine", None, id="any 2xx"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + answer(201),
            201,
            b"ok",
            None,
            id="after interim answers",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            200,
            b"ok",
            None,
            id="chunks",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nto the end", 200, b"to the end", None, id="until it closes"),
        pytest.param(b"HTTP/1.0 200\r\n\r\nold", 200, b"old", None, id="HTTP/1.0"),
        pytest.param(
            answer(200, b"\x1f\x8b junk", "Content-Encoding: gzip"),
            200,
            b"\x1f\x8b junk",
            None,
            id="an encoding that was not asked for",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Le", 200, b"", None, id="closed amid the head, after the status"
        ),
        pytest.param(answer(400, b"no"), 400, b"no", "answered 400", id="400"),
        pytest.param(
            answer(401, b"who", "WWW-Authenticate: Basic realm=x"), 401, b"who", "answered 401", id="401"
        ),
        pytest.param(answer(410), 410, b"ok", "answered 410", id="410"),
        pytest.param(answer(500), 500, b"ok", "answered 500", id="500"),
        pytest.param(answer(999), 999, b"ok", "answered 999", id="no known status"),
    ],
)
def test_answers(
    driver: Driver, serve: Serve, *, said: bytes, status: int, kept: bytes, words: str | None
) -> None:
    server = serve(saying(said))
    outcome = driver.one(post(server.url()))
    assert (outcome.status, outcome.fault, outcome.answer, outcome.error) == (status, None, kept, words)
    assert outcome.succeeded == (200 <= status < 300)
    assert (outcome.at, outcome.retry_after) == (NOW, None)
    assert outcome.duration >= 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(driver: Driver, serve: Serve, status: int) -> None:
    elsewhere = serve(answering(answer()))
    server = serve(answering(answer(status, b"", f"Location: {elsewhere.url()}")))
    outcome = driver.one(post(server.url()))
    assert (outcome.status, outcome.succeeded) == (status, False)
    assert "redirect" in str(outcome.error)
    assert elsewhere.accepted == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        pytest.param(MAX_ANSWER - 1, MAX_ANSWER - 1, id="one less"),
        pytest.param(MAX_ANSWER, MAX_ANSWER, id="exactly"),
        pytest.param(MAX_ANSWER + 1, MAX_ANSWER, id="one more"),
        pytest.param(5_000_000, MAX_ANSWER, id="five million"),
    ],
)
@pytest.mark.parametrize("status", [200, 500])
def test_16_kib_of_an_answer_are_kept(
    driver: Driver, serve: Serve, length: int, kept: int, status: int
) -> None:
    body = bytes(range(256)) * (length // 256 + 1)
    server = serve(answering(answer(status, body[:length])))
    outcome = driver.one(post(server.url()))
    assert (outcome.status, outcome.fault) == (status, None)
    assert outcome.answer == body[:kept]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 %d X\r\n\r\n", id="until it closes"),
        pytest.param(b"HTTP/1.1 %d X\r\nContent-Length: 9999999999999\r\n\r\n", id="a length beyond all"),
    ],
)
@pytest.mark.parametrize(
    ("status", "succeeded"), [pytest.param(200, True, id="200"), pytest.param(503, False, id="503")]
)
def test_an_endless_answer_ends_and_counts_by_its_status(
    driver: Driver, serve: Serve, head: bytes, status: int, *, succeeded: bool
) -> None:
    ended: list[bool] = []

    def endless(connection: Connection) -> None:
        connection.read()
        connection.send(head % status)
        try:
            while not connection.server.closing.is_set():
                connection.send(b"z" * 4096)
        finally:
            ended.append(not connection.server.closing.is_set())

    server = serve(endless)
    outcome = driver.one(post(server.url()))
    assert (outcome.status, outcome.succeeded, outcome.fault) == (status, succeeded, None)
    assert outcome.answer == b"z" * MAX_ANSWER
    until(lambda: ended, "the end of the connection")
    assert ended == [True]


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        pytest.param(saying(b""), Fault.PROTOCOL, id="closes without an answer"),
        pytest.param(saying(b"\0\1\2 this is no HTTP\r\n\r\n"), Fault.PROTOCOL, id="garbage"),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.6\r\n"), Fault.PROTOCOL, id="another protocol"),
        pytest.param(saying(b"HTTP/1.1 twohundred OK\r\n\r\n"), Fault.PROTOCOL, id="no number as status"),
        pytest.param(saying(b"HTTP/1.1 2"), Fault.PROTOCOL, id="closes amid the status"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!"),
            Fault.PROTOCOL,
            id="closes amid the body",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            Fault.PROTOCOL,
            id="chunks that are none",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 400_000 + b"\r\n\r\n"),
            Fault.PROTOCOL,
            id="one header of 400,000 bytes",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\n" + b"X-A: xxxxxxxxxxxxxx\r\n" * 40_000),
            Fault.PROTOCOL,
            id="40,000 headers",
        ),
    ],
)
def test_no_answer_at_all(driver: Driver, serve: Serve, behaviour: Behaviour, fault: Fault) -> None:
    server = serve(behaviour)
    outcome = driver.one(post(server.url(), timeout=5_000))
    assert (outcome.status, outcome.fault, outcome.succeeded) == (None, fault, False)
    assert outcome.error
    assert len(outcome.answer) <= MAX_ANSWER


# -- time


def silent(connection: Connection) -> None:
    connection.read()
    connection.linger()


def drips_body(connection: Connection) -> None:
    connection.read()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    connection.drip(b"x")


def drips_head(connection: Connection) -> None:
    connection.read()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(b"X-A: 1\r\n")


def drips_interim(connection: Connection) -> None:
    connection.read()
    connection.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(silent, id="says nothing"),
        pytest.param(drips_body, id="a byte of the body now and then"),
        pytest.param(drips_head, id="a header now and then"),
        pytest.param(drips_interim, id="100 Continue now and then"),
    ],
)
def test_the_whole_request_has_its_time(driver: Driver, serve: Serve, behaviour: Behaviour) -> None:
    server = serve(behaviour)
    outcome = driver.one(post(server.url(), timeout=250))
    assert (outcome.status, outcome.fault, outcome.succeeded) == (None, Fault.TIMEOUT, False)
    assert outcome.duration >= 200


def test_connecting_has_its_own_time(driver: Driver) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        crowd = [socket.socket() for _ in range(3)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        outcome = driver.one(post(url, timeout=10_000, connect_timeout=250))
        for one in crowd:
            one.close()
    assert outcome.fault is Fault.TIMEOUT


def test_a_hanging_one_holds_up_no_other(driver: Driver, serve: Serve) -> None:
    hanging, good = serve(silent), serve(answering(answer()))
    posts = [post(hanging.url(), timeout=400), *[post(good.url()) for _ in range(20)]]
    first, *others = driver.send(*posts)
    assert first.fault is Fault.TIMEOUT
    assert all(outcome.succeeded for outcome in others)


# -- connections


def test_connections_are_kept(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer()))
    assert [driver.one(post(server.url(f"/{n}"))).status for n in range(5)] == [200] * 5
    assert [request.connection for request in server.requests] == [0] * 5


def test_a_cut_answer_costs_its_connection_only(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer(200, b"y" * 100_000), answer()))
    assert driver.one(post(server.url())).answer == b"y" * MAX_ANSWER
    assert driver.one(post(server.url())).answer == b"ok"
    assert [request.connection for request in server.requests] == [0, 1]


def closes_after_each(connection: Connection) -> None:
    """Promises to keep the connection, and does not."""
    connection.read()
    connection.send(answer())


def closes_on_the_second(connection: Connection) -> None:
    connection.read()
    connection.send(answer())
    connection.read()


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(closes_after_each, id="closed while idle"),
        pytest.param(closes_on_the_second, id="closed as the next request came"),
    ],
)
def test_a_kept_connection_that_has_died_is_no_failure(
    driver: Driver, serve: Serve, behaviour: Behaviour
) -> None:
    server = serve(behaviour)
    assert [driver.one(post(server.url())).status for _ in range(6)] == [200] * 6


def test_a_kept_connection_has_an_end_even_if_it_is_never_idle(
    driver: Driver, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that has moved is followed although the old address still answers."""
    monkeypatch.setattr(poster_module, "_CONNECTION_AGE", 1)
    old = serve(answering(answer(200, b"old")))
    new = serve(answering(answer(200, b"new")), host="127.0.0.2", port=old.port)
    url = old.url(host=NAME)
    assert driver.one(post(url)).answer == b"old"
    deadline = time.monotonic() + WITHIN
    while driver.one(post(url, ["127.0.0.2"])).answer != b"new":
        assert time.monotonic() < deadline, "still at the old address"
    assert new.accepted == 1


def test_refused(driver: Driver) -> None:
    outcome = driver.one(post(f"http://127.0.0.1:{free_port()}/"))
    assert (outcome.status, outcome.fault) == (None, Fault.CONNECT)
    assert outcome.error


def test_many_more_than_are_kept_idle(driver: Driver, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster_module, "_IDLE_HANDLES", 4)
    server = serve(answering(answer()))
    for _ in range(2):
        assert all(outcome.succeeded for outcome in driver.send(*[post(server.url()) for _ in range(12)]))
    assert len(server.requests) == 24


def test_closing_drops_what_is_under_way(serve: Serve) -> None:
    server = serve(silent)
    driver = Driver()
    told: list[Outcome] = []
    driver.poster.start(Exchange(post(server.url()), told.append, NOW))
    driver.poster.tick()
    driver.close()
    assert told == []


# -- where it goes


@pytest.mark.parametrize("name", [NAME, "localhost", "app.localhost", "under_score.example.test"])
def test_it_goes_to_the_checked_address_and_the_name_stays(driver: Driver, serve: Serve, name: str) -> None:
    server = serve(answering(answer()), host="127.0.0.2")
    outcome = driver.one(post(server.url(host=name), ["127.0.0.2"]))
    assert (outcome.status, outcome.error) == (200, None)
    assert server.requests[0]["Host"] == f"{name}:{server.port}"


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.3", "127.0.0.2"], id="the second"),
        pytest.param(["::1", "127.0.0.2"], id="IPv4 after IPv6"),
        pytest.param(["127.0.0.3", "::1", "127.0.0.4", "127.0.0.2"], id="the last of four"),
    ],
)
def test_any_of_the_checked_addresses_will_do(driver: Driver, serve: Serve, addresses: list[str]) -> None:
    server = serve(answering(answer()), host="127.0.0.2")
    assert driver.one(post(server.url(host=NAME), addresses)).status == 200


@pytest.mark.parametrize(
    ("host", "url_host", "addresses"),
    [
        pytest.param("::1", "[::1]", ["::1"], id="literal"),
        pytest.param("::1", NAME, ["::1"], id="name"),
        pytest.param("127.0.0.1", "[::ffff:127.0.0.1]", ["::ffff:127.0.0.1"], id="mapped literal"),
        pytest.param("127.0.0.1", NAME, ["::ffff:127.0.0.1"], id="name with a mapped address"),
    ],
)
def test_ipv6(driver: Driver, serve: Serve, host: str, url_host: str, addresses: list[str]) -> None:
    server = serve(answering(answer()), host=host)
    outcome = driver.one(post(server.url(host=url_host), addresses))
    assert (outcome.status, outcome.error) == (200, None)


@pytest.mark.parametrize(
    ("url_host", "pinned"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", id="literal"),
        pytest.param("localhost", "another.example.test", id="name that libcurl looks up itself"),
    ],
)
def test_an_address_that_was_not_checked_is_not_connected_to(
    driver: Driver, serve: Serve, url_host: str, pinned: str
) -> None:
    """The last look, at the socket: whatever libcurl believes, it gets none for another address."""
    server = serve(answering(answer()))
    made = post(server.url(host=url_host), ["127.0.0.9"])
    outcome = driver.one(replace(made, location=replace(made.location, host=pinned)))
    assert (outcome.status, outcome.fault) == (None, Fault.CONNECT)
    assert server.accepted == 0


def test_a_name_that_has_moved_is_looked_up_nowhere_else(driver: Driver, serve: Serve) -> None:
    first = serve(closes_after_each, host="127.0.0.2")
    second = serve(closes_after_each, host="127.0.0.3", port=first.port)
    url = first.url(host=NAME)
    assert driver.one(post(url, ["127.0.0.2"], lines=["Expect:", "Connection: close"])).status == 200
    first.close()
    assert driver.one(post(url, ["127.0.0.3"])).status == 200
    assert second.requests[0]["Host"] == f"{NAME}:{first.port}"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("url_host", [pytest.param(None, id="address"), pytest.param(NAME, id="name")])
def test_proxies_of_the_environment_are_ignored(
    driver: Driver, serve: Serve, monkeypatch: pytest.MonkeyPatch, variable: str, url_host: str | None
) -> None:
    proxy = serve(answering(answer(200, b"proxy")), host="127.0.0.4")
    server = serve(answering(answer(200, b"server")))
    monkeypatch.setenv(variable, proxy.url(""))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert driver.one(post(server.url(host=url_host))).answer == b"server"
    assert proxy.accepted == 0


def test_no_socket_to_be_had_is_our_own_trouble(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.open(os.devnull, os.O_RDONLY)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
    try:
        outcome = driver.one(post(server.url()))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (outcome.status, outcome.fault) == (None, Fault.OURS)
    assert outcome.error
    assert driver.one(post(server.url())).status == 200


def test_a_request_that_cannot_be_made_leaves_nothing_behind(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer()))
    with pytest.raises((ValueError, TypeError)):
        driver.poster.start(Exchange(post(server.url(), lines=["X-Name: ü"]), lambda _: None, NOW))
    assert driver.one(post(server.url())).status == 200  # and the poster closes cleanly after it


# -- Retry-After


@pytest.mark.parametrize(
    ("status", "value", "hint"),
    [
        pytest.param(429, "7", 7 * SECOND, id="429"),
        pytest.param(503, "120", 120 * SECOND, id="503"),
        pytest.param(503, "120.6", 121 * SECOND, id="a fraction"),
        pytest.param(503, "Mon, 23 Nov 2026 17:58:33 GMT", MINUTE, id="a date"),
        pytest.param(503, "Mon, 23 Nov 2026 17:57:32 GMT", None, id="a date that has passed"),
        pytest.param(503, "999999999", HOUR, id="the cap"),
        pytest.param(503, "9" * 5_000, HOUR, id="5,000 digits"),
        pytest.param(503, "invalid", None, id="not readable"),
        pytest.param(503, "-5", None, id="negative"),
        pytest.param(503, "", None, id="empty"),
        pytest.param(503, "\xff\xfe", None, id="not even text"),
        pytest.param(500, "7", None, id="not on 500"),
        pytest.param(200, "7", None, id="not on 200"),
        pytest.param(404, "7", None, id="not on 404"),
        pytest.param(301, "7", None, id="not on 301"),
    ],
)
@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_retry_after(
    driver: Driver, serve: Serve, *, status: int, value: str, hint: int | None, name: str
) -> None:
    said = f"HTTP/1.1 {status} X\r\n{name}: {value}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    server = serve(answering(said))
    outcome = driver.one(post(server.url()))
    assert (outcome.status, outcome.retry_after) == (status, hint)


def test_a_hint_is_not_remembered_for_the_next(driver: Driver, serve: Serve) -> None:
    server = serve(answering(answer(503, b"", "Retry-After: 9"), answer(503, b"")))
    assert [driver.one(post(server.url())).retry_after for _ in range(2)] == [9 * SECOND, None]


# -- names


class Names:
    """A resolver whose clock and whose answers are the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = NOW
        self.takes = 0  # ms a look-up takes
        self.answers: list[list[str] | OSError] = []
        self.asked = 0
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)
        self.done: list[tuple[str, int]] = []
        self.resolver = Resolver(lambda: self.time, self.done.append)
        self.location = parse_url(f"http://{NAME}/")

    def _getaddrinfo(self, _host: str, port: int, **_: object) -> list[Any]:
        self.asked += 1
        self.time += self.takes
        found = self.answers.pop(0)
        if isinstance(found, OSError):
            raise found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def settle(self) -> None:
        """Until all that was asked is answered."""
        deadline = time.monotonic() + WITHIN
        while len(self.done) < self.asked or self.resolver._asked:
            assert time.monotonic() < deadline
            time.sleep(0.002)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names(monkeypatch)
    yield made
    made.resolver.close()


NOT_KNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
TRY_AGAIN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def test_names_are_remembered(names: Names) -> None:
    names.answers = [["192.0.2.1", "192.0.2.2", "192.0.2.1"], ["192.0.2.3"]]
    assert names.resolver.look_up(names.location) is None
    names.settle()
    found = names.resolver.look_up(names.location)
    assert found is not None
    assert [str(address) for address in found.addresses] == ["192.0.2.1", "192.0.2.2"]
    names.time += resolver_module.FRESH
    stale = names.resolver.look_up(names.location)  # the old ones will do while the new ones are fetched
    assert stale == found
    names.settle()
    fresh = names.resolver.look_up(names.location)
    assert fresh is not None
    assert [str(address) for address in fresh.addresses] == ["192.0.2.3"]
    assert names.asked == 2


@pytest.mark.parametrize(
    "takes",
    [
        pytest.param(0, id="at once"),
        pytest.param(5 * SECOND, id="after five seconds, as with a name server that is down"),
    ],
)
def test_a_failed_look_up_is_told_however_long_it_took(names: Names, takes: int) -> None:
    names.takes = takes
    names.answers = [NOT_KNOWN] * 3
    assert names.resolver.look_up(names.location) is None
    names.settle()
    found = names.resolver.look_up(names.location)
    assert found is not None, "it is asked for again and again, and never told"
    assert (found.addresses, found.fault) == ((), Fault.DNS)
    assert NAME in str(found.error)


def test_a_resolver_that_answers_nobody_is_our_own_trouble(names: Names) -> None:
    names.answers = [TRY_AGAIN]
    names.resolver.look_up(names.location)
    names.settle()
    found = names.resolver.look_up(names.location)
    assert found is not None
    assert found.fault is Fault.OURS


def test_a_resolver_that_answers_others_is_not(names: Names) -> None:
    names.answers = [["192.0.2.1"], TRY_AGAIN]
    for url in ("http://other.example.test/", f"http://{NAME}/"):
        names.resolver.look_up(parse_url(url))
        names.settle()
    found = names.resolver.look_up(names.location)
    assert found is not None
    assert found.fault is Fault.DNS


def test_an_address_is_not_looked_up(names: Names) -> None:
    found = names.resolver.look_up(parse_url("http://192.0.2.9/"))
    assert found is not None
    assert [str(address) for address in found.addresses] == ["192.0.2.9"]
    assert names.asked == 0
