"""Signs webhooks as Standard Webhooks says: ``v1`` with a shared secret, ``v1a`` with an ed25519 key.

Source: contracts/webhooks.md section 4; the specification at github.com/standard-webhooks/standard-webhooks.
What is signed is ``id.timestamp.body``, the body being the bytes that are sent. Error texts never show a secret.
"""

import base64
import hmac
import secrets as random
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 -- the prefix that marks a secret, not a secret
PRIVATE_KEY_PREFIX = "whsk_"
PUBLIC_KEY_PREFIX = "whpk_"
NEW_SECRET_BYTES = 24
SECRET_BYTES = range(24, 64 + 1)
"""Lengths that the specification allows."""
_SEED_BYTES = 32


def new_secret() -> str:
    """A fresh secret as it is shown to its owner, once: ``whsec_`` and base64."""
    return SECRET_PREFIX + _encode(random.token_bytes(NEW_SECRET_BYTES))


def secret_bytes(secret: str) -> bytes:
    """The key in a secret, which may come without prefix and without padding.

    Raises ValueError, worded for the owner, for what is not base64 of 24 to 64 bytes.
    """
    key = _decode(secret.removeprefix(SECRET_PREFIX), "secret")
    if len(key) not in SECRET_BYTES:
        raise ValueError(f"the secret has {len(key)} bytes: 24 to 64 are needed")
    return key


def new_signing_key() -> tuple[str, str]:
    """A fresh ed25519 pair: ``whsk_…`` (private, base64 of the 32-byte seed) and ``whpk_…`` (public)."""
    private = PRIVATE_KEY_PREFIX + _encode(random.token_bytes(_SEED_BYTES))
    return private, public_key(private)


def public_key(private: str) -> str:
    """The ``whpk_…`` that belongs to a ``whsk_…``. Raises ValueError if that is not one."""
    return PUBLIC_KEY_PREFIX + _encode(_private_key(private).public_key().public_bytes_raw())


def sign(secret: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """``v1,…``: HMAC-SHA256 with the key from secret_bytes; ``timestamp`` in unix seconds."""
    return "v1," + _encode(hmac.digest(secret, _signed(webhook_id, timestamp, body), "sha256"))


def sign_ed25519(private: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """``v1a,…``: ed25519 with a ``whsk_…`` key. Raises ValueError if that is not one."""
    return "v1a," + _encode(_private_key(private).sign(_signed(webhook_id, timestamp, body)))


def header(
    secrets: Sequence[bytes], signing_keys: Sequence[str], webhook_id: str, timestamp: int, body: bytes
) -> str:
    """The value of ``webhook-signature``: one signature for each valid key, separated by spaces.

    Several secrets are valid during a rotation; the receiver needs to know only one of them.
    """
    shared = [sign(secret, webhook_id, timestamp, body) for secret in secrets]
    asymmetric = [sign_ed25519(key, webhook_id, timestamp, body) for key in signing_keys]
    return " ".join(shared + asymmetric)


def _signed(webhook_id: str, timestamp: int, body: bytes) -> bytes:
    return b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)


def _private_key(private: str) -> Ed25519PrivateKey:
    seed = _decode(private.removeprefix(PRIVATE_KEY_PREFIX), "signing key")
    if len(seed) != _SEED_BYTES:
        raise ValueError(f"the signing key has {len(seed)} bytes: {_SEED_BYTES} are needed")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    padding = "" if text.endswith("=") else "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text + padding, validate=True)
    except ValueError:
        raise ValueError(f"the {what} is not base64") from None  # the cause may quote the secret
