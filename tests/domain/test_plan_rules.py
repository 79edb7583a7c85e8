"""What plans refuse, in which words."""

import pytest

from ringback.domain.channels import Channel
from ringback.domain.plans import Plan, refuse_channel, refuse_device, refuse_messages

SMALL = Plan(
    name="small",
    webhooks=False,
    channels=frozenset({Channel.SIM_2, Channel.SIM_1}),
    max_devices=2,
    max_messages=100,
)


def test_the_default_refuses_nothing() -> None:
    plan = Plan()
    assert plan.webhooks
    assert [refuse_channel(plan, channel) for channel in Channel] == [None] * 6
    assert refuse_messages(plan, 10**9, 1000) is None
    assert refuse_device(plan, 10**6) is None


@pytest.mark.parametrize(
    ("channel", "allowed"),
    [pytest.param(channel, int(channel) < 2, id=str(int(channel))) for channel in Channel],
)
def test_channels_of_a_plan(channel: Channel, allowed: bool) -> None:
    refusal = refuse_channel(SMALL, channel)
    assert (refusal is None) == allowed
    if refusal is not None:
        assert (refusal.code, refusal.field) == ("channel_not_in_plan", "channel_id")
        assert refusal.detail.endswith("it includes 0 (SIM 1), 1 (SIM 2).")


def test_a_plan_without_channels_says_so() -> None:
    refusal = refuse_channel(Plan(channels=frozenset()), Channel.SIM_1)
    assert refusal is not None
    assert refusal.detail.endswith("it includes none.")


@pytest.mark.parametrize(
    ("used", "wanted", "allowed"),
    [
        pytest.param(0, 1, True, id="the first"),
        pytest.param(99, 1, True, id="the last"),
        pytest.param(100, 1, False, id="one too many"),
        pytest.param(98, 3, False, id="a list that is not all within"),
        pytest.param(100, 0, True, id="nothing is always within"),
    ],
)
def test_messages_a_month(used: int, wanted: int, allowed: bool) -> None:
    refusal = refuse_messages(SMALL, used, wanted)
    assert (refusal is None) == allowed
    if refusal is not None:
        assert refusal.code == "quota_exceeded"
        assert f"{used} are used and {wanted} more" in refusal.detail


@pytest.mark.parametrize(
    ("used", "allowed"),
    [
        pytest.param(0, True, id="the first"),
        pytest.param(1, True, id="the last"),
        pytest.param(2, False, id="one too many"),
    ],
)
def test_devices(used: int, allowed: bool) -> None:
    refusal = refuse_device(SMALL, used)
    assert (refusal is None) == allowed
    if refusal is not None:
        assert refusal.code == "quota_exceeded"
