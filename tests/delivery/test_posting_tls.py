"""The poster and TLS: whom it believes, what it shows, and what is refused."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.delivery.sockets import Connection, RawServer, answer, answering
from tests.delivery.test_posting import Driver, post

from ringback.delivery.poster import Tls
from ringback.domain.endpoints import Fault
from ringback.domain.problems import Problem
from ringback.runtime import Runtime
from ringback.service import endpoints

NAME = "hooks.example.test"
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def both(self) -> bytes:
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.pem.encode() + private


def certify(title: str, *names: str, issuer: Pair | None = None, age: dt.timedelta = _DAY) -> Pair:
    """A server's or client's certificate from the issuer; without one, an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    start = dt.datetime.now(dt.UTC) - age
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + 5 * _DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if issuer is not None:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if names:
        alternatives = [_alternative(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return Pair(builder.sign(signer, SHA256()), key)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


AUTHORITY = certify("Our authority")
OTHER_AUTHORITY = certify("Another authority")
SERVER = certify("server", NAME, "127.0.0.1", issuer=AUTHORITY)
OUR_CA = Tls(ca=AUTHORITY.pem)
# With TLS 1.3 the client learns after its handshake that its certificate is missed: by an alert, or by the end.
MISSED = {"1.2": {Fault.TLS}, "1.3": {Fault.TLS, Fault.PROTOCOL}}


class Secured:
    """A TLS server that notes which name was asked for and which certificate was shown."""

    def __init__(
        self, folder: Path, pair: Pair = SERVER, *, demands: Pair | None = None, at_most: str = "1.3"
    ) -> None:
        self.names: list[str | None] = []
        self.shown: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        file = folder / f"{id(self)}.pem"
        file.write_bytes(pair.both)
        context.load_cert_chain(file)
        if at_most == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if demands is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=demands.pem)

        def note(_socket: object, name: str | None, _context: object) -> None:
            self.names.append(name)

        context.sni_callback = note
        self.server = RawServer(self._behave, tls=context)
        self.url = self.server.url

    def _behave(self, connection: Connection) -> None:
        assert isinstance(connection.socket, ssl.SSLSocket)
        certificate: Any = connection.socket.getpeercert()
        subject = dict(pair for (pair,) in certificate["subject"]) if certificate else {}
        self.shown.append(subject.get("commonName"))
        answering(answer())(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()


@pytest.fixture
def driver() -> Iterator[Driver]:
    made = Driver()
    yield made
    made.close()


def test_our_own_authority_and_the_right_name(driver: Driver, tmp_path: Path) -> None:
    with Secured(tmp_path) as server:
        outcome = driver.one(post(server.url(host=NAME), tls=OUR_CA))
        assert (outcome.status, outcome.error) == (200, None)
        assert server.names == [NAME]
        [request] = server.server.requests
        assert request["Host"] == f"{NAME}:{server.server.port}"


def test_an_address_in_the_certificate(driver: Driver, tmp_path: Path) -> None:
    with Secured(tmp_path) as server:
        assert driver.one(post(server.url(), tls=OUR_CA)).status == 200
        assert server.names == [None]  # an address is no name to ask for


@pytest.mark.parametrize(
    ("pair", "host", "tls"),
    [
        pytest.param(SERVER, NAME, Tls(), id="an authority that the system does not know"),
        pytest.param(SERVER, NAME, Tls(ca=OTHER_AUTHORITY.pem), id="another authority"),
        pytest.param(
            certify("self", NAME, issuer=OTHER_AUTHORITY), NAME, OUR_CA, id="signed by another authority"
        ),
        pytest.param(SERVER, "wrong.example.test", OUR_CA, id="wrong name"),
        pytest.param(SERVER, f"sub.{NAME}", OUR_CA, id="a name below"),
        pytest.param(
            certify("other", "127.0.0.9", issuer=AUTHORITY), "127.0.0.1", OUR_CA, id="another address"
        ),
        pytest.param(certify("old", NAME, issuer=AUTHORITY, age=30 * _DAY), NAME, OUR_CA, id="expired"),
        pytest.param(
            certify("early", NAME, issuer=AUTHORITY, age=-2 * _DAY), NAME, OUR_CA, id="not valid yet"
        ),
    ],
)
def test_who_is_not_believed(driver: Driver, tmp_path: Path, pair: Pair, host: str, tls: Tls) -> None:
    with Secured(tmp_path, pair) as server:
        outcome = driver.one(post(server.url(host=host), tls=tls))
        assert (outcome.status, outcome.fault, outcome.succeeded) == (None, Fault.TLS, False)
        assert outcome.error
        assert server.server.requests == []


def test_a_wildcard(driver: Driver, tmp_path: Path) -> None:
    with Secured(tmp_path, certify("wild", "*.example.test", issuer=AUTHORITY)) as server:
        assert driver.one(post(server.url(host=NAME), tls=OUR_CA)).status == 200
        assert driver.one(post(server.url(host=f"a.{NAME}"), tls=OUR_CA)).fault is Fault.TLS


@pytest.mark.parametrize(
    "ca",
    [
        pytest.param(OTHER_AUTHORITY.pem + AUTHORITY.pem, id="the second of two"),
        pytest.param(f"# Büro Süd\n{AUTHORITY.pem}", id="a comment that is not ASCII"),
    ],
)
def test_an_authority_as_people_have_it(rt: Runtime, driver: Driver, tmp_path: Path, ca: str) -> None:
    """What the setting takes the poster can use."""
    assert endpoints.tls_columns(rt.sealer, ca=ca) == {"ca": ca}
    with Secured(tmp_path) as server:
        outcome = driver.one(post(server.url(host=NAME), tls=Tls(ca=ca)))
        assert (outcome.status, outcome.error) == (200, None)


# -- the client's certificate

CLIENT = certify("Ringback client", issuer=AUTHORITY)


@pytest.mark.parametrize("at_most", ["1.2", "1.3"])
def test_the_clients_certificate(driver: Driver, tmp_path: Path, at_most: str) -> None:
    with Secured(tmp_path, demands=AUTHORITY, at_most=at_most) as server:
        tls = Tls(ca=AUTHORITY.pem, client_certificate=CLIENT.both)
        outcome = driver.one(post(server.url(host=NAME), tls=tls))
        assert (outcome.status, outcome.error) == (200, None)
        assert server.shown == ["Ringback client"]


@pytest.mark.parametrize("at_most", ["1.2", "1.3"])
@pytest.mark.parametrize(
    "certificate",
    [
        pytest.param(None, id="none"),
        pytest.param(certify("Impostor", issuer=OTHER_AUTHORITY).both, id="one of another authority"),
    ],
)
def test_the_clients_certificate_is_missed(
    driver: Driver, tmp_path: Path, certificate: bytes | None, at_most: str
) -> None:
    with Secured(tmp_path, demands=AUTHORITY, at_most=at_most) as server:
        tls = Tls(ca=AUTHORITY.pem, client_certificate=certificate)
        outcome = driver.one(post(server.url(host=NAME), tls=tls))
        assert outcome.status is None
        assert outcome.fault in MISSED[at_most], outcome.error
        assert server.server.requests == []


def test_a_key_that_does_not_fit(rt: Runtime, driver: Driver, tmp_path: Path) -> None:
    """The setting refuses it; the poster, if it met one, would send nothing."""
    broken = CLIENT.pem.encode() + SERVER.both.partition(SERVER.pem.encode())[2]
    with pytest.raises(Problem, match="does not belong"):
        endpoints.tls_columns(rt.sealer, client_certificate=broken.decode())
    with Secured(tmp_path, demands=AUTHORITY) as server:
        tls = Tls(ca=AUTHORITY.pem, client_certificate=broken)
        outcome = driver.one(post(server.url(host=NAME), tls=tls))
        assert (outcome.status, outcome.succeeded) == (None, False)
        assert "private key" in str(outcome.error)
        assert server.server.accepted <= 1
        assert server.server.requests == []


# -- what was agreed for one endpoint is not used for another


def test_a_connection_is_kept_for_the_same_tls(driver: Driver, tmp_path: Path) -> None:
    with Secured(tmp_path) as server:
        for _ in range(3):
            assert driver.one(post(server.url(host=NAME), tls=OUR_CA)).status == 200
        assert server.server.accepted == 1


@pytest.mark.parametrize(
    "closing", [pytest.param([], id="kept"), pytest.param(["Connection: close"], id="session")]
)
@pytest.mark.parametrize(
    "tls",
    [
        pytest.param(Tls(ca=OTHER_AUTHORITY.pem), id="another authority"),
        pytest.param(Tls(), id="the system's"),
    ],
)
def test_trust_is_not_inherited(driver: Driver, tmp_path: Path, tls: Tls, closing: list[str]) -> None:
    """Neither from a kept connection nor from a TLS session that could be resumed."""
    with Secured(tmp_path) as server:
        lines = ["Expect:", *closing]
        for _ in range(2):
            assert driver.one(post(server.url(host=NAME), tls=OUR_CA, lines=lines)).status == 200
        assert driver.one(post(server.url(host=NAME), tls=tls, lines=lines)).fault is Fault.TLS
        assert driver.one(post(server.url(host=NAME), tls=OUR_CA, lines=lines)).status == 200
        assert len(server.server.requests) == 3


@pytest.mark.parametrize(
    "closing", [pytest.param([], id="kept"), pytest.param(["Connection: close"], id="session")]
)
@pytest.mark.parametrize("at_most", ["1.2", "1.3"])
def test_a_clients_certificate_is_not_inherited(
    driver: Driver, tmp_path: Path, at_most: str, closing: list[str]
) -> None:
    with Secured(tmp_path, demands=AUTHORITY, at_most=at_most) as server:
        lines = ["Expect:", *closing]
        one = Tls(ca=AUTHORITY.pem, client_certificate=CLIENT.both)
        two = Tls(ca=AUTHORITY.pem, client_certificate=certify("Second", issuer=AUTHORITY).both)
        for tls in (one, two):
            assert driver.one(post(server.url(host=NAME), tls=tls, lines=lines)).status == 200
        assert server.shown == ["Ringback client", "Second"]
        assert driver.one(post(server.url(host=NAME), tls=OUR_CA, lines=lines)).fault in MISSED[at_most]
        assert len(server.server.requests) == 2


# -- versions


@pytest.mark.parametrize(
    ("at_most", "at_least", "status"),
    [
        pytest.param("1.2", "1.2", 200, id="1.2 will do"),
        pytest.param("1.3", "1.2", 200, id="1.3 is better"),
        pytest.param("1.3", "1.3", 200, id="1.3 is demanded and there"),
        pytest.param("1.2", "1.3", None, id="1.3 is demanded and not there"),
    ],
)
def test_versions(driver: Driver, tmp_path: Path, at_most: str, at_least: str, status: int | None) -> None:
    with Secured(tmp_path, at_most=at_most) as server:
        outcome = driver.one(post(server.url(host=NAME), tls=Tls(ca=AUTHORITY.pem, min_version=at_least)))
        assert (outcome.status, outcome.fault) == (status, None if status else Fault.TLS)


def test_a_lower_minimum_is_not_inherited(driver: Driver, tmp_path: Path) -> None:
    with Secured(tmp_path, at_most="1.2") as server:
        assert driver.one(post(server.url(host=NAME), tls=OUR_CA)).status == 200
        strict = Tls(ca=AUTHORITY.pem, min_version="1.3")
        assert driver.one(post(server.url(host=NAME), tls=strict)).fault is Fault.TLS


# -- no TLS there


def test_plain_http_where_tls_is_expected(driver: Driver) -> None:
    def plain(connection: Connection) -> None:
        connection.socket.recv(65_536)
        connection.send(answer(400))

    with RawServer(plain) as server:
        url = server.url(host=NAME).replace("http:", "https:")
        assert driver.one(post(url)).fault is Fault.TLS


def test_a_handshake_that_never_ends(driver: Driver) -> None:
    with RawServer(Connection.linger) as server:
        url = server.url(host=NAME).replace("http:", "https:")
        outcome = driver.one(post(url, timeout=30_000, connect_timeout=250))
        assert outcome.fault is Fault.TIMEOUT
