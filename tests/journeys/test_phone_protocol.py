"""The native phone protocol, spoken by hand: waiting, offering again, pacing, repeats, pairing, and a stop."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.stage import NUMBER, Ear, Stage, eventually, picture, ringback, stage
from tests.serving import Server

LONG = 40  # seconds that a poll would wait if nothing woke it
AT_ONCE = 8  # far less, and enough for a busy machine


@contextmanager
def waiting(who: Stage) -> Iterator[Future[tuple[float, list[Any]]]]:
    """A long poll that has reached the server; its result is (how long it took, what it got)."""

    def poll() -> tuple[float, list[Any]]:
        begun = time.monotonic()
        found = who.poll(wait=LONG)
        return time.monotonic() - begun, found

    def heard_of() -> bool:
        devices = ringback(who.server, "device", "list", "--account", who.email)
        return bool(devices[0]["last_seen_at"])

    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(poll)
        eventually(heard_of)
        yield polling


class TestLongPoll:
    def test_wakes_for_an_accepted_message(self, house: Server) -> None:
        who = stage(house)
        with waiting(who) as polling:
            sms_id = who.send("now")
            took, found = polling.result(LONG)
        assert [one["sms_id"] for one in found] == [sms_id]
        assert took < AT_ONCE

    def test_wakes_for_a_scheduled_message(self, house: Server) -> None:
        who = stage(house)
        due = time.time() + 1.5
        with waiting(who) as polling:
            sms_id = who.send("later", send_at=due)
            assert who.message(sms_id)["status_id"] == 1
            _, found = polling.result(LONG)
            came = time.time()
        assert [one["sms_id"] for one in found] == [sms_id]
        assert due - 0.01 <= came < due + AT_ONCE

    def test_wakes_for_a_message_of_the_command_line(self, house: Server) -> None:
        who = stage(house)
        with waiting(who) as polling:
            sent = ringback(house, "message", "send", NUMBER, "from a shell", "--device", str(who.device_id))
            took, found = polling.result(LONG)
        assert [(one["sms_id"], one["body"]) for one in found] == [(sent["sms_id"], "from a shell")]
        assert took < AT_ONCE

    def test_ends_with_nothing(self, house: Server) -> None:
        who = stage(house)
        begun = time.monotonic()
        assert who.poll(wait=0.3) == []
        assert 0.29 <= time.monotonic() - begun < AT_ONCE

    def test_is_not_woken_by_another_devices_message(self, house: Server) -> None:
        who, other = stage(house), stage(house)
        other.send()
        assert who.poll(wait=0.2) == []


class TestOffers:
    def test_what_is_offered(self, house: Server) -> None:
        who = stage(house)
        sms_id = who.send("Grüße 😀", channel_id=1, urgent=True, expires_at="2999-12-31T23:59:59+01:00")
        [offered] = who.poll()
        assert offered == {
            "sms_id": sms_id,
            "channel_id": 1,
            "to": NUMBER,
            "body": "Grüße 😀",
            "urgent": True,
            "expires_at": "2999-12-31T22:59:59.000Z",
        }

    def test_offered_until_acknowledged(self, house: Server) -> None:
        who = stage(house)
        sms_id = who.send()
        for _ in range(3):
            assert [one["sms_id"] for one in who.poll()] == [sms_id]
        assert who.report(sms_id, 2) == ["accepted"]
        assert who.poll() == []

    @pytest.mark.parametrize("status", [6, 7, 8, 9, 10, 11, 12, 100, 101])
    def test_any_later_status_acknowledges(self, house: Server, status: int) -> None:
        who = stage(house)
        sms_id = who.send()
        assert who.poll()
        assert who.report(sms_id, status) == ["accepted"]
        assert who.poll() == []

    def test_urgent_first_then_oldest(self, house: Server) -> None:
        who = stage(house)
        first, second = who.send("1"), who.send("2")
        urgent = who.send("3", urgent=True)
        assert [one["sms_id"] for one in who.poll()] == [urgent, first, second]
        assert [one["sms_id"] for one in who.poll(limit=2)] == [urgent, first]

    def test_paced_by_channel(self, house: Server) -> None:
        who = stage(house)
        ringback(house, "device", "set", str(who.device_id), "--pause", "1.2")
        first, second = who.send("1"), who.send("2")
        elsewhere = who.send("3", channel_id=1)
        assert [one["sms_id"] for one in who.poll()] == [first, elsewhere]
        offered = time.monotonic()
        who.report(first, 2)
        who.report(elsewhere, 2)
        assert who.poll() == []
        assert [one["sms_id"] for one in who.poll(wait=LONG)] == [second]
        assert 1.0 <= time.monotonic() - offered < AT_ONCE

    def test_expired_is_not_offered(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        sms_id = who.send("too late", expires_at=time.time() + 0.3)
        ear.hears(sms_id, 9)
        assert who.poll() == []
        shown = who.message(sms_id)
        assert shown["status_id"] == 9
        assert "expired" in shown["reason"]


class TestRepeats:
    def test_reports(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        sms_id = who.send()
        who.poll()
        assert who.report(sms_id, 2, 2, 6, 6) == ["accepted", "duplicate", "accepted", "duplicate"]
        assert who.report(sms_id, 2, 7, 6) == ["duplicate", "accepted", "duplicate"]
        ear.hears(sms_id, 3, 2, 6, 7)
        assert [told["status_id"] for told in who.message(sms_id)["history"]] == [1, 3, 2, 6, 7]

    def test_late_reports_are_kept_and_fire_nothing(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        sms_id = who.send()
        who.poll()
        assert who.report(sms_id, 7, 2, 6, 8) == ["accepted", "late", "late", "late"]
        marker = who.good_life("marker")
        ear.hears(marker, 3, 2, 6, 7)
        assert ear.statuses(sms_id) == [3, 7]
        told = [(one["status_id"], one["late"]) for one in who.message(sms_id)["history"]]
        assert told == [(1, False), (3, False), (7, False), (2, True), (6, True), (8, True)]

    def test_an_early_report_does_not_make_the_true_one_a_repeat(self, house: Server) -> None:
        """Told before the message was queued, as by a phone that was restored from an older copy of itself."""
        who = stage(house)
        sms_id = who.send()
        who.report(sms_id, 2)
        if who.poll():
            who.report(sms_id, 2)
        assert who.message(sms_id)["status_id"] == 2
        assert who.poll() == []

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"id": "sms-981"}, id="by-id"),
            pytest.param({"internal_id": 981}, id="by-internal-id"),
            pytest.param({}, id="by-content"),
        ],
    )
    def test_incoming(self, house: Server, ear: Ear, fields: dict[str, Any]) -> None:
        who = stage(house, ear.url)
        first = who.incoming("twice", **fields)
        again = who.incoming("twice", **fields)
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert first["sms_id"] == again["sms_id"]
        assert who.incoming("another", id="another")["sms_id"] != first["sms_id"]
        eventually(lambda: len(ear.received) >= 2)
        assert [one.body["body"] for one in ear.received] == ["twice", "another"]

    def test_incoming_twice_in_one_call(self, house: Server) -> None:
        who = stage(house)
        one = {"address": NUMBER, "body": "hi", "date": 1_700_000_000, "id": "a"}
        told = who.phone("POST", "incoming", [one, one])
        assert [receipt["duplicate"] for receipt in told] == [False, True]
        assert told[0]["sms_id"] == told[1]["sms_id"]

    def test_picture(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        data = picture("JPEG")
        code, first = who.picture(data, id="mms-1")
        assert (code, first["duplicate"]) == (200, False)
        code, again = who.picture(data, id="mms-1")
        assert (code, again["duplicate"]) == (200, True)
        assert (first["sms_id"], first["img_url"]) == (again["sms_id"], again["img_url"])
        eventually(lambda: ear.received)
        assert ear.received[0].body["img_url"] == first["img_url"]

    def test_the_same_id_on_two_devices_is_two_messages(self, house: Server) -> None:
        one, other = stage(house), stage(house)
        assert one.incoming(id="x")["sms_id"] != other.incoming(id="x")["sms_id"]
        assert not other.incoming("else", id="y")["duplicate"]


class TestPairing:
    def test_by_code_once(self, house: Server) -> None:
        who = stage(house)
        code = ringback(house, "device", "pair", str(who.device_id))["code"]
        typed = f" {code.lower().replace('-', ' ')} "  # as people type
        status, paired, _ = house.call("POST", "/phone/v1/pair", body={"code": typed})
        assert (status, paired["device_id"]) == (200, who.device_id)
        status, refused, _ = house.call("POST", "/phone/v1/pair", body={"code": code})
        assert (status, refused["code"], refused["field"]) == (401, "unauthorized", "code")
        status, _, _ = house.call("GET", "/phone/v1/messages", bearer=paired["device_key"])
        assert status == 200
        # The earlier key's time is over.
        status, refused, _ = house.call("GET", "/phone/v1/messages", bearer=who.key)
        assert (status, refused["code"]) == (401, "unauthorized")

    def test_the_newest_of_several_codes_works(self, house: Server) -> None:
        who = stage(house)
        codes = [ringback(house, "device", "pair", str(who.device_id))["code"] for _ in range(2)]
        status, _, _ = house.call("POST", "/phone/v1/pair", body={"code": codes[1]})
        assert status == 200


class TestHeartbeat:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(None, id="empty"),
            pytest.param({}, id="nothing-said"),
            pytest.param(
                {"battery": 81, "charging": False, "network": "wifi", "app_version": "1.0", "else": 1},
                id="all",
            ),
        ],
    )
    def test_tells_who_it_is(self, house: Server, body: object) -> None:
        who = stage(house)
        answer = who.phone("POST", "heartbeat", body)
        assert (answer["device_id"], answer["title"]) == (who.device_id, "Shop phone")
        assert answer["time"].endswith("Z")
        [shown] = ringback(house, "device", "list", "--account", who.email)
        assert shown["last_seen_at"] is not None


def test_stop_ends_a_long_poll_and_finishes_what_is_in_flight(tmp_path: Path, ear: Ear) -> None:
    with Server(tmp_path / "data") as server:
        who = stage(server, ear.url)
        ear.misbehave(hang=1.5)
        told = who.incoming("under way")["sms_id"]
        eventually(lambda: ear.received)  # sent, not yet answered
        with waiting(who) as polling:
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < AT_ONCE
            took, found = polling.result(LONG)
        assert found == []
        assert took < LONG / 2
        ear.behave()
        server.start()
        # It was answered and settled before the end: it does not go again.
        marker = who.incoming("after")["sms_id"]
        eventually(lambda: ear.of(marker))
        assert len(ear.of(told)) == 1
        [settled] = [one for one in who.deliveries() if one["sms_id"] == told]
        assert (settled["state"], settled["attempts"]) == ("done", 1)
