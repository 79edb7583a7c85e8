"""What a plan allows, and who may call: what an operator changes on the command line holds at once in the running server."""

import itertools

import pytest
from tests.journeys.stage import NUMBER, Ear, Stage, device, eventually, ringback, stage
from tests.serving import Server

_serial = itertools.count(1)


def plan(house: Server, *options: str) -> str:
    name = f"plan{next(_serial)}"
    ringback(house, "plan", "set", name, *options)
    return name


def heard(who: Stage, code: int, form: dict[str, object]) -> bool:
    status, _, _ = who.server.call("POST", "/v1/messages", bearer=who.token, body=form)
    return status == code


class TestWithoutWebhooks:
    def test_messages_work_events_are_recorded_nothing_is_posted(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url, "--plan", plan(house, "--no-webhooks"))
        other = stage(house, ear.url)  # whose webhooks show when all could have come
        sms_id = who.good_life()
        incoming = who.incoming()["sms_id"]
        marker = other.good_life("marker")
        ear.hears(marker, 3, 2, 6, 7)
        assert {one.body["sms_id"] for one in ear.received} == {marker}
        feed = who.api("GET", "/v1/events")["events"]
        assert [(one["event"], one["sms_id"]) for one in feed] == [
            *[("message.status", sms_id)] * 4,
            ("message.incoming", incoming),
        ]
        assert [one["body"]["status_id"] for one in feed[:4]] == [3, 2, 6, 7]
        assert who.message(sms_id)["status_id"] == 7
        assert who.deliveries() == []

    def test_a_newer_plan_holds_at_once_for_what_is_new(self, house: Server, ear: Ear) -> None:
        name = plan(house, "--no-webhooks")
        who = stage(house, ear.url, "--plan", name)
        silent = who.good_life("before")
        ringback(house, "plan", "set", name, "--webhooks")
        loud = who.good_life("after")
        ear.hears(loud, 3, 2, 6, 7)
        assert ear.of(silent) == []
        ringback(house, "plan", "set", name, "--no-webhooks")
        silent_again = who.good_life("after that")
        ringback(house, "account", "set", who.email, "--plan", "default")
        last = who.good_life("another plan")
        ear.hears(last, 3, 2, 6, 7)
        assert ear.of(silent_again) == []


class TestLimits:
    def test_channels(self, house: Server) -> None:
        name = plan(house, "--channels", "0,3")
        who = stage(house, "", "--plan", name)
        form = {"to": NUMBER, "body": "x", "device_id": who.device_id, "channel_id": 1}
        status, refused, _ = house.call("POST", "/v1/messages", bearer=who.token, body=form)
        assert (status, refused["code"], refused["field"]) == (403, "channel_not_in_plan", "channel_id")
        assert name in refused["detail"]
        assert who.send(channel_id=3)
        ringback(house, "plan", "set", name, "--channels", "0,1,3")
        assert who.send(channel_id=1)

    def test_messages_a_month(self, house: Server) -> None:
        name = plan(house, "--messages-per-month", "3")
        who = stage(house, "", "--plan", name)
        form = {"to": NUMBER, "body": "x", "device_id": who.device_id}
        assert who.send(idempotency_key="k")
        status, refused, _ = house.call("POST", "/v1/messages", bearer=who.token, body=[form] * 3)
        assert (status, refused["code"]) == (403, "quota_exceeded")
        assert who.send(idempotency_key="k")  # said again, it is no further message
        assert who.send()
        assert who.send()
        assert heard(who, 403, form)
        assert who.incoming()["sms_id"]  # what comes in is not counted
        ringback(house, "plan", "set", name, "--unlimited")
        assert heard(who, 202, form)

    def test_devices(self, house: Server) -> None:
        name = plan(house, "--devices", "1")
        who = stage(house, "", "--plan", name)
        with pytest.raises(AssertionError, match="allows 1 devices"):
            device(house, who.email, who.token)
        ringback(house, "plan", "set", name, "--devices", "2")
        assert device(house, who.email, who.token).send()


class TestKeys:
    def test_a_revoked_token_is_refused_within_a_moment(self, house: Server) -> None:
        who = stage(house)
        assert who.send()  # known and remembered
        second = ringback(house, "token", "add", "--account", who.email, "--label", "second")
        [first, _] = ringback(house, "token", "list", "--account", who.email)
        ringback(house, "token", "revoke", str(first["token_id"]))
        form = {"to": NUMBER, "body": "x", "device_id": who.device_id}
        eventually(lambda: heard(who, 401, form), within=5)
        status, _, _ = house.call("POST", "/v1/messages", bearer=second["token"], body=form)
        assert status == 202

    def test_a_device_key_ends_when_another_phone_pairs(self, house: Server) -> None:
        who = stage(house)
        who.poll()  # known and remembered
        code = ringback(house, "device", "pair", str(who.device_id))["code"]
        assert who.poll() == []  # the code alone changes nothing
        status, paired, _ = house.call("POST", "/phone/v1/pair", body={"code": code})
        assert status == 200
        status, refused, _ = house.call("GET", "/phone/v1/messages", bearer=who.key)
        assert (status, refused["code"]) == (401, "unauthorized")
        status, _, _ = house.call("GET", "/phone/v1/messages", bearer=paired["device_key"])
        assert status == 200

    def test_a_token_is_no_device_key(self, house: Server) -> None:
        who = stage(house)
        assert house.call("GET", "/phone/v1/messages", bearer=who.token)[0] == 401
        assert house.call("GET", "/v1/events", bearer=who.key)[0] == 401


class TestSettings:
    def test_a_device_moves_to_another_url_while_the_server_runs(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        first = who.incoming(id="1")["sms_id"]
        eventually(lambda: ear.of(first))
        ringback(house, "device", "set", str(who.device_id), "--incoming-webhook", f"0={ear.url}/elsewhere")
        second = who.incoming(id="2")["sms_id"]
        [moved] = eventually(lambda: ear.of(second))
        assert moved.path == "/elsewhere"

    def test_only_chosen_statuses_fire(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url)
        ringback(house, "device", "set", str(who.device_id), "--fires", "6,7")
        sms_id = who.good_life()
        ear.hears(sms_id, 6, 7)
        assert [one.sequence for one in ear.of(sms_id)] == [3, 4]

    def test_russian_and_a_time_zone(self, house: Server, ear: Ear) -> None:
        who = stage(house, ear.url, "--language", "ru", "--time-zone", "Asia/Yekaterinburg")
        sms_id = who.good_life()
        ear.hears(sms_id, 3, 2, 6, 7)
        assert ear.of(sms_id)[-1].body["status_message"] == "SMS доставлено"
        incoming = who.incoming()["sms_id"]
        [one] = eventually(lambda: ear.of(incoming))
        assert one.body["date"] == "2026-01-02 08:04:05"
        ringback(house, "account", "set", who.email, "--language", "en", "--datetime-format", "iso8601")
        sms_id = who.good_life()
        ear.hears(sms_id, 3, 2, 6, 7)
        assert ear.of(sms_id)[-1].body["status_message"] == "SMS has been Delivered"
        assert ear.of(sms_id)[-1].body["senttime"].endswith("+05:00")

    def test_the_plus_rule(self, house: Server) -> None:
        who = stage(house)
        ringback(house, "device", "set", str(who.device_id), "--plus", "49,7")
        for to in ("4915112345678", "+33 1 23", "0151 123"):
            who.send(to=to)
        assert [one["to"] for one in who.poll()] == ["+4915112345678", "+33123", "0151123"]
