"""Who is calling: tokens and device keys are kept as hashes, shown once, and looked up once."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from ringback.domain.problems import Problem
from ringback.runtime import Runtime
from ringback.store import accounts, devices

_MAX_REMEMBERED = 100_000


def new_token() -> str:
    """The original's form, so that its clients find nothing to trip over: 32 lowercase hex digits (128 random bits)."""
    return secrets.token_hex(16)


def new_device_key() -> str:
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    """What is kept of a token or key. They are random and long, so a plain hash cannot be guessed backwards."""
    return hashlib.sha256(secret.encode()).digest()


def bearer(authorization: str | None) -> str:
    """The secret of an ``Authorization`` header; Problem ``unauthorized`` without one."""
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Problem("unauthorized", "Send the header 'Authorization: Bearer <token>'.")
    return secret.strip()


async def account_of(rt: Runtime, token: str) -> int:
    """The account of an API token; Problem ``unauthorized`` if it is not known or was revoked."""
    account_id = await _look_up(rt, token, accounts.account_of_token)
    if account_id is None:
        raise Problem("unauthorized", "This token is not known: make one with `ringback token add`.")
    return account_id


async def device_of(rt: Runtime, key: str) -> int:
    """The device of a device key; Problem ``unauthorized`` if it is not known."""
    device_id = await _look_up(rt, key, devices.by_key)
    if device_id is None:
        raise Problem("unauthorized", "This device key is not known: pair the phone again.")
    return device_id


async def _look_up(rt: Runtime, secret: str, look: Callable[[Any, bytes], int | None]) -> int | None:
    kept = hashed(f"{look.__name__}:{secret}")
    if (known := rt.callers.get(kept)) is not None:
        return known
    version = rt.directory_version
    found = await rt.db.read(look, hashed(secret))
    # Between the look and now a token may have been revoked: what is remembered must not be older than that.
    if found is not None and version == rt.directory_version:
        if len(rt.callers) >= _MAX_REMEMBERED:
            rt.callers.clear()
        rt.callers[kept] = found
    return found
