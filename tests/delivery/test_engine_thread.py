"""The engine's thread on a real house: from a commit to a receiver on a real socket, with everything in between going wrong."""

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection as Reading
from sqlalchemy import select
from tests.delivery.sockets import Connection, RawServer, Request, answer, free_port, until

from ringback.delivery import worker as worker_module
from ringback.delivery.worker import Worker
from ringback.domain.deliveries import State
from ringback.domain.endpoints import Fault
from ringback.domain.messages import Outgoing, Report
from ringback.runtime import Runtime
from ringback.service import accounts, devices, endpoints, outbound, reports
from ringback.store import deliveries as deliveries_store
from ringback.store import endpoints as endpoints_store
from ringback.store.database import Database
from ringback.store.tables import deliveries, events
from ringback.store.transaction import Row
from ringback.wire.sealing import Sealer

TAKEN, SENT, DELIVERED = 2, 6, 7


class Receiver:
    """A backend: ``status`` is what it answers now; ``gate`` holds its answers back while it is cleared."""

    def __init__(self, *, port: int = 0, status: int = 200) -> None:
        self.status = status
        self.gate = threading.Event()
        self.gate.set()
        self.taken: list[Request] = []  # those that it answered with success
        self.server = RawServer(self._behave, port=port)

    def _behave(self, connection: Connection) -> None:
        while (request := connection.read()) is not None:
            while not self.gate.wait(0.01):
                if connection.server.closing.is_set():
                    return
            if self.status < 300:
                self.taken.append(request)
            connection.send(answer(self.status))

    @property
    def asked(self) -> list[Request]:
        return self.server.requests

    @property
    def statuses(self) -> list[tuple[int, int]]:
        """(sms_id, status_id) of what it took."""
        return [(request.json["sms_id"], request.json["status_id"]) for request in self.taken]

    def url(self, host: str | None = None) -> str:
        return self.server.url(host=host)


class Stage:
    """An account and its engine. Each endpoint has a device of its own."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.account_id, _ = accounts.add(rt, email="one@example.org")
        self.worker: Worker | None = None

    def start(self) -> None:
        self.worker = Worker(self.rt)
        self.rt.db.on_commit = self.worker.committed
        self.rt.db.on_foreign = self.worker.foreign
        self.worker.start()

    def stop(self, patience: float = 10.0) -> None:
        if self.worker is not None:
            self.worker.stop(patience)
            self.worker = None
            self.rt.db.on_commit = lambda _tx: None
            self.rt.db.on_foreign = lambda: None

    def device(self, url: str) -> tuple[int, int]:
        """(device, endpoint) of a new device whose statuses go to the URL."""
        device_id, _ = devices.add(self.rt, self.account_id, "Phone")
        self.rt.db.write_now(devices.write_sightings, devices.Sighting(device_id=device_id))
        [shown] = devices.change(self.rt, devices.DeviceChange(device_id=device_id, status_webhook=url))
        return device_id, shown.endpoint_id

    def sms(self, device_id: int, *said: int) -> int:
        """A message, queued (3), of which the phone says these."""
        outgoing = Outgoing(to="+4915112345678", body="hello", device_id=device_id)
        submission = outbound.Submission(account_id=self.account_id, messages=[outgoing], many=False)
        [accepted] = self.rt.db.write_now(outbound.take_submissions, submission)
        for status in said:
            self.tell(device_id, accepted.sms_id, status)
        return int(accepted.sms_id)

    def tell(self, device_id: int, sms_id: int, status: int) -> None:
        report = Report(sms_id=sms_id, status_id=status, at=self.rt.clock.now())
        telling = reports.Telling(device_id=device_id, reports=[report])
        self.rt.db.write_now(reports.take_reports, telling)

    def change(self, change: endpoints.EndpointChange) -> None:
        self.rt.db.write_now(endpoints.change_endpoints, change)

    def write(self, endpoint_id: int, **values: Any) -> None:
        self.change(endpoints.EndpointChange(endpoint_id=endpoint_id, account_id=None, values=values))

    # -- what can be seen

    def endpoint(self, endpoint_id: int) -> Row:
        row = self.rt.db.look(endpoints_store.row, endpoint_id)
        assert row is not None
        return row

    def states(self, endpoint_id: int) -> list[State]:
        def look(connection: Reading) -> list[State]:
            rows = select(deliveries.c.state).where(deliveries.c.endpoint_id == endpoint_id)
            return [State(state) for state in connection.scalars(rows.order_by(deliveries.c.id))]

        return self.rt.db.look(look)

    def all_done(self, endpoint_id: int) -> bool:
        return set(self.states(endpoint_id)) == {State.DONE}

    def attempts(self, delivery_id: int = 1) -> list[Row]:
        return list(self.rt.db.look(deliveries_store.attempts_of, delivery_id))

    def recorded(self, kind: str) -> list[Any]:
        def look(connection: Reading) -> list[Any]:
            rows = select(events.c.body).where(events.c.kind == kind)
            return [json.loads(body) for body in connection.scalars(rows)]

        return self.rt.db.look(look)

    def down(self, endpoint_id: int) -> bool:
        return bool(self.endpoint(endpoint_id)["state"] == "unhealthy")


@pytest.fixture
def stage(rt: Runtime) -> Iterator[Stage]:
    made = Stage(rt)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(**how: Any) -> Receiver:
        made.append(Receiver(**how))
        return made[-1]

    yield make
    for receiver in made:
        receiver.server.close()


Receivers = Callable[..., Receiver]
Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def heard(logs: Logs, event: str) -> bool:
    return any(line["event"] == event for line in logs)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; those that are not in it do not."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


# -- the plain way


def test_what_is_committed_is_delivered_in_order(stage: Stage, receivers: Receivers) -> None:
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    said = [(stage.sms(device_id, TAKEN, SENT, DELIVERED), (3, TAKEN, SENT, DELIVERED)) for _ in range(5)]
    until(lambda: stage.all_done(endpoint_id), "delivery")
    for sms_id, statuses in said:
        assert [status for one, status in receiver.statuses if one == sms_id] == list(statuses)
        mine = [request for request in receiver.taken if request.json["sms_id"] == sms_id]
        assert [request["ringback-sequence"] for request in mine] == ["1", "2", "3", "4"]
        assert {request["ringback-attempt"] for request in mine} == {"1"}
    assert len(receiver.asked) == 20
    assert len({request["webhook-id"] for request in receiver.asked}) == 20
    assert [row["status"] for row in stage.attempts()] == [200]


def test_what_was_written_while_no_engine_ran(stage: Stage, receivers: Receivers) -> None:
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    stage.stop()
    sms_id = stage.sms(device_id, TAKEN)
    assert receiver.asked == []
    stage.start()
    until(lambda: stage.all_done(endpoint_id), "delivery")
    assert receiver.statuses == [(sms_id, 3), (sms_id, TAKEN)]


def test_what_another_process_writes(stage: Stage, receivers: Receivers) -> None:
    """The command line replays: nobody hands that over, the change of the file is seen."""
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    sms_id = stage.sms(device_id)
    until(lambda: stage.all_done(endpoint_id), "delivery")
    other = sqlite3.connect(str(stage.rt.db.url.database), isolation_level=None)
    other.execute("UPDATE deliveries SET state = 0")
    other.close()
    until(lambda: len(receiver.taken) == 2, "the replay")
    assert receiver.statuses == [(sms_id, 3)] * 2
    assert len({request["webhook-id"] for request in receiver.taken}) == 1


# -- names and addresses


def test_localhost_by_its_name(stage: Stage, receivers: Receivers) -> None:
    """The system's own resolver; the setting allows loopback."""
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url(host="localhost"))
    stage.sms(device_id)
    until(lambda: stage.all_done(endpoint_id), "delivery")
    assert receiver.asked[0]["Host"] == f"localhost:{receiver.server.port}"


def test_a_name_that_does_not_resolve_and_then_does(
    stage: Stage, receivers: Receivers, names: dict[str, list[str]]
) -> None:
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url(host="new.example.test"))
    sms_id = stage.sms(device_id, TAKEN)
    until(lambda: stage.down(endpoint_id), "the failure")
    first = stage.attempts()[0]
    assert (first["fault"], first["status"]) == (Fault.DNS, None)
    assert "new.example.test" in first["error"]
    assert stage.states(endpoint_id) == [State.PENDING] * 2
    names["new.example.test"] = ["127.0.0.1"]
    until(lambda: stage.all_done(endpoint_id), "delivery")
    assert receiver.statuses == [(sms_id, 3), (sms_id, TAKEN)]


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["10.1.2.3"], id="private"),
        pytest.param(["127.0.0.1", "10.1.2.3"], id="one of two is private"),
        pytest.param(["169.254.169.254"], id="cloud metadata"),
    ],
)
def test_a_name_that_leads_where_webhooks_may_not_go(
    stage: Stage, receivers: Receivers, names: dict[str, list[str]], addresses: list[str]
) -> None:
    receiver, other = receivers(), receivers()
    names["inside.example.test"] = addresses
    device_id, endpoint_id = stage.device(receiver.url(host="inside.example.test"))
    other_device, other_endpoint = stage.device(other.url())
    stage.sms(device_id)
    stage.sms(other_device)
    until(lambda: stage.down(endpoint_id) and stage.all_done(other_endpoint), "the refusal")
    first = stage.attempts()[0]
    assert (first["fault"], first["status"]) == (Fault.REFUSED, None)
    assert f"RINGBACK_ALLOW_WEBHOOKS_TO={addresses[-1]}" in first["error"]
    assert f"RINGBACK_ALLOW_WEBHOOKS_TO={addresses[-1]}" in stage.endpoint(endpoint_id)["note"]
    assert stage.states(endpoint_id) == [State.PENDING]
    assert receiver.server.accepted == 0


def test_a_resolver_that_hangs(stage: Stage, receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> list[Any]:
        released.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(worker_module, "_RESOLVE_PATIENCE", 200)
    other = receivers()
    device_id, endpoint_id = stage.device("http://hangs.example.test/")
    other_device, other_endpoint = stage.device(other.url())
    try:
        stage.sms(device_id)
        stage.sms(other_device)
        until(lambda: stage.down(endpoint_id) and stage.all_done(other_endpoint), "giving up")
        first = stage.attempts()[0]
        assert (first["fault"], first["error"]) == (
            Fault.DNS,
            "looking up hangs.example.test takes too long",
        )
        assert stage.states(endpoint_id) == [State.PENDING]
    finally:
        released.set()


# -- the database in the way


@pytest.mark.parametrize(
    "writes", [pytest.param(False, id="and changes nothing"), pytest.param(True, id="and writes something")]
)
def test_the_database_is_locked_while_an_outcome_is_written(
    rt: Runtime,
    stage: Stage,
    receivers: Receivers,
    logs: Logs,
    monkeypatch: pytest.MonkeyPatch,
    *,
    writes: bool,
) -> None:
    monkeypatch.setattr(worker_module, "_RETRY_STORE", 0.05)
    stage.stop()
    rt.db.stop()
    rt.db = Database(rt.db.url, rt.clock.now, busy_timeout=0.05)
    rt.db.start()
    stage.start()
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    receiver.gate.clear()
    sms_id = stage.sms(device_id, TAKEN)
    until(lambda: receiver.asked, "the request")
    other = sqlite3.connect(str(rt.db.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    if writes:
        other.execute("UPDATE accounts SET id = id")
    receiver.gate.set()
    until(lambda: heard(logs, "settle.failed"), "the failure to settle")
    assert len(receiver.asked) == 1  # the next of the lane waits for the commit, not for the answer
    other.execute("COMMIT")
    other.close()
    until(lambda: stage.all_done(endpoint_id), "settling")
    assert receiver.statuses == [(sms_id, 3), (sms_id, TAKEN)]
    assert len(receiver.asked) == 2
    assert len(stage.attempts()) == 1


# -- stopping


def test_stop_finishes_what_is_in_flight_and_starts_nothing(stage: Stage, receivers: Receivers) -> None:
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    receiver.gate.clear()
    sms_id = stage.sms(device_id, TAKEN, SENT)
    until(lambda: receiver.asked, "the request")
    worker = stage.worker
    assert worker is not None
    stopping = threading.Thread(target=stage.stop)
    stopping.start()
    until(lambda: worker._stopping, "stopping")
    assert stopping.is_alive()
    receiver.gate.set()
    stopping.join(15)
    assert not stopping.is_alive()
    assert stage.states(endpoint_id) == [State.DONE, State.PENDING, State.PENDING]
    assert len(receiver.asked) == 1
    stage.start()
    until(lambda: stage.all_done(endpoint_id), "the rest")
    assert receiver.statuses == [(sms_id, 3), (sms_id, TAKEN), (sms_id, SENT)]


def test_stop_has_an_end_and_loses_nothing(stage: Stage, receivers: Receivers) -> None:
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    receiver.gate.clear()
    stage.sms(device_id)
    until(lambda: receiver.asked, "the request")
    stage.stop(patience=0.05)
    assert stage.states(endpoint_id) == [State.PENDING]
    receiver.gate.set()
    stage.start()
    until(lambda: stage.all_done(endpoint_id), "delivery")
    first, second = receiver.asked
    assert first["webhook-id"] == second["webhook-id"]
    assert first.body == second.body


# -- outages


@pytest.mark.parametrize("refused", [pytest.param(True, id="refused"), pytest.param(False, id="503")])
def test_an_outage_drains_in_order(stage: Stage, receivers: Receivers, *, refused: bool) -> None:
    port = free_port()
    receiver = None if refused else receivers(port=port, status=503)
    device_id, endpoint_id = stage.device(f"http://127.0.0.1:{port}/hook")
    first = stage.sms(device_id, TAKEN, SENT)
    until(lambda: stage.down(endpoint_id), "the outage")
    others = [stage.sms(device_id, TAKEN, SENT, DELIVERED) for _ in range(20)]
    assert State.DONE not in stage.states(endpoint_id)
    if receiver is None:
        receiver = receivers(port=port)
    else:
        receiver.status = 200
    until(lambda: stage.all_done(endpoint_id), "the drain")
    assert receiver.statuses[0] == (first, 3)
    for sms_id in (first, *others):
        said = [status for one, status in receiver.statuses if one == sms_id]
        assert said == ([3, TAKEN, SENT] if sms_id == first else [3, TAKEN, SENT, DELIVERED])
    until(lambda: stage.endpoint(endpoint_id)["state"] == "healthy", "health")
    assert stage.endpoint(endpoint_id)["unhealthy_since"] is None


@pytest.mark.parametrize("by", ["the device's setting", "the endpoint's own"])
def test_the_backlog_follows_a_moved_endpoint(stage: Stage, receivers: Receivers, by: str) -> None:
    device_id, endpoint_id = stage.device(f"http://127.0.0.1:{free_port()}/hook")
    sms_id = stage.sms(device_id, TAKEN)
    until(lambda: stage.down(endpoint_id), "the outage")
    receiver = receivers()
    if by == "the endpoint's own":
        stage.write(endpoint_id, url=receiver.url())
    else:
        change = devices.DeviceChange(device_id=device_id, status_webhook=receiver.url())
        [shown] = devices.change(stage.rt, change)
        assert shown.endpoint_id == endpoint_id
    until(lambda: stage.all_done(endpoint_id), "delivery to the new URL")
    assert receiver.statuses == [(sms_id, 3), (sms_id, TAKEN)]


# -- pausing


def test_pause_and_resume(stage: Stage, receivers: Receivers) -> None:
    receiver, other = receivers(), receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    other_device, other_endpoint = stage.device(other.url())
    before = stage.sms(device_id)
    until(lambda: stage.all_done(endpoint_id), "delivery")
    stage.change(endpoints.pause(endpoint_id, stage.account_id))
    worker = stage.worker
    assert worker is not None
    until(lambda: worker._dispatcher.queues[endpoint_id].health.state == "paused", "the pause")
    waiting = [stage.sms(device_id, TAKEN) for _ in range(5)]
    for _ in range(5):
        stage.sms(other_device)
    until(lambda: stage.all_done(other_endpoint), "the other endpoint's")
    assert receiver.statuses == [(before, 3)]
    assert stage.states(endpoint_id) == [State.DONE] + [State.PENDING] * 10
    stage.stop()
    stage.start()  # a pause outlives the process
    stage.sms(other_device)
    until(lambda: len(other.taken) == 6, "the other endpoint's")
    assert receiver.statuses == [(before, 3)]
    stage.change(endpoints.resume(endpoint_id, stage.account_id))
    until(lambda: stage.all_done(endpoint_id), "the drain")
    for sms_id in waiting:
        assert [status for one, status in receiver.statuses if one == sms_id] == [3, TAKEN]
    assert len(receiver.asked) == 11


def test_a_pause_while_a_request_is_under_way(stage: Stage, receivers: Receivers) -> None:
    """Its success is taken; it neither ends the pause nor takes its note away."""
    receiver = receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    receiver.gate.clear()
    stage.sms(device_id, TAKEN)
    until(lambda: receiver.asked, "the request")
    stage.change(endpoints.pause(endpoint_id, stage.account_id))
    worker = stage.worker
    assert worker is not None
    until(lambda: worker._dispatcher.queues[endpoint_id].health.state == "paused", "the pause")
    receiver.gate.set()
    until(lambda: stage.states(endpoint_id)[0] is State.DONE, "settling")
    row = stage.endpoint(endpoint_id)
    assert (row["state"], row["note"]) == ("paused", "paused by hand")
    assert stage.states(endpoint_id)[1] is State.PENDING
    assert stage.recorded("endpoint.paused") == []


def test_gone_pauses_and_tells(stage: Stage, receivers: Receivers) -> None:
    receiver = receivers(status=410)
    device_id, endpoint_id = stage.device(receiver.url())
    sms_id = stage.sms(device_id, TAKEN)
    other_sms = stage.sms(device_id)
    until(lambda: stage.endpoint(endpoint_id)["state"] == "paused", "the pause")
    until(lambda: not stage.worker or stage.worker.idle(), "the end of what was under way")
    [told] = stage.recorded("endpoint.paused")
    assert (told["endpoint_id"], told["url"]) == (endpoint_id, receiver.url())
    assert "410" in told["reason"]
    assert stage.states(endpoint_id) == [State.PENDING] * 3
    receiver.status = 200
    stage.change(endpoints.resume(endpoint_id, stage.account_id))
    until(lambda: stage.all_done(endpoint_id), "delivery")
    assert sorted(receiver.statuses) == [(sms_id, TAKEN), (sms_id, 3), (other_sms, 3)]
    assert len(stage.recorded("endpoint.paused")) == 1


# -- what cannot be sent as it stands


@pytest.mark.parametrize(
    ("column", "purpose"),
    [
        pytest.param("secret", endpoints.SECRET, id="the secret"),
        pytest.param("signing_key", endpoints.SIGNING_KEY, id="the signing key"),
        pytest.param("client_certificate", endpoints.CLIENT_CERTIFICATE, id="the client's certificate"),
    ],
)
def test_sealed_with_another_key(
    stage: Stage, receivers: Receivers, logs: Logs, *, column: str, purpose: str
) -> None:
    receiver, other = receivers(), receivers()
    device_id, endpoint_id = stage.device(receiver.url())
    other_device, other_endpoint = stage.device(other.url())
    right = stage.endpoint(endpoint_id)[column]
    stage.write(endpoint_id, **{column: Sealer(b"k" * 32).seal(b"whsec_" + b"A" * 32, purpose)})
    sms_id = stage.sms(device_id, TAKEN)
    others = [stage.sms(other_device, TAKEN) for _ in range(3)]
    until(lambda: heard(logs, "endpoint.unusable") and stage.all_done(other_endpoint), "the others' delivery")
    assert len(other.taken) == 2 * len(others)
    assert stage.states(endpoint_id) == [State.PENDING] * 2
    assert receiver.asked == []
    assert not stage.down(endpoint_id)  # it is not to blame
    [words] = {line["error"] for line in logs if line["event"] == "endpoint.unusable"}
    assert "RINGBACK_SECRET_KEY" in words
    stage.write(endpoint_id, **{column: right})
    until(lambda: stage.all_done(endpoint_id), "delivery")
    assert receiver.statuses == [(sms_id, 3), (sms_id, TAKEN)]


def test_a_backlog_of_an_endpoint_that_is_taken_away(stage: Stage, receivers: Receivers) -> None:
    """A device's webhook is switched off during an outage: what waits still waits, and others go on."""
    other = receivers()
    device_id, endpoint_id = stage.device(f"http://127.0.0.1:{free_port()}/hook")
    other_device, other_endpoint = stage.device(other.url())
    stage.sms(device_id)
    until(lambda: stage.down(endpoint_id), "the outage")
    devices.change(stage.rt, devices.DeviceChange(device_id=device_id, status_webhook=""))
    stage.sms(device_id)
    stage.sms(other_device)
    until(lambda: stage.all_done(other_endpoint), "the other endpoint's")
    assert stage.states(endpoint_id) == [State.PENDING]
