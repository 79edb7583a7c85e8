"""The engine without its thread and its sockets: the real dispatcher over the real store, each step when the test says so."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.service.house import FakeClock

from ringback import settings
from ringback.delivery import queue
from ringback.delivery.dispatcher import BUDGETS, Dispatcher, Send
from ringback.delivery.targets import stored_health
from ringback.domain.channels import Channel
from ringback.domain.deliveries import Delivery
from ringback.domain.endpoints import Outcome
from ringback.domain.messages import Incoming, Outgoing, Report
from ringback.runtime import open_runtime
from ringback.service import accounts, deliveries, devices, endpoints, inbound, outbound, reports
from ringback.store import deliveries as deliveries_store
from ringback.store import endpoints as endpoints_store
from ringback.store.database import Database
from ringback.store.tables import deliveries as deliveries_table
from ringback.store.transaction import Tx

URLS = ("http://127.0.0.1:9001/a", "http://127.0.0.1:9002/b")


def make_template(folder: Path) -> None:
    """A house with one device: statuses and slot 0 go to the first endpoint, slot 1 to the second."""
    rt = open_runtime(settings.read({}, data=str(folder), allow_webhooks_to="loopback"), FakeClock())
    account_id, _ = accounts.add(rt, email="one@example.org")
    device_id, _ = devices.add(rt, account_id, "Phone")
    hooks = {Channel.SIM_1: URLS[0], Channel.SIM_2: URLS[1]}
    devices.change(
        rt, devices.DeviceChange(device_id=device_id, status_webhook=URLS[0], incoming_webhooks=hooks)
    )
    rt.db.stop()


@dataclass
class Seen:
    """What receivers have seen: for each (endpoint, lane) the sequences by first arrival; each delivery's arrivals."""

    order: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    accepted: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)

    def arrive(self, delivery: Delivery) -> None:
        known = self.ids.setdefault(delivery.delivery_id, delivery.webhook_id)
        body = self.bodies.setdefault(delivery.delivery_id, delivery.body)
        assert (known, body) == (delivery.webhook_id, delivery.body), "an attempt differs from the one before"
        sequences = self.order.setdefault((delivery.endpoint_id, delivery.lane), [])
        if delivery.sequence not in sequences:
            assert not sequences or sequences[-1] < delivery.sequence, (
                "a later event of the message came first"
            )
            sequences.append(delivery.sequence)

    def accept(self, delivery: Delivery) -> None:
        """It was answered 2xx: nothing earlier of its message may be accepted after that for the first time."""
        accepted = self.accepted.setdefault((delivery.endpoint_id, delivery.lane), [])
        if delivery.sequence not in accepted:
            assert not accepted or accepted[-1] < delivery.sequence, (
                "an earlier event was accepted after a later one"
            )
            accepted.append(delivery.sequence)


class Engine:
    def __init__(self, template: Path, folder: Path) -> None:
        shutil.copytree(template, folder)
        self.clock = FakeClock()
        self.seen = Seen()
        self.taken: set[int] = set()  # answered 200 and settled: these must not go again
        self._settings = settings.read({}, data=str(folder), allow_webhooks_to="loopback")
        self.rt = open_runtime(self._settings, self.clock)
        self.rt.db.on_commit = self._committed
        self._other = Database(self.rt.db.url, self.clock.now)  # another process on the same file
        self._other.start()
        self._counter = 0
        self.sms: list[int] = []
        self._be_born()

    def close(self) -> None:
        self._other.stop()
        self.rt.db.stop()

    def _be_born(self) -> None:
        self._inbox: list[Tx] = []
        self.under_way: list[Send] = []
        self.unsettled: list[deliveries.Settlement] = []
        self.reading: list[tuple[int, int, list[Delivery]]] = []
        self.dispatcher = Dispatcher(random.Random(1).random)  # noqa: S311 -- repeatable jitter

    def _committed(self, tx: Tx) -> None:
        self._inbox.append(tx)

    # -- the world

    def arrive(self, channel: Channel, *, foreign: bool = False) -> None:
        """A text comes in; ``foreign``: another process has written it."""
        self._counter += 1
        message = Incoming(
            channel=channel,
            address="+491511",
            body="hello",
            date=self.clock.time,
            date_sent=self.clock.time,
            internal_id=None,
            phone_id=f"id:{self._counter}",
        )
        arrival = inbound.Arrival(device_id=1, messages=[message], media="http://x")
        db = self._other if foreign else self.rt.db
        db.write_now(inbound.take_incoming, arrival)

    def submit(self) -> None:
        submission = outbound.Submission(
            account_id=1, messages=[Outgoing(to="+491511", body="x", device_id=1)]
        )
        self.rt.db.write_now(devices.write_sightings, devices.Sighting(device_id=1))
        [accepted] = self.rt.db.write_now(outbound.take_submissions, submission)
        self.sms.append(accepted.sms_id)

    def report(self, sms_id: int, status_id: int) -> None:
        telling = reports.Telling(
            device_id=1, reports=[Report(sms_id=sms_id, status_id=status_id, at=self.clock.time)]
        )
        self.rt.db.write_now(reports.take_reports, telling)

    # -- the engine's steps

    def turn(self) -> None:
        """Work off what was committed, then start what may go: as the thread does, but reads come when they come."""
        if self._other_wrote():
            self.dispatcher.distrust_memory()
            self.sweep()
        inbox, self._inbox = self._inbox, []
        for tx in inbox:
            self.dispatcher.hand_over(tx.deliveries)
            for endpoint_id in tx.endpoints:
                self._load(endpoint_id)
        for endpoint_id in self.dispatcher.unconfigured():
            self._load(endpoint_id)
        for endpoint_id, limit in self.dispatcher.refills():
            found = self.rt.db.look(deliveries_store.pending, endpoint_id, limit)
            self.reading.append((endpoint_id, limit, found))
        for send in self.dispatcher.take(self.clock.time):
            delivery = send.delivery
            lanes = [(other.delivery.endpoint_id, other.delivery.lane) for other in self.under_way]
            assert (delivery.endpoint_id, delivery.lane) not in lanes, "two of one message are under way"
            assert delivery.delivery_id not in self.taken, "sent again without a reason"
            self.under_way.append(send)

    def _other_wrote(self) -> bool:
        # The writer notices it in its next transaction or when it is idle; here it is made to look now.
        noticed: list[bool] = []
        self.rt.db.on_foreign = lambda: noticed.append(True)
        self.rt.db.write_now(_nothing, None)
        self._inbox.pop()  # that look's own, empty commit
        return bool(noticed)

    def _load(self, endpoint_id: int) -> None:
        row = self.rt.db.look(endpoints_store.row, endpoint_id)
        assert row is not None
        self.dispatcher.configure(endpoint_id, stored_health(row))

    def read(self, place: int) -> None:
        """One of the reads comes back, however much was settled meanwhile."""
        endpoint_id, limit, found = self.reading.pop(place)
        self.dispatcher.refilled(endpoint_id, found, complete=len(found) < limit)

    def sweep(self) -> None:
        self.dispatcher.sweep(self.rt.db.look(deliveries_store.endpoints_with_pending))

    def answer(self, place: int, outcome: Outcome) -> None:
        send = self.under_way.pop(place)
        if outcome.status is not None:
            self.seen.arrive(send.delivery)
        if outcome.succeeded:
            self.seen.accept(send.delivery)
        self.unsettled.append(self.dispatcher.answered(send, outcome, self.clock.time))

    def settle(self, place: int) -> None:
        settlement = self.unsettled.pop(place)
        state = self.rt.db.write_now(deliveries.take_settlements, settlement)
        if settlement.outcome.succeeded:
            self.taken.add(settlement.delivery.delivery_id)
        self.turn()
        self.dispatcher.settled(replace(settlement, state=state))

    def release(self) -> None:
        self.rt.db.write_now(deliveries.release_due, deliveries.RELEASE_BATCH)

    def park(self, endpoint_id: int) -> None:
        """As the engine's own clock does for endpoints that have taken nothing for a week."""
        if endpoint_id in self.dispatcher.hopeless(self.clock.time):
            self.rt.db.write_now(deliveries.park_hopeless, endpoint_id)

    def pause(self, endpoint_id: int) -> None:
        self.rt.db.write_now(endpoints.change_endpoints, endpoints.pause(endpoint_id, None))

    def resume(self, endpoint_id: int) -> None:
        self.rt.db.write_now(endpoints.change_endpoints, endpoints.resume(endpoint_id, None))

    def replay(self, delivery_id: int) -> None:
        self.rt.db.write_now(
            deliveries.take_replays, deliveries.Replay(account_id=1, delivery_id=delivery_id)
        )
        self.taken.discard(delivery_id)

    def crash(self) -> None:
        """All memory is gone. What was under way may have arrived; what was answered and not settled has."""
        for send in self.under_way[::2]:
            self.seen.arrive(send.delivery)
        self._be_born()
        self.sweep()

    # -- what must hold

    def check(self) -> None:
        free = sum(self.dispatcher._free.values())
        assert free + len(self.under_way) == sum(BUDGETS.values()), "a slot is lost"
        assert all(len(one) <= 2 * queue.WINDOW for one in self.dispatcher.queues.values())

    def rows(self) -> list[tuple[int, int]]:
        """(delivery id, state) of all deliveries."""
        found: list[tuple[int, int]] = self.rt.db.look(
            lambda connection: [
                (row.id, row.state)
                for row in connection.execute(deliveries_table.select().order_by(deliveries_table.c.id))
            ]
        )
        return found


def _nothing(_tx: Tx, units: Sequence[None]) -> Sequence[None]:
    return units
