"""A device's readiness and defaults, the messages' defaults, deliveries and problems."""

import pytest

from ringback.domain.channels import Channel
from ringback.domain.deliveries import Delivery, State
from ringback.domain.devices import READY_WITHIN, Device, Target
from ringback.domain.lifecycle import FIRING
from ringback.domain.messages import Incoming, Outgoing, Report
from ringback.domain.problems import KINDS, Problem
from ringback.domain.times import DatetimeFormat


@pytest.mark.parametrize(
    ("last_seen_at", "ready"),
    [
        pytest.param(None, False, id="never heard of"),
        pytest.param(1_000_000, True, id="just now"),
        pytest.param(1_000_001 - READY_WITHIN, True, id="hardly still"),
        pytest.param(1_000_000 - READY_WITHIN, False, id="not any more"),
        pytest.param(1_000_500, True, id="a clock that was set back"),
    ],
)
def test_ready(last_seen_at: int | None, ready: bool) -> None:
    device = Device(device_id=1, account_id=1, title="Shop phone", last_seen_at=last_seen_at)
    assert device.ready(1_000_000) == ready


def test_a_new_device() -> None:
    device = Device(device_id=1, account_id=1, title="Shop phone")
    assert device.status_ids == set(FIRING)
    assert device.status_target is None
    assert dict(device.incoming_targets) == {}
    assert (device.time_zone, device.language, device.datetime_format) == ("UTC", "en", DatetimeFormat.PLAIN)
    assert not Target(endpoint_id=1).extended


def test_messages() -> None:
    outgoing = Outgoing(to="+49151", body="x", device_id=1)
    assert (outgoing.channel, outgoing.due_at, outgoing.urgent) == (Channel.SIM_1, None, False)
    report = Report(sms_id=1, status_id=2, at=3)
    assert report.reason is None
    incoming = Incoming(
        channel=Channel.SIM_1, address="a", body="", date=1, date_sent=1, internal_id=None, phone_id="id:1"
    )
    assert (incoming.image, incoming.caption) == (None, None)


def test_a_delivery_starts_untried() -> None:
    delivery = Delivery(
        delivery_id=1,
        endpoint_id=1,
        lane=1,
        sequence=1,
        webhook_id="evt_1_a",
        event="message.status",
        body=b"{}",
        created_at=0,
    )
    assert (delivery.attempts, delivery.tries) == (0, 0)
    assert [int(state) for state in State] == [0, 1, 2, 3, 4]  # as the partial indexes spell them


def test_problems() -> None:
    problem = Problem("invalid", "The number is wrong.", field="to", retry_after=5)
    assert str(problem) == problem.detail == "The number is wrong."
    assert (problem.code, problem.kind, problem.field, problem.retry_after) == (
        "invalid",
        KINDS["invalid"],
        "to",
        5,
    )
    assert all(400 <= kind.status < 600 and kind.title for kind in KINDS.values())
    with pytest.raises(KeyError):
        Problem("never heard of", "x")
