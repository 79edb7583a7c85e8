"""Running it: pausing and resuming, sending again, the test button, the log of attempts, pulling events, and the doctor."""

import itertools
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from tests.journeys.programs import free_port
from tests.journeys.stage import (
    PATIENCE,
    Done,
    Ear,
    Stage,
    account,
    checked,
    command,
    device,
    eventually,
    ringback,
    stage,
)
from tests.serving import Server

PAUSED, DONE = "paused", "done"
# pycurl connects with a copy of the socket that it is given, and leaves the original to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
_serial = itertools.count(1)


def settled(who: Stage) -> bool:
    """Everything that was to be sent is done."""
    return all(one["state"] == DONE for one in who.deliveries(limit=200))


def marker(who: Stage, ear: Ear) -> None:
    """Something new that has arrived: all that was to come before it has come too."""
    sms_id = who.incoming("marker", id=f"marker-{time.monotonic_ns()}")["sms_id"]
    eventually(lambda: ear.of(sms_id))


# -- pause and resume


def pause_by_api(who: Stage) -> None:
    assert who.api("POST", f"/v1/endpoints/{who.endpoint()}/pause")["state"] == PAUSED


def pause_by_command(who: Stage) -> None:
    ringback(who.server, "endpoint", "pause", str(who.endpoint()))


def resume_by_api(who: Stage) -> None:
    assert who.api("POST", f"/v1/endpoints/{who.endpoint()}/resume")["state"] == "healthy"


def resume_by_command(who: Stage) -> None:
    ringback(who.server, "endpoint", "resume", str(who.endpoint()))


Act = Callable[[Stage], None]


@pytest.mark.parametrize(
    ("pause", "resume"),
    [
        pytest.param(pause_by_api, resume_by_api, id="api"),
        pytest.param(pause_by_command, resume_by_command, id="command"),
        pytest.param(pause_by_api, resume_by_command, id="api-then-command"),
    ],
)
def test_pause_keeps_everything_and_resume_drains_in_order(
    house: Server, ear: Ear, pause: Act, resume: Act
) -> None:
    who, other = stage(house, ear.url), stage(house, ear.url)
    before = who.good_life("before")
    ear.hears(before, 3, 2, 6, 7)
    eventually(lambda: settled(who))
    pause(who)
    shown = who.endpoint_now()
    assert (shown["state"], shown["note"]) == (PAUSED, "paused by hand")

    def is_quiet() -> bool:
        """The command writes beside the server, which hears of it within a moment."""
        sms_id = who.incoming("quiet?", id=f"q{time.monotonic_ns()}")["sms_id"]
        marker(other, ear)
        return not ear.of(sms_id)

    eventually(is_quiet)
    arrived = len(ear.received)
    messages = [who.good_life(f"number {number}") for number in range(5)]
    marker(other, ear)  # others go on
    assert len(ear.received) == arrived + 1
    shown = who.endpoint_now()
    assert shown["backlog"] >= 20
    assert shown["oldest_waiting_at"] is not None
    resume(who)
    for sms_id in messages:
        ear.hears(sms_id, 3, 2, 6, 7)
    eventually(lambda: who.endpoint_now()["backlog"] == 0)
    assert who.endpoint_now()["state"] == "healthy"


def test_a_pause_outlasts_a_restart(tmp_path: Path, ear: Ear) -> None:
    with checked(Server(tmp_path / "data")) as server:
        who = stage(server, ear.url)
        pause_by_api(who)
        sms_id = who.good_life()
        assert server.stop() == 0
        server.start()
        assert who.endpoint_now()["state"] == PAUSED
        assert ear.received == []
        resume_by_api(who)
        ear.hears(sms_id, 3, 2, 6, 7)


# -- sending again


def replay_by_api(who: Stage, delivery_id: int) -> Any:
    return who.api("POST", f"/v1/deliveries/{delivery_id}/replay")


def replay_by_command(who: Stage, delivery_id: int) -> Any:
    return ringback(who.server, "delivery", "replay", str(delivery_id))


def since_by_api(who: Stage, moment: str) -> Any:
    return who.api("POST", f"/v1/endpoints/{who.endpoint()}/replay", {"since": moment})


def since_by_command(who: Stage, moment: str) -> Any:
    return ringback(who.server, "endpoint", "replay", str(who.endpoint()), "--since", moment)


def parked_by_api(who: Stage) -> Any:
    return who.api("POST", "/v1/deliveries/replay-parked", {"endpoint_id": who.endpoint()})


def parked_of_account_by_api(who: Stage) -> Any:
    return who.api("POST", "/v1/deliveries/replay-parked")


def parked_by_command(who: Stage) -> Any:
    return ringback(who.server, "delivery", "replay-parked", "--endpoint", str(who.endpoint()))


def ids(ear: Ear, sms_id: int) -> list[str | None]:
    return [one.webhook_id for one in ear.of(sms_id)]


class TestReplay:
    @pytest.mark.parametrize("replay", [replay_by_api, replay_by_command], ids=["api", "command"])
    def test_one_asked_twice_goes_once(
        self, house: Server, ear: Ear, replay: Callable[[Stage, int], Any]
    ) -> None:
        who = stage(house, ear.url)
        sms_id = who.incoming("again")["sms_id"]
        untouched = who.incoming("not again", id="2")["sms_id"]
        eventually(lambda: len(ear.received) == 2 and settled(who))
        [delivery] = [one for one in who.deliveries() if one["sms_id"] == sms_id]
        assert replay(who, delivery["delivery_id"]) == {"replayed": 1, "skipped": 0}
        assert replay(who, delivery["delivery_id"]) == {"replayed": 0, "skipped": 1}
        eventually(lambda: len(ear.of(sms_id)) == 2)
        eventually(lambda: settled(who))
        assert replay(who, delivery["delivery_id"]) == {"replayed": 0, "skipped": 1}
        marker(who, ear)
        first, second = ear.of(sms_id)
        assert (first.webhook_id, first.content) == (second.webhook_id, second.content)
        assert len(ear.of(untouched)) == 1
        shown = who.api("GET", f"/v1/deliveries/{delivery['delivery_id']}")
        assert [attempt["status"] for attempt in shown["attempt_log"]] == [200, 200]

    @pytest.mark.parametrize("replay", [since_by_api, since_by_command], ids=["api", "command"])
    def test_since_a_time(self, house: Server, ear: Ear, replay: Callable[[Stage, str], Any]) -> None:
        who = stage(house, ear.url)
        early = who.incoming("early", id="early")["sms_id"]
        eventually(lambda: settled(who))
        moment = who.phone("POST", "heartbeat")["time"]
        late = [who.incoming("late", id=f"late-{number}")["sms_id"] for number in range(5)]
        sent = who.good_life()
        eventually(lambda: len(ear.received) == 10 and settled(who))
        assert replay(who, moment) == {"replayed": 9, "skipped": 0}
        assert replay(who, moment) == {"replayed": 0, "skipped": 9}
        for sms_id in late:
            eventually(lambda sms_id=sms_id: len(ear.of(sms_id)) == 2)  # type: ignore[misc]
        eventually(lambda: len(ear.of(sent)) == 8)
        assert ear.statuses(sent) == [3, 2, 6, 7, 3, 2, 6, 7]  # in order this time too
        marker(who, ear)
        assert len(ear.of(early)) == 1
        assert len(ear.received) == 10 + 9 + 1

    @pytest.mark.parametrize(
        "replay",
        [parked_by_api, parked_of_account_by_api, parked_by_command],
        ids=["api", "api-account", "command"],
    )
    def test_all_parked(self, house: Server, ear: Ear, replay: Callable[[Stage], Any]) -> None:
        who = stage(house, ear.url)
        pause_by_api(who)
        given_up = [who.incoming("given up", id=f"{number}")["sms_id"] for number in range(3)]
        park(who)
        resume_by_api(who)
        marker(who, ear)
        assert {one["sms_id"] for one in who.deliveries(state="parked")} == set(given_up)
        assert [ear.of(sms_id) for sms_id in given_up] == [[], [], []]
        assert replay(who) == {"replayed": 3, "skipped": 0}
        assert replay(who)["replayed"] == 0
        for sms_id in given_up:
            eventually(lambda sms_id=sms_id: ear.of(sms_id))  # type: ignore[misc]
        marker(who, ear)
        assert [len(ear.of(sms_id)) for sms_id in given_up] == [1, 1, 1]
        assert who.deliveries(state="parked") == []

    def test_outlasts_a_restart(self, tmp_path: Path, ear: Ear) -> None:
        with checked(Server(tmp_path / "data")) as server:
            who = stage(server, ear.url)
            messages = [who.incoming(id=f"{number}")["sms_id"] for number in range(3)]
            eventually(lambda: len(ear.received) == 3 and settled(who))
            pause_by_api(who)
            assert since_by_api(who, "2020-01-01T00:00:00Z")["replayed"] == 3
            assert server.stop() == 0
            server.start()
            assert since_by_api(who, "2020-01-01T00:00:00Z") == {"replayed": 0, "skipped": 3}
            resume_by_api(who)
            for sms_id in messages:
                eventually(lambda sms_id=sms_id: len(ear.of(sms_id)) == 2)  # type: ignore[misc]
                assert len(set(ids(ear, sms_id))) == 1
            marker(who, ear)
            assert len(ear.received) == 7

    def test_under_a_kill(self, tmp_path: Path, ear: Ear) -> None:
        """An answer of 200 to a replay means kept, whatever dies then."""
        server = Server(tmp_path / "data").start()
        try:
            who = stage(server, ear.url)
            sms_id = who.incoming()["sms_id"]
            eventually(lambda: len(ear.received) == 1 and settled(who))
            ear.misbehave(hang=30)
            assert since_by_api(who, "2020-01-01T00:00:00Z")["replayed"] == 1
            server.kill()
            ear.behave()
            server.start()
            eventually(lambda: settled(who))
            assert len(set(ids(ear, sms_id))) == 1
            assert len(ear.of(sms_id)) >= 2
        finally:
            server.kill()


def park(who: Stage) -> None:
    """As after seven days without success."""
    with sqlite3.connect(who.server.data / "ringback.db", timeout=10) as connection:
        connection.execute(
            "UPDATE deliveries SET state = 4, done_at = 0 WHERE endpoint_id = ? AND state = 0",
            (who.endpoint(),),
        )
    connection.close()


# -- the test button


def test_by_api(who: Stage, sample: str) -> Any:
    return who.api("POST", f"/v1/endpoints/{who.endpoint()}/test", {"sample": sample})


def test_by_command(who: Stage, sample: str) -> Any:
    done = command(who.server, "endpoint", "test", str(who.endpoint()), "--sample", sample, "--json")
    told = json.loads(done.out)
    assert done.code == (0 if told["succeeded"] else 1)
    return told


test_by_api.__test__ = test_by_command.__test__ = False  # type: ignore[attr-defined] # they press the button called test
Button = Callable[[Stage, str], Any]


@pytest.mark.parametrize("press", [test_by_api, test_by_command], ids=["api", "command"])
class TestButton:
    @pytest.mark.parametrize(
        ("sample", "keys"),
        [
            pytest.param("status", {"status_id", "sendto", "senttime"}, id="status"),
            pytest.param("text", {"address", "device_name", "internal_id"}, id="text"),
            pytest.param("img", {"address", "sim", "img_url"}, id="img"),
        ],
    )
    def test_samples(self, house: Server, ear: Ear, press: Button, sample: str, keys: set[str]) -> None:
        who = stage(house, ear.url)
        told = press(who, sample)
        assert (told["succeeded"], told["status"], told["answer"]) == (True, 200, "ok")
        assert (told["fault"], told["error"]) == (None, None)
        [one] = ear.received
        assert one.event == "webhook.test"
        assert keys <= one.body.keys()
        assert one.text == told["body"]
        assert told["url"] == f"{ear.url}/hooks"
        assert f"webhook-id: {one.webhook_id}" in told["headers"]
        assert Webhook(who.secret()).verify(one.content, one.headers) == one.body
        # It is no delivery: nothing of it stays.
        assert who.deliveries() == []
        assert who.api("GET", "/v1/events")["events"] == []

    def test_a_refusing_receiver(self, house: Server, ear: Ear, press: Button) -> None:
        who = stage(house, ear.url)
        ear.misbehave(status=404)
        told = press(who, "status")
        assert (told["succeeded"], told["status"], told["error"]) == (False, 404, "answered 404")
        assert who.endpoint_now()["state"] == "healthy"  # a test is held against nobody

    def test_a_redirect(self, house: Server, ear: Ear, press: Button) -> None:
        who = stage(house, ear.url)
        ear.misbehave(redirect=f"{ear.url}/elsewhere")
        told = press(who, "status")
        assert (told["succeeded"], told["status"]) == (False, 302)
        assert "redirect" in told["error"]
        assert [one.path for one in ear.received] == ["/hooks"]

    def test_a_dead_port(self, house: Server, press: Button) -> None:
        who = stage(house, f"http://127.0.0.1:{free_port()}")
        told = press(who, "status")
        assert (told["succeeded"], told["status"], told["fault"]) == (False, None, "connect")
        assert told["error"]

    def test_a_slow_receiver(self, house: Server, ear: Ear, press: Button) -> None:
        who = stage(house, ear.url)
        ringback(house, "endpoint", "set", str(who.endpoint()), "--timeout", "0.3")
        ear.misbehave(hang=30)
        told = press(who, "status")
        assert (told["succeeded"], told["fault"]) == (False, "timeout")
        assert 0.25 < told["duration"] < 10

    def test_a_cut_connection(self, house: Server, ear: Ear, press: Button) -> None:
        who = stage(house, ear.url)
        ear.misbehave(close=True)
        assert press(who, "status")["fault"] == "protocol"

    def test_a_paused_endpoint_can_be_tested(self, house: Server, ear: Ear, press: Button) -> None:
        who = stage(house, ear.url)
        pause_by_api(who)
        assert press(who, "text")["succeeded"]
        assert who.endpoint_now()["state"] == PAUSED


def test_the_button_names_the_setting_of_a_refused_address(tmp_path: Path, ear: Ear) -> None:
    """Allowed when it was set, not any more: as after a move to a stricter machine."""
    with checked(Server(tmp_path / "data")) as server:
        who = stage(server, ear.url)
        assert server.stop() == 0
        server.environment["RINGBACK_ALLOW_WEBHOOKS_TO"] = ""
        server.start()
        told = test_by_api(who, "status")
        assert (told["succeeded"], told["fault"]) == (False, "refused_address")
        assert "RINGBACK_ALLOW_WEBHOOKS_TO=127.0.0.1" in told["error"]
        assert ear.received == []
        # What was to be sent waits, with the reason beside it, and goes when the setting is back.
        sms_id = who.incoming()["sms_id"]
        shown = eventually(lambda: who.deliveries()[0]["attempts"] and who.endpoint_now())
        assert shown["state"] == "unhealthy"
        assert "RINGBACK_ALLOW_WEBHOOKS_TO" in shown["note"]
        assert server.stop() == 0
        server.environment["RINGBACK_ALLOW_WEBHOOKS_TO"] = "loopback"
        server.start()
        eventually(lambda: ear.of(sms_id))


# -- the log


class TestAttempts:
    def test_each_with_its_answer(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        ear.misbehave(status=500, rubbish=20_000, times=1)
        sms_id = who.incoming()["sms_id"]
        eventually(lambda: len(ear.of(sms_id)) == 2 and settled(who))
        [listed] = who.deliveries(endpoint_id=who.endpoint(), state=DONE)
        assert (listed["sms_id"], listed["attempts"]) == (sms_id, 2)
        shown = who.api("GET", f"/v1/deliveries/{listed['delivery_id']}")
        assert shown["body"] == ear.of(sms_id)[0].body
        assert shown["webhook_id"] == ear.of(sms_id)[0].webhook_id
        failed, done = shown["attempt_log"]
        assert (failed["status"], failed["error"]) == (500, "answered 500")
        assert len(failed["answer"]) <= 16_384
        assert (done["status"], done["error"], done["answer"]) == (200, None, "ok")
        assert failed["at"] < done["at"]
        rows = ringback(house, "delivery", "show", str(listed["delivery_id"]))
        assert [row["status"] for row in rows] == [500, 200]
        [row] = ringback(house, "delivery", "list", "--endpoint", str(who.endpoint()), "--state", DONE)
        assert row["delivery_id"] == listed["delivery_id"]

    def test_one_line_of_the_log_for_each(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        ear.misbehave(status=503, times=1)
        sms_id = who.incoming()["sms_id"]
        eventually(lambda: len(ear.of(sms_id)) == 2 and settled(who))
        webhook_id = ear.of(sms_id)[0].webhook_id
        lines = [json.loads(line) for line in house.log.read_text().splitlines()]
        told = [line for line in lines if line.get("webhook_id") == webhook_id]
        assert [(line["attempt"], line["status"], line["level"]) for line in told] == [
            (1, 503, "warning"),
            (2, 200, "info"),
        ]

    def test_pages(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        for number in range(5):
            who.incoming(id=f"{number}")
        eventually(lambda: len(ear.received) == 5 and settled(who))
        first = who.api("GET", "/v1/deliveries?limit=2")
        second = who.api("GET", f"/v1/deliveries?limit=2&before={first['before']}")
        third = who.api("GET", f"/v1/deliveries?limit=2&before={second['before']}")
        found = [one["delivery_id"] for page in (first, second, third) for one in page["deliveries"]]
        assert len(found) == 5
        assert found == sorted(found, reverse=True)
        assert third["before"] is None


# -- pulling events


class TestEvents:
    def test_by_cursor(self, house: Server) -> None:
        who, other = stage(house), stage(house)
        other.good_life()
        sent = who.good_life()
        incoming = who.incoming()["sms_id"]
        found, after = [], 0
        while page := who.api("GET", f"/v1/events?after={after}&limit=2")["events"]:
            assert len(page) <= 2
            found += page
            after = page[-1]["id"]
        assert [(one["sms_id"], one["sequence"]) for one in found] == [
            (sent, 1),
            (sent, 2),
            (sent, 3),
            (sent, 4),
            (incoming, 1),
        ]
        assert [one["id"] for one in found] == sorted({one["id"] for one in found})
        assert {one["device_id"] for one in found} == {who.device_id}
        last = who.api("GET", f"/v1/events?after={after}")
        assert last == {"events": [], "after": after}

    def test_the_same_as_the_webhooks(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        who.good_life()
        eventually(lambda: len(ear.received) == 4)
        feed = who.api("GET", "/v1/events")["events"]
        assert [(one["webhook_id"], one["body"], one["event"]) for one in feed] == [
            (one.webhook_id, one.body, one.event) for one in ear.received
        ]

    def test_waits_for_what_is_new(self, house: Server) -> None:
        who = stage(house)
        who.incoming(id="1")
        after = who.api("GET", "/v1/events")["after"]
        begun = time.monotonic()
        assert who.api("GET", f"/v1/events?after={after}&wait=0.3")["events"] == []
        assert 0.29 <= time.monotonic() - begun < PATIENCE
        with ThreadPoolExecutor(1) as pool:
            begun = time.monotonic()
            pulling = pool.submit(who.api, "GET", f"/v1/events?after={after}&wait=50")
            sms_id = who.incoming(id="2")["sms_id"]
            [event] = pulling.result(PATIENCE)["events"]
        assert event["sms_id"] == sms_id
        assert time.monotonic() - begun < PATIENCE

    def test_hears_of_what_the_command_line_writes(self, house: Server) -> None:
        who = stage(house)
        who.poll()  # the device is there: a message is queued as soon as it is accepted
        with ThreadPoolExecutor(1) as pool:
            pulling = pool.submit(who.api, "GET", "/v1/events?wait=50")
            sent = ringback(house, "message", "send", "+4915112345", "x", "--device", str(who.device_id))
            [event] = pulling.result(PATIENCE)["events"]
        assert (event["sms_id"], event["body"]["status_id"]) == (sent["sms_id"], 3)

    def test_a_stop_sends_those_who_wait_home(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server, ThreadPoolExecutor(1) as pool:
            who = stage(server)
            pulling = pool.submit(who.api, "GET", "/v1/events?wait=50")
            eventually(pulling.running)
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < PATIENCE
            assert pulling.result(PATIENCE)["events"] == []

    def test_that_an_endpoint_is_gone(self, house: Server, ear: Ear) -> None:
        """410 pauses the endpoint and tells the owner."""
        who = stage(house, ear.url)
        ear.misbehave(status=410)
        sms_id = who.incoming()["sms_id"]
        eventually(lambda: who.endpoint_now()["state"] == PAUSED)
        [_, told] = who.api("GET", "/v1/events")["events"]
        assert told["event"] == "endpoint.paused"
        assert told["body"]["endpoint_id"] == who.endpoint()
        assert "410" in told["body"]["reason"]
        ear.behave()
        resume_by_api(who)
        eventually(lambda: len(ear.of(sms_id)) == 2)


# -- the doctor


def findings(done: Done) -> dict[str, Any]:
    """What it found, by what it looked at; endpoints without their number and URL."""
    return {one["what"].partition(" 1 ")[0]: one for one in json.loads(done.out)}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with checked(Server(tmp_path_factory.mktemp("clinic") / "data")) as server:
        yield stage(server, f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def patient(clinic: Stage, ear: Ear) -> Stage:
    """The one endpoint of a server, well again."""
    ringback(clinic.server, "endpoint", "set", str(clinic.endpoint()), "--url", f"{ear.url}/{next(_serial)}")
    resume_by_api(clinic)
    return clinic


class TestDoctor:
    def test_all_well(self, patient: Stage, ear: Ear) -> None:
        done = command(patient.server, "doctor", "--json", public_url=patient.server.url)
        assert done.code == 0, done.out
        found = findings(done)
        assert set(found) == {"database", "disk", "pictures", "public URL", "clock", "endpoint"}
        assert all(one["well"] for one in found.values())
        assert [one.event for one in ear.received] == ["webhook.test"]
        for_people = command(patient.server, "doctor", public_url=patient.server.url)
        assert for_people.code == 0
        assert "6 checks, all well." in for_people.out

    def test_receiver_down(self, patient: Stage) -> None:
        dead = f"http://127.0.0.1:{free_port()}/hooks"
        ringback(patient.server, "endpoint", "set", str(patient.endpoint()), "--url", dead)
        done = command(patient.server, "doctor", "--json", public_url=patient.server.url)
        assert done.code == 1
        found = findings(done)["endpoint"]
        assert not found["well"]
        assert "is the receiver running" in found["advice"]
        for_people = command(patient.server, "doctor", public_url=patient.server.url)
        assert for_people.code == 1
        assert f"BAD  endpoint {patient.endpoint()} {dead}" in for_people.out
        assert "is the receiver running" in for_people.out
        assert "1 not well" in for_people.out

    def test_address_not_allowed(self, patient: Stage, ear: Ear) -> None:
        done = command(
            patient.server, "doctor", "--json", public_url=patient.server.url, allow_webhooks_to=""
        )
        assert done.code == 1
        found = findings(done)["endpoint"]
        assert not found["well"]
        assert "RINGBACK_ALLOW_WEBHOOKS_TO=127.0.0.1" in found["words"]
        assert found["advice"]
        assert ear.received == []

    def test_paused(self, patient: Stage, ear: Ear) -> None:
        pause_by_api(patient)
        patient.incoming()
        done = command(patient.server, "doctor", "--json", public_url=patient.server.url)
        assert done.code == 1
        found = findings(done)["endpoint"]
        assert not found["well"]
        assert "paused" in found["words"]
        assert "1 waiting" in found["words"]
        assert f"ringback endpoint resume {patient.endpoint()}" in found["advice"]
        assert ear.received == []

    @pytest.mark.parametrize(
        ("rule", "words"),
        [
            pytest.param({"status": 401}, "the receiver refuses us", id="401"),
            pytest.param({"status": 404}, "is not the receiver's webhook address", id="404"),
            pytest.param({"status": 500}, "the receiver's own log", id="500"),
            pytest.param({"redirect": "/else"}, "set the final URL", id="redirect"),
            pytest.param({"close": True}, "does not speak HTTP", id="no-answer"),
        ],
    )
    def test_bad_answers(self, patient: Stage, ear: Ear, rule: dict[str, Any], words: str) -> None:
        ear.misbehave(**rule)
        done = command(patient.server, "doctor", "--json", public_url=patient.server.url)
        assert done.code == 1
        assert words in findings(done)["endpoint"]["advice"]

    def test_the_server_is_not_there(self, patient: Stage) -> None:
        done = command(patient.server, "doctor", "--json", public_url=f"http://127.0.0.1:{free_port()}")
        assert done.code == 1
        found = findings(done)["public URL"]
        assert not found["well"]
        assert "RINGBACK_PUBLIC_URL" in found["advice"]
        assert findings(done)["endpoint"]["well"]


def test_endpoints_of_an_account_are_shared_by_url(house: Server, ear: Ear) -> None:
    email, token = account(house)
    first = device(house, email, token, status=f"{ear.url}/hooks", slot_0=f"{ear.url}/hooks")
    second = device(house, email, token, status=f"{ear.url}/hooks")
    assert first.endpoint() == second.endpoint()
    assert first.secret()
    assert second.secret() == ""  # shown once, and that was before
    assert len(first.api("GET", "/v1/endpoints")) == 1
