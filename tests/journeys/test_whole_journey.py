"""The whole journey as a user makes it: the server, `ringback-phone` and `ringback-receiver` as programs, the command line
for everything that is set up, and HTTP for everything that is sent.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.journeys.programs import Program, free_port
from tests.journeys.stage import NUMBER, Stage, checked, device, eventually, picture
from tests.serving import Server

LONG = "Ringback rings back. " * 400  # 8,400 characters, some 56 SMS
UNICODE = 'Привет, 世界! שלום 👩‍👩‍👧‍👦 \u202eright to left\u202c\nnew line\ttab \\ "quoted" \'% {n} é e\u0301'
STATUS_KEYS = ["sms_id", "status_id", "status_message", "sendto", "senttime", "channel_id", "device_id"]
TEXT_KEYS = [
    "address",
    "date",
    "date_sent",
    "body",
    "internal_id",
    "channel_id",
    "sms_id",
    "device_id",
    "device_name",
    "type",
]
IMAGE_KEYS = ["address", "date", "date_sent", "body", "internal_id", "sim", "sms_id", "type", "img_url"]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One account; each of its devices rings the same two URLs at the receiver."""

    server: Server
    email: str
    token: str
    url: str

    def device(self) -> Stage:
        slots = {f"slot_{slot}": f"{self.url}/incoming" for slot in range(6)}
        return device(self.server, self.email, self.token, status=f"{self.url}/status", **slots)

    def webhooks(self, sms_id: int) -> list[Any]:
        """What the receiver wrote down about a message, oldest first."""
        with urllib.request.urlopen(f"{self.url}/_ctl/ledger", timeout=10) as answer:  # noqa: S310 -- our own receiver
            ledger = json.load(answer)
        return [one for one in ledger if one["body"]["sms_id"] == sms_id]

    def hears(self, sms_id: int, *statuses: int) -> list[Any]:
        """The webhooks of a message once its last status has come: signed, in order, each once."""

        def all_there() -> list[Any]:
            found = self.webhooks(sms_id)
            return found if found and found[-1]["body"]["status_id"] == statuses[-1] else []

        found = eventually(all_there, within=30)
        assert [one["body"]["status_id"] for one in found] == list(statuses)
        assert [one["sequence"] for one in found] == list(range(1, len(statuses) + 1))
        assert {one["verdict"] for one in found} == {"ok"}
        assert {one["path"] for one in found} == {"/status"}
        assert {one["event"] for one in found} == {"message.status"}
        assert len({one["webhook_id"] for one in found}) == len(found)
        return found

    def hears_incoming(self, sms_id: int) -> Any:
        [one] = eventually(lambda: self.webhooks(sms_id), within=30)
        assert (one["verdict"], one["path"], one["event"]) == ("ok", "/incoming", "message.incoming")
        return one


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    url = f"http://127.0.0.1:{free_port()}"
    with checked(Server(folder / "data")) as server:
        # As the README has it: every step is a program of its own, beside the server that runs.
        added = server.cli("account", "add", "shop@example.com", "--time-zone", "Europe/Berlin")
        first = server.cli("device", "add", "--account", "shop@example.com", "--title", "First phone")
        webhooks = ["--status-webhook", f"{url}/status", "--incoming-webhook", f"0={url}/incoming"]
        shown = server.cli("device", "set", str(first["device_id"]), *webhooks)["endpoints"]
        secrets = [option for one in shown for option in ("--secret", one["secret"])]
        with Program("ringback-receiver", "--port", url.rpartition(":")[2], *secrets) as receiver:
            receiver.hears(lambda line: line["event"] == "listening")
            yield Shop(server=server, email="shop@example.com", token=added["token"], url=url)
            assert receiver.stop() == 0


@contextmanager
def phone(who: Stage, *options: object) -> Iterator[Program]:
    quick = ("--send-time", 0.05, "--delivery-time", 0.05, "--wait", 20)
    with Program("ringback-phone", "--server", who.server.url, "--key", who.key, *quick, *options) as running:
        yield running


def carries_out(who: Stage, messages: int, *options: object) -> Program:
    """A phone that takes so many messages, does what it does with them, and ends."""
    with phone(who, "--messages", messages, *options) as running:
        assert running.ends() == 0
    [ended] = running.events("ended")
    assert (ended["dealt"], ended["untold"]) == (messages, 0)
    return running


def test_a_good_life(shop: Shop) -> None:
    who = shop.device()
    before = time.time()
    sms_id = who.send("hello", customerid=77)
    assert who.message(sms_id)["status_id"] == 1  # no phone yet
    carries_out(who, 1)
    found = shop.hears(sms_id, 3, 2, 6, 7)
    bodies = [one["body"] for one in found]
    assert [list(body) for body in bodies] == [STATUS_KEYS] * 4
    assert [body["status_message"] for body in bodies] == [
        "Queued for sending",
        "SMS taken by phone",
        "SMS Sent by Phone",
        "SMS has been Delivered",
    ]
    assert {body["sendto"] for body in bodies} == {NUMBER}
    assert {(body["channel_id"], body["device_id"]) for body in bodies} == {(0, who.device_id)}
    sent = bodies[2]["senttime"]
    assert [body["senttime"] for body in bodies] == [None, None, sent, sent]
    assert len(sent) == len("2026-11-23 18:57:33")
    # Nothing between keys and values: the bytes are what is signed.
    assert found[0]["raw"] == json.dumps(bodies[0], separators=(",", ":"), ensure_ascii=False)
    shown = who.message(sms_id)
    assert (shown["status_id"], shown["status"], shown["customerid"]) == (7, "Delivered", 77)
    assert [told["status_id"] for told in shown["history"]] == [1, 3, 2, 6, 7]
    assert [event["webhook_id"] for event in shown["events"]] == [one["webhook_id"] for one in found]
    assert {one["state"] for event in shown["events"] for one in event["deliveries"]} == {"done"}
    assert all(before - 1 < one["wall"] < time.time() + 1 for one in found)


def test_the_command_line_tells_the_same_story(shop: Shop) -> None:
    who = shop.device()
    sent = who.server.cli("message", "send", NUMBER, "from a shell", "--device", str(who.device_id))
    carries_out(who, 1)
    shop.hears(sent["sms_id"], 3, 2, 6, 7)
    shown = who.server.cli("message", "show", str(sent["sms_id"]))
    assert [told["status_id"] for told in shown["history"]] == [1, 3, 2, 6, 7]


FAILURES = {
    8: "SMS was NOT Delivered",
    9: "SMS didn't SENT at all - Generic failure",
    10: "SMS Not Sent - No Service",
    11: "SMS Not Sent - Null PDU",
    12: "SMS Not Sent - Radio Off",
    100: "SMS Not Sent - NOT ALLOWED",
    101: "SMS Not Sent - NOT ALLOWED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one phone has done: ``sms_ids`` by what they are about."""

    who: Stage
    sms_ids: dict[Any, int]
    phone: Program


@pytest.fixture(scope="module")
def bad_day(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A phone on which messages fail, each as its text says."""
    who = shop.device()
    sms_ids = {status: who.send(f"ends as {status}.") for status in FAILURES}
    scenario = tmp_path_factory.mktemp("scenario") / "bad_day.json"
    scenario.write_text(
        json.dumps([{"match": f"ends as {status}.", "status": status} for status in FAILURES])
    )
    return Day(who=who, sms_ids=sms_ids, phone=carries_out(who, len(sms_ids), "--scenario", scenario))


@pytest.mark.parametrize("status", FAILURES)
def test_failing(shop: Shop, bad_day: Day, status: int) -> None:
    sms_id = bad_day.sms_ids[status]
    way = (3, 2, 6, 8) if status == 8 else (3, 2, status)
    found = shop.hears(sms_id, *way)
    assert found[-1]["body"]["status_message"] == FAILURES[status]
    assert (found[-1]["body"]["senttime"] is None) == (status != 8)
    shown = bad_day.who.message(sms_id)
    assert shown["status_id"] == status
    assert shown["reason"]  # the phone's own words


BODIES = {"long": LONG, "unicode": UNICODE, "short": "0"}


@pytest.fixture(scope="module")
def good_day(shop: Shop) -> Day:
    who = shop.device()
    sms_ids = {label: who.send(body) for label, body in BODIES.items()}
    return Day(who=who, sms_ids=sms_ids, phone=carries_out(who, len(sms_ids)))


@pytest.mark.parametrize("label", BODIES)
def test_bodies_arrive_as_they_were_written(shop: Shop, good_day: Day, label: str) -> None:
    sms_id = good_day.sms_ids[label]
    [taken] = [one for one in good_day.phone.events("taken") if one["sms_id"] == sms_id]
    assert taken["body"] == BODIES[label]
    shop.hears(sms_id, 3, 2, 6, 7)
    assert good_day.who.message(sms_id)["body"] == BODIES[label]


def test_urgent_goes_first(shop: Shop) -> None:
    who = shop.device()
    first, second = who.send("1"), who.send("2")
    urgent = who.send("3", urgent=True)
    running = carries_out(who, 3, "--limit", 1)
    assert [taken["sms_id"] for taken in running.events("taken")] == [urgent, first, second]
    for sms_id in (urgent, first, second):
        shop.hears(sms_id, 3, 2, 6, 7)


def test_scheduled_goes_when_it_is_due(shop: Shop) -> None:
    who = shop.device()
    with phone(who, "--messages", 2) as running:
        running.hears(lambda line: line["event"] == "started")
        due = time.time() + 1.5
        scheduled = who.send("later", send_at=due)
        now = who.send("now")
        assert running.hears(lambda line: line["event"] == "taken")["sms_id"] == now
        taken = running.hears(lambda line: line["event"] == "taken" and line["sms_id"] == scheduled)
        assert due - 0.01 <= taken["wall"] < due + 5
        assert running.ends() == 0
    found = shop.hears(scheduled, 3, 2, 6, 7)
    assert found[0]["wall"] >= due - 0.01  # not even queued before


def test_a_phone_that_repeats_itself_and_mixes_things_up(shop: Shop) -> None:
    who = shop.device()
    sms_ids = [who.send(f"number {number}") for number in range(5)]
    carries_out(who, 5, "--repeat", 2, "--shuffle", "--seed", 7)
    for sms_id in sms_ids:
        eventually(lambda sms_id=sms_id: who.message(sms_id)["status_id"] == 7)  # type: ignore[misc]

        def settled(sms_id: int = sms_id) -> bool:
            events = who.message(sms_id)["events"]
            return all(one["state"] == "done" for event in events for one in event["deliveries"])

        eventually(settled)
        statuses = [one["body"]["status_id"] for one in shop.webhooks(sms_id)]
        # Each at most once, never backwards, and the end is the end.
        assert statuses == [status for status in (3, 2, 6, 7) if status in statuses]
        assert statuses[-1] == 7


def test_a_text_comes_in(shop: Shop) -> None:
    who = shop.device()
    with phone(who, "--receive", f"+49171:{UNICODE.replace('{n}', '')}", "--channel", 2) as running:
        kept = running.hears(lambda line: line["event"] == "kept")
        assert running.stop() == 0
    one = shop.hears_incoming(kept["sms_id"])
    body = one["body"]
    assert list(body) == TEXT_KEYS
    assert body["body"] == UNICODE.replace("{n}", "")
    assert (body["address"], body["channel_id"], body["type"]) == ("+49171", 2, "text")
    assert (body["device_id"], body["device_name"]) == (who.device_id, "Shop phone")
    assert isinstance(body["internal_id"], int)
    assert len(body["date"]) == len("2026-11-23 18:57:33")
    shown = who.message(kept["sms_id"])
    assert (shown["status_id"], shown["incoming"], shown["type"]) == (5, True, "text")


@pytest.fixture(scope="module")
def pictures(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Any]]:
    """What a phone has received: by the kind of the picture its file's bytes and its webhook."""
    who = shop.device()
    files = {}
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        files[kind] = tmp_path_factory.mktemp("pictures") / "holiday.bin"  # its type is found in its bytes
        files[kind].write_bytes(picture(kind, (640, 400)))
    options = [option for kind, file in files.items() for option in ("--receive-image", f"{kind}:{file}")]
    with phone(who, *options, "--channel", 3) as running:
        running.hears(lambda _: len(running.events("kept")) == len(files))
        assert running.stop() == 0
    heard = [shop.hears_incoming(kept["sms_id"]) for kept in running.events("kept")]
    return {one["body"]["address"]: (files[one["body"]["address"]].read_bytes(), one) for one in heard}


@pytest.mark.parametrize(
    ("kind", "extension", "mime"),
    [
        pytest.param("JPEG", "jpg", "image/jpeg", id="jpeg"),
        pytest.param("PNG", "png", "image/png", id="png"),
        pytest.param("WEBP", "webp", "image/webp", id="webp"),
        pytest.param("GIF", "gif", "image/gif", id="gif"),
    ],
)
def test_a_picture_comes_in(
    pictures: dict[str, tuple[bytes, Any]], kind: str, extension: str, mime: str
) -> None:
    data, webhook = pictures[kind]
    body = webhook["body"]
    assert list(body) == IMAGE_KEYS
    assert (body["address"], body["body"], body["internal_id"]) == (kind, "", None)
    assert (body["sim"], body["type"]) == (3, "img")
    with urllib.request.urlopen(body["img_url"], timeout=10) as answer:  # noqa: S310 -- our own server
        assert answer.read() == data
        headers = answer.headers
    assert body["img_url"].endswith(f".{extension}")
    assert headers["Content-Type"] == mime
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Length"] == str(len(data))
    assert "Set-Cookie" not in headers


def test_a_paired_phone(shop: Shop) -> None:
    who = shop.device()
    code = who.server.cli("device", "pair", str(who.device_id))["code"]
    sms_id = who.send("to the new phone")
    options = ("--server", who.server.url, "--pair", code, "--messages", 1, "--delivery-time", 0)
    with Program("ringback-phone", *options) as running:
        assert running.hears(lambda line: line["event"] == "paired")["device_id"] == who.device_id
        assert running.ends() == 0
    shop.hears(sms_id, 3, 2, 6, 7)
