"""Secrets at rest: AES-256-GCM under the server's key, so that a copy of the database alone gives none away."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class Sealer:
    """``purpose`` binds a sealed value to its use: one column's value does not open as another's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """ValueError if it was sealed with another key or for another purpose, or changed since."""
        if sealed[:1] != _VERSION:
            raise ValueError("not a sealed value")
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, purpose.encode())
        except (InvalidTag, ValueError) as exc:
            raise ValueError(
                "sealed with another key: is RINGBACK_SECRET_KEY or the key file the right one?"
            ) from exc


def parse_key(text: str) -> bytes:
    """The key of its base64 text; ValueError if it is none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as exc:
        raise ValueError("the secret key is not base64") from exc
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"the secret key has {len(key)} bytes instead of {KEY_BYTES}: make one with `openssl rand -base64 32`"
        )
    return key


def new_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
