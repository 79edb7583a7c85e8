"""A house with an account and a device, whose clock the test holds in its hand."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from ringback import settings
from ringback.domain.channels import Channel
from ringback.domain.messages import Incoming, Outgoing, Report
from ringback.domain.plans import Plan
from ringback.runtime import Clock, Runtime, open_runtime
from ringback.service import accounts, devices, endpoints, inbound, outbound, outbox, reports
from ringback.store import devices as devices_store
from ringback.store import messages as messages_store
from ringback.store.database import Journey
from ringback.store.tables import deliveries, events
from ringback.store.transaction import Row, Tx

START = 1_795_456_653_000  # 2026-11-23T17:57:33Z
URL = "http://127.0.0.1:9999/hook"
T = TypeVar("T")


class FakeClock(Clock):
    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time

    def go(self, milliseconds: int) -> None:
        self.time += milliseconds


class House:
    """The journeys, called as the doors call them; ``commits`` is what each commit has left to be handed over."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        chosen = settings.read({}, data=str(folder), allow_webhooks_to="loopback")
        self.rt: Runtime = open_runtime(chosen, self.clock)
        self.commits: list[Tx] = []
        self.rt.db.on_commit = self.commits.append
        self.account_id, self.token = accounts.add(self.rt, email="one@example.org")
        self.device_id, self.key = devices.add(self.rt, self.account_id, "Shop phone")

    # -- what phones and callers do

    def seen(self, device_id: int | None = None) -> None:
        """The device is heard of, and so ready."""
        sighting = devices.Sighting(device_id=device_id or self.device_id)
        self.rt.db.write_now(devices.write_sightings, sighting)

    def outgoing(self, **changes: Any) -> Outgoing:
        return Outgoing(**{"to": "+4915112345678", "body": "hello", "device_id": self.device_id, **changes})

    def submit(self, *messages: Outgoing, account_id: int | None = None) -> list[outbound.Accepted]:
        submission = outbound.Submission(
            account_id=account_id or self.account_id, messages=messages, many=len(messages) > 1
        )
        accepted: list[outbound.Accepted] = self.rt.db.write_now(outbound.take_submissions, submission)
        return accepted

    def sms(self, **changes: Any) -> int:
        [accepted] = self.submit(self.outgoing(**changes))
        return accepted.sms_id

    def tell(
        self, *told: tuple[int, int], device_id: int | None = None, **changes: Any
    ) -> list[reports.Told]:
        said = [
            Report(**{"sms_id": sms_id, "status_id": status, "at": self.clock.time, **changes})
            for sms_id, status in told
        ]
        telling = reports.Telling(device_id=device_id or self.device_id, reports=said)
        answer: list[reports.Told] = self.rt.db.write_now(reports.take_reports, telling)
        return answer

    def poll(self, limit: int = 15, device_id: int | None = None) -> outbox.Offer:
        poll = outbox.Poll(device_id=device_id or self.device_id, limit=limit)
        offer: outbox.Offer = self.rt.db.write_now(outbox.make_offers, poll)
        return offer

    def offered(self, limit: int = 15) -> list[int]:
        return [row["id"] for row in self.poll(limit).messages]

    def tick(self, since: int) -> bool:
        tick = outbox.Tick(since=since, until=self.clock.time, report_timeout=3_600_000)
        more: bool = self.rt.db.write_now(outbox.take_ticks, tick)
        return more

    def incoming(self, **changes: Any) -> Incoming:
        moment = self.clock.time
        plain = {"address": "+4917", "body": "hi", "date": moment, "date_sent": moment, "internal_id": 981}
        return Incoming(**{"channel": Channel.SIM_1, "phone_id": "id:1", **plain, **changes})

    def bring(self, *messages: Incoming, device_id: int | None = None) -> list[inbound.Receipt]:
        arrival = inbound.Arrival(
            device_id=device_id or self.device_id, messages=messages, media="http://house"
        )
        receipts: list[inbound.Receipt] = self.rt.db.write_now(inbound.take_incoming, arrival)
        return receipts

    def hooks(self, url: str = URL, *, slots: tuple[Channel, ...] = tuple(Channel)) -> int:
        """Point all of the device's webhooks to the URL; the endpoint's id."""
        change = devices.DeviceChange(
            device_id=self.device_id, status_webhook=url, incoming_webhooks=dict.fromkeys(slots, url)
        )
        return devices.change(self.rt, change)[0].endpoint_id

    def plan(self, name: str, **values: Any) -> None:
        """The account has a plan of these values from now on."""
        self.rt.db.write_now(accounts.save_plans, Plan(name=name, **values))
        accounts.change(self.rt, accounts.AccountChange(account_id=self.account_id, plan=name))

    def extend(self, endpoint_id: int) -> None:
        """The endpoint gets the extended form."""
        change = endpoints.EndpointChange(
            endpoint_id=endpoint_id, account_id=self.account_id, values={"extended": True}
        )
        self.rt.db.write_now(endpoints.change_endpoints, change)

    # -- what can be seen then

    def message(self, sms_id: int) -> Row:
        row = self.rt.db.look(messages_store.show, None, sms_id)
        assert row is not None
        return row

    def status(self, sms_id: int) -> int:
        return int(self.message(sms_id)["status_id"])

    def history(self, sms_id: int) -> list[tuple[int, bool]]:
        """(status, late) of all that was said of a message."""
        rows = self.rt.db.look(messages_store.history, sms_id)
        return [(row["status_id"], row["late"]) for row in rows]

    def events(self, sms_id: int | None = None) -> list[Row]:
        statement = select(events).order_by(events.c.id)
        if sms_id is not None:
            statement = statement.where(events.c.message_id == sms_id)
        return self._rows(statement)

    def bodies(self, sms_id: int) -> list[dict[str, Any]]:
        return [json.loads(row["body"]) for row in self.events(sms_id)]

    def sent(self) -> list[dict[str, Any]]:
        """The bodies as they were last handed over to be sent."""
        return [json.loads(delivery.body) for delivery in self.commits[-1].deliveries]

    def deliveries(self) -> list[Row]:
        return self._rows(select(deliveries).order_by(deliveries.c.id))

    def device(self) -> Row:
        row = self.rt.db.look(devices_store.row, self.device_id)
        assert row is not None
        return row

    def _rows(self, statement: Any) -> list[Row]:
        def look(connection: Connection) -> list[Row]:
            return list(connection.execute(statement).mappings())

        return self.rt.db.look(look)

    # -- how

    def together(self, *units: tuple[Journey, object]) -> list[Any]:
        """Have these written in one commit: each one's answer or Problem."""
        reached, gate = threading.Event(), threading.Event()

        def hold(_tx: Tx, held: Sequence[object]) -> list[None]:
            reached.set()
            assert gate.wait(10)
            return [None] * len(held)

        self.rt.db.submit(hold, None, lambda _: None)
        assert reached.wait(10)
        futures: list[Future[Any]] = []
        for journey, unit in units:
            futures.append(Future())
            self.rt.db.submit(journey, unit, futures[-1].set_result)
        gate.set()
        return [future.result(10) for future in futures]

    def run(self, journey: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(journey)
