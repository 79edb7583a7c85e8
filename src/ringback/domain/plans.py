"""What an account may do."""

from dataclasses import dataclass

from ringback.domain.channels import ALL, NAMES, Channel
from ringback.domain.problems import Problem

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``max_devices`` and ``max_messages`` (outgoing, a calendar month in UTC) are None where there is no limit."""

    name: str = DEFAULT
    webhooks: bool = True
    channels: frozenset[Channel] = ALL
    max_devices: int | None = None
    max_messages: int | None = None


def refuse_channel(plan: Plan, channel: Channel) -> Problem | None:
    if channel in plan.channels:
        return None
    included = ", ".join(f"{int(slot)} ({NAMES[slot]})" for slot in sorted(plan.channels)) or "none"
    return Problem(
        "channel_not_in_plan",
        f"The plan '{plan.name}' does not include channel {int(channel)} ({NAMES[channel]}); it includes {included}.",
        field="channel_id",
    )


def refuse_messages(plan: Plan, used: int, wanted: int) -> Problem | None:
    if plan.max_messages is None or used + wanted <= plan.max_messages:
        return None
    return Problem(
        "quota_exceeded",
        f"The plan '{plan.name}' allows {plan.max_messages} messages a month; {used} are used and {wanted} more were"
        " asked for. The count starts anew on the first of the month (UTC).",
    )


def refuse_device(plan: Plan, used: int) -> Problem | None:
    if plan.max_devices is None or used < plan.max_devices:
        return None
    return Problem(
        "quota_exceeded", f"The plan '{plan.name}' allows {plan.max_devices} devices, and there are {used}."
    )
