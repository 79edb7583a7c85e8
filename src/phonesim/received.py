"""One webhook as it arrived; nothing of it is parsed before somebody asks."""

from enum import StrEnum
from typing import Any

import msgspec
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError


class Verdict(StrEnum):
    """``missing``: it is not signed at all; ``unchecked``: there was no secret to check it with."""

    OK = "ok"
    BAD = "bad"
    MISSING = "missing"
    UNCHECKED = "unchecked"


class Received:
    """``number`` counts from 1; ``wall`` and ``mono`` are the arrival (seconds of the two clocks).

    ``answered`` is the status of the answer, None where the connection was closed without one;
    ``manner`` is ``ok`` or what the receiver did instead of behaving.
    """

    __slots__ = (
        "_headers",
        "answered",
        "content",
        "manner",
        "method",
        "mono",
        "number",
        "path",
        "verdict",
        "wall",
    )

    def __init__(
        self,
        *,
        number: int,
        wall: float,
        mono: float,
        method: str,
        path: str,
        headers: list[tuple[bytes, bytes]],
        content: bytes,
        verdict: Verdict,
        answered: int | None,
        manner: str,
    ) -> None:
        self.number = number
        self.wall = wall
        self.mono = mono
        self.method = method
        self.path = path
        self.content = content
        self.verdict = verdict
        self.answered = answered
        self.manner = manner
        self._headers = headers

    @property
    def headers(self) -> dict[str, str]:
        """All of them, names in small letters."""
        return readable(self._headers)

    @property
    def webhook_id(self) -> str | None:
        return self.header("webhook-id")

    @property
    def event(self) -> str | None:
        return self.header("ringback-event")

    @property
    def sequence(self) -> int | None:
        return _number(self.header("ringback-sequence"))

    @property
    def attempt(self) -> int | None:
        return _number(self.header("ringback-attempt"))

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    @property
    def body(self) -> Any:
        """The JSON, parsed; None where it is none."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def header(self, name: str) -> str | None:
        wanted = name.encode("latin-1")
        return next((value.decode("latin-1") for key, value in self._headers if key == wanted), None)

    def record(self) -> dict[str, Any]:
        """Its line in the ledger."""
        return {
            "number": self.number,
            "wall": self.wall,
            "mono": self.mono,
            "method": self.method,
            "path": self.path,
            "webhook_id": self.webhook_id,
            "event": self.event,
            "sequence": self.sequence,
            "attempt": self.attempt,
            "verdict": self.verdict,
            "body": self.body,
            "raw": self.text,
            "answered": self.answered,
            "manner": self.manner,
        }


class Verifier:
    """Checks signatures with the official package; several secrets for the time of a rotation."""

    def __init__(self, secrets: list[str]) -> None:
        """ValueError where a secret is none."""
        self._checks = [_check(secret) for secret in secrets]

    def verdict(self, headers: list[tuple[bytes, bytes]], content: bytes) -> Verdict:
        if not self._checks:
            return Verdict.UNCHECKED
        known = readable(headers)
        if "webhook-signature" not in known:
            return Verdict.MISSING
        for check in self._checks:
            try:
                check.verify(content, known, json_parse=False)
            except (WebhookVerificationError, ValueError):  # ValueError: no base64, no comma, no UTF-8
                continue
            return Verdict.OK
        return Verdict.BAD


def readable(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _check(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError) as exc:  # ValueError: no base64
        raise ValueError(
            f"{secret!r} is no webhook secret: it looks like whsec_… and is shown with the endpoint"
        ) from exc


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
