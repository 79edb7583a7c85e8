"""A device as the journeys need it: its own settings and those of its account and plan, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringback.domain.channels import Channel
from ringback.domain.lifecycle import FIRING, Status
from ringback.domain.plans import Plan
from ringback.domain.times import MINUTE, DatetimeFormat

# A device that was heard of within this time can be handed a message; others' messages wait in status 1.
READY_WITHIN = 2 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An endpoint as the writing of deliveries needs it."""

    endpoint_id: int
    extended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """``pause`` and ``pause_random`` are milliseconds between two messages of one channel: fixed, plus up to."""

    device_id: int
    account_id: int
    title: str
    plan: Plan = field(default_factory=Plan)
    time_zone: str = "UTC"
    language: str = "en"
    datetime_format: DatetimeFormat = DatetimeFormat.PLAIN
    status_target: Target | None = None
    incoming_targets: Mapping[Channel, Target] = field(default_factory=dict)
    status_ids: frozenset[Status] = frozenset(FIRING)
    plus_prefixes: tuple[str, ...] = ()
    pause: int = 0
    pause_random: int = 0
    last_seen_at: int | None = None

    def ready(self, now: int) -> bool:
        return self.last_seen_at is not None and now - self.last_seen_at < READY_WITHIN
