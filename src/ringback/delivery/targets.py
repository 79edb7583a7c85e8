"""An endpoint as the engine uses it: where it is, how to sign for it, and in which state the database has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringback.delivery.poster import Post, Tls
from ringback.domain.deliveries import Delivery
from ringback.domain.endpoints import Health, State
from ringback.domain.networks import Address, Location, parse_url
from ringback.domain.times import SECOND
from ringback.service import endpoints as service
from ringback.settings import Settings
from ringback.wire.request import headers
from ringback.wire.sealing import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``row`` is the endpoint's, ``keys`` what its webhooks are signed with, opened once."""

    row: Mapping[Any, Any]
    keys: service.Keys
    location: Location
    tls: Tls
    timeout: int
    connect_timeout: int

    def post(self, delivery: Delivery, addresses: tuple[Address, ...], now: int) -> Post:
        keys = self.keys
        return Post(
            location=self.location,
            addresses=addresses,
            headers=headers(
                delivery,
                secrets=keys.secrets_at(now),
                signing_keys=keys.signing_keys,
                timestamp=now // SECOND,
            ),
            body=delivery.body,
            timeout=self.timeout,
            connect_timeout=self.connect_timeout,
            tls=self.tls,
        )


def target(row: Mapping[Any, Any], settings: Settings, sealer: Sealer) -> Target:
    """Problem or ValueError for an endpoint that cannot be used: another sealing key, no URL."""
    certificate = row["client_certificate"]
    timeout = row["timeout"] or round(settings.webhook_timeout * SECOND)
    return Target(
        row=row,
        keys=service.keys(sealer, row),
        location=parse_url(row["url"]),
        tls=Tls(
            ca=row["ca"],
            client_certificate=sealer.open(certificate, service.CLIENT_CERTIFICATE) if certificate else None,
            min_version=row["min_tls"] or "1.2",
        ),
        timeout=timeout,
        connect_timeout=min(timeout, round(settings.webhook_connect_timeout * SECOND)),
    )


def stored_health(row: Mapping[Any, Any]) -> Health:
    """The endpoint's health as it was written last; an unhealthy one is probed at once."""
    return Health(
        state=State(row["state"]),
        failures=row["failures"],
        unhealthy_since=row["unhealthy_since"],
        last_success_at=row["last_success_at"],
    )
