"""Endpoints: finding or making them, their secrets, pausing and resuming."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from ringback.domain.endpoints import State
from ringback.domain.networks import check_addresses, parse_networks, parse_url
from ringback.domain.problems import Problem
from ringback.domain.times import DAY
from ringback.runtime import Runtime
from ringback.store import endpoints
from ringback.store.transaction import Tx, each
from ringback.wire.sealing import Sealer
from ringback.wire.signature import new_secret, new_signing_key, secret_bytes

SECRET = "endpoint.secret"  # noqa: S105 -- what a sealed value is for, not a secret
SIGNING_KEY = "endpoint.signing_key"
CLIENT_CERTIFICATE = "endpoint.client_certificate"
ROTATION_OVERLAP = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An endpoint that was made, with the secret that is shown this once; none where it is shared with earlier settings."""

    endpoint_id: int
    url: str
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A checked URL, and the secret that it gets if it is new."""

    url: str
    secret: str
    sealed: bytes


def offer(rt: Runtime, url: str) -> Offer:
    """Problem ``invalid`` or ``webhook_address_refused`` for a URL that can be seen to be wrong; names are looked up later."""
    location = parse_url(url)
    if location.address is not None:
        check_addresses(location, [location.address], parse_networks(rt.settings.allow_webhooks_to))
    secret = new_secret()
    return Offer(url=location.url, secret=secret, sealed=rt.sealer.seal(secret.encode(), SECRET))


def point_to(tx: Tx, account_id: int, current: int | None, chosen: Offer) -> Shown:
    """The endpoint that a setting names from now on. A URL is one endpoint for all settings of an account that name it. If the
    setting was the only one to name its endpoint, that endpoint itself moves to the new URL: its secret stays, and what
    waits for it goes where the owner now wants it.
    """
    found = endpoints.by_url(tx.connection, account_id, chosen.url)
    if found is not None:
        return Shown(endpoint_id=found["id"], url=chosen.url, secret=None)
    if current is not None and endpoints.uses(tx.connection, current) == 1:
        endpoints.change(tx, current, {"url": chosen.url, **_RECOVERED})
        return Shown(endpoint_id=current, url=chosen.url, secret=None)
    values = {"account_id": account_id, "url": chosen.url, "secret": chosen.sealed, "created_at": tx.now}
    endpoint_id = endpoints.insert(tx, values)
    return Shown(endpoint_id=endpoint_id, url=chosen.url, secret=chosen.secret)


_RECOVERED: dict[str, Any] = {"state": State.HEALTHY, "failures": 0, "unhealthy_since": None, "note": None}


# -- by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """``values`` are columns; ``account_id`` None is the operator."""

    endpoint_id: int
    account_id: int | None
    values: Mapping[str, Any]


@each
def change_endpoints(tx: Tx, changed: EndpointChange) -> None:
    row = endpoints.row(tx.connection, changed.endpoint_id, changed.account_id)
    if row is None:
        raise not_found(changed.endpoint_id)
    url = changed.values.get("url")
    if (
        url is not None
        and url != row["url"]
        and endpoints.by_url(tx.connection, row["account_id"], url) is not None
    ):
        raise Problem("conflict", f"There is an endpoint {url} in this account already.", field="url")
    endpoints.change(tx, changed.endpoint_id, dict(changed.values))
    tx.directory_changed = True


def not_found(endpoint_id: int) -> Problem:
    return Problem("not_found", f"There is no endpoint {endpoint_id}.", field="endpoint_id")


def pause(endpoint_id: int, account_id: int | None, note: str = "paused by hand") -> EndpointChange:
    """Nothing is sent and nothing is lost: its deliveries wait, however many. One row is written, however long the queue."""
    values = {"state": State.PAUSED, "note": note}
    return EndpointChange(endpoint_id=endpoint_id, account_id=account_id, values=values)


def resume(endpoint_id: int, account_id: int | None) -> EndpointChange:
    return EndpointChange(endpoint_id=endpoint_id, account_id=account_id, values=_RECOVERED)


def rotated(
    sealer: Sealer, row: Mapping[Any, Any], now: int, overlap: int = ROTATION_OVERLAP
) -> tuple[str, dict[str, Any]]:
    """A new secret, and the columns that make it so; the old one signs too for ``overlap`` ms."""
    secret = new_secret()
    values = {
        "secret": sealer.seal(secret.encode(), SECRET),
        "old_secret": row["secret"],
        "old_secret_until": now + overlap,
    }
    return secret, values


def with_signing_key(sealer: Sealer) -> tuple[str, dict[str, Any]]:
    """An ed25519 key of its own: (public key to give to the receiver, columns)."""
    private, public = new_signing_key()
    return public, {"signing_key": sealer.seal(private.encode(), SIGNING_KEY)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What an endpoint's webhooks are signed with; the old secret until a rotation's overlap ends (ms)."""

    secret: bytes
    old_secret: bytes | None
    old_secret_until: int
    signing_keys: tuple[str, ...]

    def secrets_at(self, now: int) -> tuple[bytes, ...]:
        if self.old_secret is None or self.old_secret_until <= now:
            return (self.secret,)
        return (self.secret, self.old_secret)


def keys(sealer: Sealer, row: Mapping[Any, Any]) -> Keys:
    """An endpoint's keys, opened; ValueError if they were sealed with another key."""

    def opened(column: str, purpose: str) -> str | None:
        return sealer.open(row[column], purpose).decode() if row[column] is not None else None

    old_secret, signing_key = opened("old_secret", SECRET), opened("signing_key", SIGNING_KEY)
    return Keys(
        secret=secret_bytes(opened("secret", SECRET) or ""),
        old_secret=secret_bytes(old_secret) if old_secret is not None else None,
        old_secret_until=row["old_secret_until"] or 0,
        signing_keys=(signing_key,) if signing_key is not None else (),
    )


# -- TLS


def tls_columns(
    sealer: Sealer,
    *,
    ca: str | None = None,
    client_certificate: str | None = None,
    min_tls: str | None = None,
) -> dict[str, Any]:
    """The columns for what is given (None stays, "" takes away); Problem ``invalid`` for a PEM that is none."""
    values: dict[str, Any] = {}
    if ca is not None:
        values["ca"] = _checked_ca(ca) if ca else None
    if client_certificate is not None:
        pem = _checked_client_certificate(client_certificate) if client_certificate else None
        values["client_certificate"] = sealer.seal(pem, CLIENT_CERTIFICATE) if pem else None
    if min_tls is not None:
        if min_tls not in ("1.2", "1.3"):
            raise Problem("invalid", "The minimum TLS version may be 1.2 or 1.3.", field="min_tls")
        values["min_tls"] = min_tls
    return values


def _checked_ca(pem: str) -> str:
    try:
        load_pem_x509_certificates(pem.encode())
    except ValueError as exc:
        raise Problem("invalid", "This is no certificate in PEM form.", field="ca") from exc
    return pem


def _checked_client_certificate(pem: str) -> bytes:
    data = pem.encode()
    try:
        [certificate, *_] = load_pem_x509_certificates(data)
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as exc:
        raise Problem(
            "invalid",
            "Give the client's certificate and its private key, unencrypted, in one PEM text.",
            field="client_certificate",
        ) from exc
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise Problem(
            "invalid", "The private key does not belong to the certificate.", field="client_certificate"
        )
    return data
