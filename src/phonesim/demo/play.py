"""What the demo plays: the messages that go out, what comes in, and the webhooks that must follow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

GOOD = (3, 2, 6, 7)
LONG = "Your order is on its way. " * 24


@dataclass(frozen=True, kw_only=True)
class Act:
    """One outgoing message: ``name`` for the page, ``statuses`` the webhooks that must come, in this order."""

    name: str
    body: str
    statuses: tuple[int, ...] = GOOD
    extra: Mapping[str, Any] = field(default_factory=dict)


def acts() -> list[Act]:
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    return [
        Act(name="plain", body="Your table is booked for 19:00"),
        Act(name="long", body=LONG),
        Act(name="Unicode", body="Здравствуйте! 你好 👋 Ваш заказ готов"),
        Act(name="urgent", body="Your code is 471 143", extra={"urgent": True, "customerid": 77}),
        Act(name="scheduled", body="See you in three seconds", extra={"send_at": soon}),
        Act(name="not delivered", body="please fail 8", statuses=(3, 2, 6, 8)),
        Act(name="no service", body="please fail 10", statuses=(3, 2, 10)),
        Act(name="not allowed", body="please fail 100", statuses=(3, 2, 100)),
    ]


# What the phones do: fail where they are asked to, and receive a text and a picture (WhatsApp is slot 3).
SCENARIO: list[dict[str, Any]] = [
    {"do": "rule", "match": "fail 8", "status": 8},
    {"do": "rule", "match": "fail 10", "status": 10},
    {"do": "rule", "match": "fail 100", "status": 100},
    {
        "at": 1,
        "phone": 1,
        "do": "receive",
        "address": "+491511234567",
        "body": "Thank you! Can I bring a friend? 😀",
    },
    {"at": 2, "phone": 2, "do": "receive_image", "address": "+491517654321", "file": "demo", "channel_id": 3},
]
INCOMING = ("text", "img")


@dataclass
class Expectation:
    """What has come of all this so far. ``sent`` maps each sms_id to its act."""

    sent: dict[int, Act] = field(default_factory=dict)
    came: dict[int, list[int]] = field(default_factory=dict)
    incoming: list[str] = field(default_factory=list)
    bad_signatures: int = 0
    _ids: set[str] = field(default_factory=set)

    def take(self, webhook: Mapping[str, Any]) -> None:
        """Count a webhook in, as the receiver tells it; one that comes again (same id) counts once."""
        if webhook["verdict"] != "ok":
            self.bad_signatures += 1
        if webhook["webhook_id"] in self._ids:
            return
        self._ids.add(webhook["webhook_id"])
        body = webhook["body"]
        if "status_id" in body:
            self.came.setdefault(body["sms_id"], []).append(body["status_id"])
        else:
            self.incoming.append(body["type"])

    @property
    def expected(self) -> int:
        return sum(len(act.statuses) for act in self.sent.values()) + len(INCOMING)

    @property
    def arrived(self) -> int:
        return sum(len(statuses) for statuses in self.came.values()) + len(self.incoming)

    def faults(self) -> list[str]:
        """What is missing, wrong or out of order, in words."""
        found = [
            f"message {sms_id} ({act.name}): expected statuses {list(act.statuses)}, came {self.came.get(sms_id, [])}"
            for sms_id, act in self.sent.items()
            if self.came.get(sms_id, []) != list(act.statuses)
        ]
        if sorted(self.incoming) != sorted(INCOMING):
            found.append(f"incoming: expected {sorted(INCOMING)}, came {sorted(self.incoming)}")
        if self.bad_signatures:
            found.append(f"{self.bad_signatures} webhooks did not verify")
        return found
