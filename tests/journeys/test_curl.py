"""The whole journey with plain curl: first word for word as native.md shows it, then step by step."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.stage import NUMBER, Ear, Stage, checked, device, eventually, picture, ringback
from tests.serving import Server

from ringback.phones import native

DOCUMENT = Path(native.__file__).with_name("native.md")
JSON = ("-H", "Content-Type: application/json")


@pytest.fixture(scope="module", autouse=True)
def curl_is_there() -> None:
    if shutil.which("curl") is None:
        pytest.fail(
            "these tests speak to the server with curl: install it, or run them with `make test`, which does"
        )


def curl(*arguments: str) -> str:
    """What curl prints, refusals included; its own failures (nobody there, no answer) fail the test."""
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "60", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(*arguments: str) -> Any:
    return json.loads(curl(*arguments))


def bearer(secret: str) -> tuple[str, str]:
    return "-H", f"Authorization: Bearer {secret}"


@pytest.fixture
def who(tmp_path: Path, ear: Ear) -> Iterator[Stage]:
    """The first account, device and message of a new server: the document counts from 1."""
    with checked(Server(tmp_path / "data")) as server:
        token = ringback(server, "account", "add", "you@example.com")["token"]
        hooks = f"{ear.url}/hooks"
        yield device(server, "you@example.com", token, status=hooks, slot_0=hooks, slot_3=hooks)


def commands(document: str) -> list[str]:
    """The commands of the section "With curl", one each, however many lines it takes."""
    block = re.search(r"## With curl\n```\n(.*?)```", document, re.DOTALL)
    assert block is not None
    return block.group(1).replace("\\\n", " ").strip().splitlines()


def test_the_document_word_for_word(who: Stage, ear: Ear) -> None:
    sms_id = who.send("hello")
    assert sms_id == 1  # as the document has it
    key, *steps = commands(DOCUMENT.read_text())
    assert key.startswith("KEY=…")
    assert len(steps) == 3

    def run(step: str) -> Any:
        words = step.replace("http://localhost:8000", who.server.url)
        script = f"KEY={who.key}\n{words}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)

    [offered] = run(steps[0])
    assert (offered["sms_id"], offered["to"], offered["body"]) == (1, NUMBER, "hello")
    assert run(steps[1]) == [{"sms_id": 1, "status_id": 2, "result": "accepted"}]
    assert run(steps[2]) == [{"sms_id": 2, "duplicate": False}]
    eventually(lambda: len(ear.received) >= 3)
    assert ear.statuses(1) == [3, 2]
    [incoming] = [one.body for one in ear.of(2)]
    assert (incoming["address"], incoming["body"]) == ("+4915112345", "hello")
    assert incoming["date"] == "2026-11-23 18:57:33"


def test_the_whole_journey(who: Stage, ear: Ear, tmp_path: Path) -> None:
    v1, phone = f"{who.server.url}/v1", f"{who.server.url}/phone/v1"
    token, key = bearer(who.token), bearer(who.key)

    code = ringback(who.server, "device", "pair", str(who.device_id))["code"]
    paired = told("-d", json.dumps({"code": code}), f"{phone}/pair")
    assert paired["device_id"] == who.device_id
    key = bearer(paired["device_key"])

    assert told(*key, "-X", "POST", f"{phone}/heartbeat")["title"] == "Shop phone"

    message = {"to": NUMBER, "body": "Grüße", "device_id": who.device_id}
    sent = told(*token, *JSON, "-d", json.dumps(message), f"{v1}/messages")
    assert sent["status_id"] == 3  # a phone is there
    many = told(*token, *JSON, "-d", json.dumps([message, message]), f"{v1}/messages")
    assert len(many) == 2

    offered = told(*key, f"{phone}/messages?wait=25")
    assert [one["sms_id"] for one in offered] == [sent["sms_id"], *[one["sms_id"] for one in many]]
    for status in (2, 6, 7):
        report = {"sms_id": sent["sms_id"], "status_id": status, "at": "2026-11-23T18:57:33+01:00"}
        [answer] = told(*key, "-d", json.dumps(report), f"{phone}/reports")
        assert answer == {"sms_id": sent["sms_id"], "status_id": status, "result": "accepted"}
    fails = [{"sms_id": one["sms_id"], "status_id": 10, "reason": "no service"} for one in many]
    assert [one["result"] for one in told(*key, "-d", json.dumps(fails), f"{phone}/reports")] == [
        "accepted"
    ] * 2

    ear.hears(sent["sms_id"], 3, 2, 6, 7)
    assert ear.of(sent["sms_id"])[-1].body["senttime"] == "2026-11-23 17:57:33"  # the account's zone is UTC
    for one in many:
        ear.hears(one["sms_id"], 3, 10)
    shown = told(*token, f"{v1}/messages/{sent['sms_id']}")
    assert [entry["status_id"] for entry in shown["history"]] == [1, 3, 2, 6, 7]

    incoming = {"address": "+49171", "body": "hi", "date": 1_700_000_000, "internal_id": 981}
    [kept] = told(*key, "-d", json.dumps([incoming]), f"{phone}/incoming")
    file = tmp_path / "holiday.png"
    file.write_bytes(picture())
    fields = ("-F", "address=+49172", "-F", "date=1700000000", "-F", "channel_id=3", "-F", "caption=look")
    stored = told(*key, *fields, "-F", f"file=@{file}", f"{phone}/incoming/image")
    eventually(lambda: ear.of(stored["sms_id"]) and ear.of(kept["sms_id"]))
    assert ear.of(kept["sms_id"])[0].body["internal_id"] == 981
    assert ear.of(stored["sms_id"])[0].body["img_url"] == stored["img_url"]
    fetched = tmp_path / "fetched.png"
    headers = curl("-D", "-", "-o", str(fetched), stored["img_url"]).lower()
    assert fetched.read_bytes() == file.read_bytes()
    assert "x-content-type-options: nosniff" in headers

    feed = told(*token, f"{v1}/events?limit=200")
    assert [event["webhook_id"] for event in feed["events"] if event["sms_id"] == sent["sms_id"]] == [
        one.webhook_id for one in ear.of(sent["sms_id"])
    ]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        pytest.param(("-d", "{}"), 401, "Authorization: Bearer", id="no-token"),
        pytest.param(("-H", "Authorization: Bearer x", "-d", "{}"), 401, "ringback token add", id="token"),
        pytest.param(("TOKEN", "-d", "{}"), 400, "Content-Type: application/json", id="content-type"),
        pytest.param(("TOKEN", *JSON, "-d", "{"), 400, "not valid JSON", id="json"),
        pytest.param(("TOKEN", *JSON, "-d", "{}"), 422, "Field required", id="field"),
        pytest.param(("TOKEN", "-X", "PUT"), 405, "does not take PUT", id="method"),
    ],
)
def test_what_curl_shows_of_a_refusal(
    house: Server, refused_token: str, options: tuple[str, ...], status: int, words: str
) -> None:
    given = [
        part for option in options for part in (bearer(refused_token) if option == "TOKEN" else (option,))
    ]
    said = curl(*given, "-w", "\n%{http_code} %{content_type}", f"{house.url}/v1/messages")
    body, _, last = said.rpartition("\n")
    assert last == f"{status} application/problem+json"
    assert words in json.loads(body)["detail"]


@pytest.fixture(scope="module")
def refused_token(house: Server) -> str:
    return str(ringback(house, "account", "add", "refused@example.com")["token"])
