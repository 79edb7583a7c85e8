"""The test button: one sample webhook, sent at once and outside the queue, and what came of it."""

import asyncio
import os
import selectors
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ringback.delivery.poster import Exchange, Post, Poster
from ringback.delivery.resolver import resolve
from ringback.delivery.targets import target
from ringback.domain.channels import Channel
from ringback.domain.deliveries import Delivery
from ringback.domain.endpoints import Fault, Outcome
from ringback.domain.events import Kind
from ringback.domain.lifecycle import Status
from ringback.domain.networks import check_addresses, parse_networks
from ringback.domain.problems import Problem
from ringback.domain.times import DatetimeFormat, text
from ringback.domain.wording import status_message
from ringback.runtime import Runtime
from ringback.wire.webhook import Body, Extra, ImageBody, StatusBody, TextBody, exact, extended


class Sample(StrEnum):
    """Which of the three forms to send."""

    STATUS = "status"
    TEXT = "text"
    IMAGE = "img"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was sent and what was answered."""

    url: str
    headers: tuple[str, ...]
    body: bytes
    outcome: Outcome


async def run(rt: Runtime, row: Mapping[Any, Any], sample: str) -> Trial:
    """As ``run_now``, in a thread, for a sample by its name."""
    return await asyncio.to_thread(run_now, rt, row, Sample(sample))


def run_now(rt: Runtime, row: Mapping[Any, Any], sample: Sample) -> Trial:
    """POST a sample to the endpoint of that row. What cannot be sent is told in the outcome, as with a real one."""
    now = rt.clock.now()
    chosen = target(row, rt.settings, rt.sealer)
    body = _sample(sample, now, extend=bool(row["extended"]))
    delivery = Delivery(
        delivery_id=0,
        endpoint_id=row["id"],
        lane=0,
        sequence=1,
        webhook_id=f"evt_test_{os.urandom(8).hex()}",
        event=Kind.WEBHOOK_TEST,
        body=body,
        created_at=now,
    )
    resolution = resolve(chosen.location, now)
    post = chosen.post(delivery, resolution.addresses, now)
    if resolution.fault is not None:
        outcome = Outcome(at=now, duration=0, fault=resolution.fault, error=resolution.error)
    else:
        try:
            check_addresses(
                chosen.location, resolution.addresses, parse_networks(rt.settings.allow_webhooks_to)
            )
            outcome = _post(post, now)
        except Problem as exc:
            outcome = Outcome(at=now, duration=0, fault=Fault.REFUSED, error=exc.detail)
    return Trial(
        url=chosen.location.url,
        headers=tuple(line for line in post.headers if not line.endswith(":")),
        body=body,
        outcome=outcome,
    )


def _post(post: Post, now: int) -> Outcome:
    outcomes: list[Outcome] = []
    with selectors.DefaultSelector() as selector:
        poster = Poster(selector, lambda: now)
        try:
            poster.start(Exchange(post, outcomes.append, now))
            while not outcomes:
                deadline = poster.deadline
                wait = 1.0 if deadline is None else max(0.0, deadline - time.monotonic())
                for key, mask in selector.select(wait):
                    poster.on_socket(key.fd, mask)
                poster.tick()
                for exchange, outcome in poster.finished():
                    exchange.done(outcome)
        finally:
            poster.close()
    return outcomes[0]


def _sample(sample: Sample, now: int, *, extend: bool) -> bytes:
    moment = text(now, "UTC", DatetimeFormat.PLAIN)
    body: Body
    if sample is Sample.STATUS:
        body = StatusBody(
            sms_id=0,
            status_id=Status.DELIVERED,
            status_message=status_message(Status.DELIVERED, "en"),
            sendto="+15555550100",
            senttime=moment,
            channel_id=0,
            device_id=0,
        )
    elif sample is Sample.TEXT:
        body = TextBody(
            address="+15555550100",
            date=moment,
            date_sent=moment,
            body="This is a test from Ringback.",
            internal_id=0,
            channel_id=0,
            sms_id=0,
            device_id=0,
            device_name="Test",
        )
    else:
        body = ImageBody(
            address="+15555550100",
            date=moment,
            date_sent=moment,
            sim=Channel.WHATSAPP,
            sms_id=0,
            img_url="https://example.com/test.jpg",
        )
    if not extend:
        return exact(body)
    extra = Extra(
        channel_id=0,
        sim=0,
        device_id=0,
        device_name="Test",
        customerid=None,
        sequence=1,
        previous_status_id=None,
        caption=None,
    )
    return extended(body, extra)
