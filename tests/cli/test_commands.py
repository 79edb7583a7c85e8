"""Every command as a user types it: its help, its answer to programs, what it says of bad arguments and bad settings.

Most run in this process (tests/journeys/stage.py), for a second of start each would be minutes; an exception that a user
would see as a traceback fails the test here by itself. What only a process can show is shown with one.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.journeys.stage import Done, Ear, Stage, command, eventually, ringback, stage
from tests.serving import BIN, Server
from typer.main import get_command

from ringback.cli.main import app

# A command that fails leaves its files and sockets to the end of its process, which here is not the end.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

HUGE = "99999999999999999999999"


def every_command() -> list[str]:
    """All commands by their words, such as ``device add``."""

    def below(group: Any, words: tuple[str, ...]) -> Iterator[str]:
        for name, found in group.commands.items():
            if hasattr(found, "commands"):
                yield from below(found, (*words, name))
            else:
                yield " ".join((*words, name))

    return sorted(below(get_command(app), ()))


def groups() -> list[str]:
    return sorted({words.partition(" ")[0] for words in every_command() if " " in words})


def alone(*arguments: str, **settings: str) -> Done:
    """The installed program in a process of its own."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RINGBACK_", "PYTHONDONT"))
        },
        **{f"RINGBACK_{name.upper()}": value for name, value in settings.items()},
    }
    done = subprocess.run(
        [str(BIN / "ringback"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def refuses(done: Done, words: str) -> None:
    """It ended badly, and said on stderr, in words, why."""
    assert done.code != 0
    assert words in done.err, done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    with Ear() as listening:
        yield listening


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A data folder without a server: commands work without one, too."""
    return Server(tmp_path_factory.mktemp("commands") / "data")


@pytest.fixture(scope="module")
def there(folder: Server, ear: Ear) -> Stage:
    """What the commands are about: account, device, endpoint, message and delivery number 1."""
    found = stage(folder, ear.url)
    ringback(folder, "account", "add", "here@example.com")
    assert found.device_id == found.endpoint() == 1
    sent = ringback(folder, "message", "send", "+4915112345678", "hello", "--device", "1")
    assert sent["sms_id"] == 1
    with folder:  # a phone takes it, so that there is a delivery
        assert [one["sms_id"] for one in found.poll()] == [1]
        found.report(1, 2)
        ear.hears(1, 3, 2)
        eventually(lambda: all(one["state"] == "done" for one in found.deliveries()))
    return found


class TestHelp:
    @pytest.mark.parametrize("words", every_command())
    def test_of_every_command(self, words: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            app([*words.split(), "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        assert told.startswith("Usage: ")
        assert f" {words} " in told.splitlines()[0]
        if words != "serve":  # which answers nothing: it runs
            assert "--json" in told
        assert "--data DIR" in told
        assert len(told.splitlines()[2].strip()) > 10  # says what it does

    def test_shows_them_all(self) -> None:
        done = alone("--help")
        assert done.code == 0
        for name in [*groups(), "serve", "settings", "doctor"]:
            assert f"\n  {name} " in done.out
        assert "ringback serve" in done.out

    @pytest.mark.parametrize("group", groups())
    def test_of_a_group(self, group: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A group without a command shows what there is."""
        with pytest.raises(SystemExit):
            app([group])
        printed = capsys.readouterr()
        for words in every_command():
            if words.startswith(f"{group} "):
                assert f"\n  {words.partition(' ')[2]} " in printed.out + printed.err


def keys(*names: str) -> set[str]:
    return set(names)


DELIVERY = keys("delivery_id", "webhook_id", "event", "sms_id", "sequence", "state", "attempts", "created_at")
ENDPOINT = keys("endpoint_id", "url", "state", "note", "account_id", "backlog", "last_success_at")
# command → (arguments, keys of the answer or of its rows). {ear} is the receiver's URL.
ANSWERS: dict[str, tuple[str, set[str]]] = {
    "account add": (
        "new@example.com --password 12345678 --time-zone Asia/Tokyo --language ru",
        keys("account_id", "email", "token"),
    ),
    "account set": ("here@example.com --time-zone UTC", keys("account_id")),
    "account list": ("", keys("id", "email", "plan", "time_zone", "language")),
    "token add": ("--account {email} --label crm", keys("token_id", "token")),
    "token list": ("--account {email}", keys("token_id", "label", "created_at", "revoked_at")),
    "token revoke": ("1", keys("token_id")),
    "plan set": (
        "small --no-webhooks --channels 0,1 --devices 2 --messages-per-month 100",
        keys("name", "webhooks", "channels", "max_devices", "max_messages"),
    ),
    "plan list": ("", keys("name", "webhooks", "channels", "max_devices", "max_messages")),
    "device add": ("--account {email} --title Another", keys("device_id", "device_key")),
    "device pair": ("1", keys("device_id", "code")),
    "device set": (
        "1 --title Renamed --fires all --pause 0 --pause-random 0 --plus 49 --incoming-webhook 1={ear}/new",
        keys("device_id", "endpoints"),
    ),
    "device list": ("--account {email}", keys("device_id", "account", "title", "last_seen_at")),
    "message send": (
        "+4915112345678 hello --device 1 --channel 1 --urgent --customerid 5 --send-at 2999-01-01T00:00:00Z",
        keys("sms_id", "status_id"),
    ),
    "message show": (
        "1",
        keys("sms_id", "status_id", "device_id", "channel_id", "address", "body", "reason", "history"),
    ),
    "endpoint list": ("", ENDPOINT),
    "endpoint set": ("1 --payload extended --timeout 5 --min-tls 1.3", keys("endpoint_id")),
    "endpoint pause": ("1", keys("endpoint_id")),
    "endpoint resume": ("1", keys("endpoint_id")),
    "endpoint rotate": ("1 --overlap 1", keys("endpoint_id", "secret")),
    "endpoint sign": ("1", keys("endpoint_id", "public_key")),
    "endpoint test": (
        "1 --sample text",
        keys("url", "headers", "body", "succeeded", "status", "fault", "error", "duration", "answer"),
    ),
    "endpoint replay": ("1 --since 2020-01-01T00:00:00Z", keys("replayed", "skipped")),
    "delivery list": ("--endpoint 1 --limit 5", DELIVERY),
    "delivery show": ("1", keys("at", "ms", "status", "fault", "error", "answer")),
    "delivery replay": ("1", keys("replayed", "skipped")),
    "delivery replay-parked": ("--endpoint 1", keys("replayed", "skipped")),
    "settings": ("", keys("variable", "value", "meaning")),
}
OF_THEIR_OWN = {"serve", "doctor"}  # tested below, and in tests/journeys


def test_no_command_is_forgotten() -> None:
    assert set(ANSWERS) | OF_THEIR_OWN == set(every_command())


def typed(words: str, there: Stage, ear: Ear) -> list[str]:
    arguments, _ = ANSWERS[words]
    return [*words.split(), *(part.format(email=there.email, ear=ear.url) for part in arguments.split())]


class TestAnswers:
    """To programs in JSON, to people in words."""

    @pytest.mark.parametrize("words", list(ANSWERS))
    def test_as_json(self, there: Stage, ear: Ear, words: str) -> None:
        if words == "account add":
            done = command(there.server, "account", "add", "json@example.com", "--json")
        elif words == "token revoke":
            token = ringback(there.server, "token", "add", "--account", there.email)["token_id"]
            done = command(there.server, "token", "revoke", str(token), "--json")
        else:
            done = command(there.server, *typed(words, there, ear), "--json")
        assert (done.code, done.err) == (0, "")
        answer = json.loads(done.out)
        assert done.out.count("\n") == 1
        row = answer[0] if isinstance(answer, list) else answer
        assert set(row) == ANSWERS[words][1]

    @pytest.mark.parametrize("words", list(ANSWERS))
    def test_in_words(self, there: Stage, ear: Ear, words: str) -> None:
        done = command(there.server, *typed(words, there, ear))
        assert (done.code, done.err) == (0, "")
        assert len(done.out.strip()) > 5
        assert "{" not in done.out or words in ("endpoint test", "device pair")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            pytest.param("account list", "No accounts.", id="accounts"),
            pytest.param("plan list", "No plans.", id="plans"),
            pytest.param("device list", "No devices.", id="devices"),
            pytest.param("endpoint list", "No endpoints.", id="endpoints"),
        ],
    )
    def test_of_an_empty_house(self, tmp_path: Path, words: str, said: str) -> None:
        empty = Server(tmp_path / "data")
        assert command(empty, *words.split()).out.strip() == said
        assert ringback(empty, *words.split()) == []

    def test_secrets_are_shown_once_and_kept_as_hashes(self, there: Stage) -> None:
        rows = ringback(there.server, "token", "list", "--account", there.email)
        assert there.token not in json.dumps(rows)
        for file in there.server.data.iterdir():
            if file.is_file():
                content = file.read_bytes()
                for secret in (there.token, there.key, there.secret()):
                    assert secret.encode() not in content, file

    def test_the_settings_come_from_the_environment(self, folder: Server) -> None:
        done = command(folder, "settings", "--json", port="4711", secret_key="c2VjcmV0")
        shown = {row["variable"]: row["value"] for row in json.loads(done.out)}
        assert shown["RINGBACK_PORT"] == "4711"
        assert shown["RINGBACK_DATA"] == str(folder.data)
        assert shown["RINGBACK_SECRET_KEY"] == "(set)"
        assert all(row["meaning"] for row in json.loads(done.out))
        assert "c2VjcmV0" not in done.out


# (label, arguments, exit code, words)
BAD: list[tuple[str, list[str], int, str]] = [
    ("no-such-command", ["frobnicate"], 2, "No such command 'frobnicate'"),
    ("no-such-command-in-a-group", ["device", "frobnicate"], 2, "No such command 'frobnicate'"),
    ("no-such-option", ["account", "list", "--frobnicate"], 2, "No such option"),
    ("account-add-nobody", ["account", "add"], 2, "Missing argument"),
    ("account-add-no-email", ["account", "add", "nobody"], 1, "not an e-mail address"),
    ("account-add-again", ["account", "add", "here@example.com"], 1, "already"),
    ("account-add-password", ["account", "add", "x@y.de", "--password", "short"], 1, "too short"),
    ("account-add-plan", ["account", "add", "x@y.de", "--plan", "gold"], 1, "ringback plan set gold"),
    ("account-add-zone", ["account", "add", "x@y.de", "--time-zone", "Mars"], 1, "'Mars' is not a time zone"),
    ("account-add-zone-path", ["account", "add", "x@y.de", "--time-zone", "../etc"], 1, "not a time zone"),
    ("account-add-language", ["account", "add", "x@y.de", "--language", "tlh"], 1, "only en, ru"),
    ("account-add-format", ["account", "add", "x@y.de", "--datetime-format", "x"], 2, "datetime-format"),
    ("account-set-unknown", ["account", "set", "x@y.de"], 1, "There is no account x@y.de"),
    ("token-add-unknown", ["token", "add", "--account", "x@y.de"], 1, "There is no account x@y.de"),
    ("token-add-nobody", ["token", "add"], 2, "--account"),
    ("token-list-unknown", ["token", "list", "--account", "x@y.de"], 1, "There is no account x@y.de"),
    ("token-revoke-unknown", ["token", "revoke", "999"], 1, "There is no valid token 999"),
    ("token-revoke-word", ["token", "revoke", "first"], 2, "valid integer"),
    ("token-revoke-huge", ["token", "revoke", HUGE], 1, "number"),
    ("plan-set-nothing", ["plan", "set"], 2, "Missing argument"),
    ("plan-set-channels", ["plan", "set", "p", "--channels", "0,9"], 2, "slots from 0 to 5"),
    ("plan-set-channels-word", ["plan", "set", "p", "--channels", "sim"], 2, "slots from 0 to 5"),
    ("plan-set-devices", ["plan", "set", "p", "--devices", "-1"], 2, "--devices"),
    ("plan-set-messages", ["plan", "set", "p", "--messages-per-month", "many"], 2, "--messages-per-month"),
    ("plan-set-huge", ["plan", "set", "p", "--devices", HUGE], 1, "number"),
    ("device-add-nobody", ["device", "add", "--title", "T"], 2, "--account"),
    ("device-add-no-title", ["device", "add", "--account", "here@example.com"], 2, "--title"),
    (
        "device-add-title",
        ["device", "add", "--account", "here@example.com", "--title", " "],
        1,
        "needs a title",
    ),
    (
        "device-add-unknown",
        ["device", "add", "--account", "x@y.de", "--title", "T"],
        1,
        "There is no account",
    ),
    ("device-pair-unknown", ["device", "pair", "999"], 1, "There is no device 999"),
    ("device-pair-huge", ["device", "pair", HUGE], 1, "number"),
    ("device-set-unknown", ["device", "set", "999", "--title", "T"], 1, "There is no device 999"),
    ("device-set-title", ["device", "set", "1", "--title", ""], 1, "needs a title"),
    ("device-set-url", ["device", "set", "1", "--status-webhook", "example.com"], 1, "http:// or https://"),
    (
        "device-set-ftp",
        ["device", "set", "1", "--status-webhook", "ftp://example.com/"],
        1,
        "http:// or https://",
    ),
    (
        "device-set-private",
        ["device", "set", "1", "--status-webhook", "http://10.1.2.3/"],
        1,
        "RINGBACK_ALLOW_WEBHOOKS_TO=10.1.2.3",
    ),
    ("device-set-slot", ["device", "set", "1", "--incoming-webhook", "6=http://x.de/"], 2, "give 0 to 5"),
    ("device-set-no-slot", ["device", "set", "1", "--incoming-webhook", "http://x.de/"], 2, "SLOT=URL"),
    ("device-set-fires-1", ["device", "set", "1", "--fires", "1,2"], 2, "can fire a status webhook"),
    ("device-set-fires-word", ["device", "set", "1", "--fires", "sent"], 2, "status ids"),
    ("device-set-plus", ["device", "set", "1", "--plus", "+49"], 2, "not a beginning of a number"),
    ("device-set-pause", ["device", "set", "1", "--pause", "-1"], 2, "--pause"),
    ("device-set-huge", ["device", "set", HUGE, "--title", "T"], 1, "number"),
    ("device-list-unknown", ["device", "list", "--account", "x@y.de"], 1, "There is no account x@y.de"),
    ("message-send-nothing", ["message", "send"], 2, "Missing argument"),
    ("message-send-no-device", ["message", "send", "+4915112345", "x"], 2, "--device"),
    ("message-send-unknown", ["message", "send", "+4915112345", "x", "--device", "999"], 1, "no device 999"),
    ("message-send-huge", ["message", "send", "+4915112345", "x", "--device", HUGE], 1, "number"),
    ("message-send-number", ["message", "send", "call me", "x", "--device", "1"], 1, "not a phone number"),
    ("message-send-empty", ["message", "send", "+4915112345", " ", "--device", "1"], 2, "1 to 10000"),
    ("message-send-long", ["message", "send", "+4915112345", "x" * 10_001, "--device", "1"], 2, "1 to 10000"),
    (
        "message-send-time",
        ["message", "send", "+4915112345", "x", "--device", "1", "--send-at", "soon"],
        2,
        "not a time",
    ),
    (
        "message-send-channel",
        ["message", "send", "+4915112345", "x", "--device", "1", "--channel", "6"],
        2,
        "--channel",
    ),
    (
        "message-send-customerid-huge",
        ["message", "send", "+4915112345", "x", "--device", "1", "--customerid", HUGE],
        1,
        "number",
    ),
    ("message-show-unknown", ["message", "show", "999"], 1, "There is no message 999"),
    ("message-show-huge", ["message", "show", HUGE], 1, "number"),
    ("endpoint-set-unknown", ["endpoint", "set", "999", "--payload", "exact"], 1, "There is no endpoint 999"),
    ("endpoint-set-payload", ["endpoint", "set", "1", "--payload", "huge"], 2, "exact or extended"),
    ("endpoint-set-timeout", ["endpoint", "set", "1", "--timeout", "31"], 2, "--timeout"),
    ("endpoint-set-tls", ["endpoint", "set", "1", "--min-tls", "1.0"], 1, "1.2 or 1.3"),
    ("endpoint-set-ca-missing", ["endpoint", "set", "1", "--ca", "/no/such/file"], 2, "does not exist"),
    ("endpoint-set-ca", ["endpoint", "set", "1", "--ca", __file__], 1, "no certificate in PEM form"),
    ("endpoint-set-ca-folder", ["endpoint", "set", "1", "--ca", "/"], 2, "--ca"),
    ("endpoint-set-ca-binary", ["endpoint", "set", "1", "--ca", "/bin/sh"], 1, "PEM"),
    ("endpoint-set-client", ["endpoint", "set", "1", "--client-certificate", __file__], 1, "in one PEM"),
    ("endpoint-set-url", ["endpoint", "set", "1", "--url", "http://127.1/"], 1, "URL"),
    ("endpoint-pause-unknown", ["endpoint", "pause", "999"], 1, "There is no endpoint 999"),
    ("endpoint-resume-unknown", ["endpoint", "resume", "999"], 1, "There is no endpoint 999"),
    ("endpoint-rotate-unknown", ["endpoint", "rotate", "999"], 1, "There is no endpoint 999"),
    ("endpoint-rotate-overlap", ["endpoint", "rotate", "1", "--overlap", "-1"], 2, "--overlap"),
    ("endpoint-sign-unknown", ["endpoint", "sign", "999"], 1, "There is no endpoint 999"),
    ("endpoint-test-unknown", ["endpoint", "test", "999"], 1, "There is no endpoint 999"),
    ("endpoint-test-sample", ["endpoint", "test", "1", "--sample", "video"], 2, "--sample"),
    ("endpoint-test-huge", ["endpoint", "test", HUGE], 1, "number"),
    ("endpoint-replay-no-time", ["endpoint", "replay", "1"], 2, "--since"),
    ("endpoint-replay-time", ["endpoint", "replay", "1", "--since", "monday"], 2, "not a time"),
    (
        "endpoint-replay-unknown",
        ["endpoint", "replay", "999", "--since", "2026-01-01T00:00Z"],
        1,
        "no endpoint 999",
    ),
    ("delivery-list-nothing", ["delivery", "list"], 2, "--endpoint"),
    ("delivery-list-unknown", ["delivery", "list", "--endpoint", "999"], 1, "There is no endpoint 999"),
    (
        "delivery-list-state",
        ["delivery", "list", "--endpoint", "1", "--state", "lost"],
        2,
        "pending, waiting",
    ),
    ("delivery-list-limit", ["delivery", "list", "--endpoint", "1", "--limit", "0"], 2, "--limit"),
    ("delivery-show-unknown", ["delivery", "show", "999"], 1, "There is no delivery 999"),
    ("delivery-replay-unknown", ["delivery", "replay", "999"], 1, "There is no delivery 999"),
    (
        "delivery-replay-parked-unknown",
        ["delivery", "replay-parked", "--endpoint", "999"],
        1,
        "no endpoint 999",
    ),
    ("settings-argument", ["settings", "all"], 2, "unexpected extra argument"),
    ("doctor-argument", ["doctor", "please"], 2, "unexpected extra argument"),
    ("serve-port-word", ["serve", "--port", "http"], 2, "--port"),
    ("serve-port-too-high", ["serve", "--port", "70000"], 1, "RINGBACK_PORT"),
    ("serve-host-unknown", ["serve", "--port", "0", "--host", "no.such.host.invalid"], 1, "cannot listen on"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), [pytest.param(*case, id=label) for label, *case in BAD]
)
@pytest.mark.parametrize("form", ["words", "json"])
def test_bad_arguments(there: Stage, arguments: list[str], code: int, words: str, form: str) -> None:
    if form == "json" and arguments[0] != "serve":
        arguments = [*arguments, "--json"]
    done = command(there.server, *arguments)
    refuses(done, words)
    assert done.code == code


def test_every_command_has_a_bad_case() -> None:
    """Except those that can be given nothing bad but an unknown option."""
    tried = {" ".join(arguments[:count]) for _, arguments, _, _ in BAD for count in (1, 2)}
    assert set(every_command()) - tried <= {"plan list", "endpoint list"}


# -- settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("port", "http", "Expected `int`", id="port-word"),
        pytest.param("port", "70000", "65535", id="port-too-high"),
        pytest.param("webhook_timeout", "0", "> 0", id="timeout-0"),
        pytest.param("webhook_timeout", "31", "30", id="timeout-too-long"),
        pytest.param("webhook_connect_timeout", "soon", "Expected `float`", id="connect-timeout-word"),
        pytest.param("report_timeout", "1", "10", id="report-timeout-too-short"),
        pytest.param("keep_attempts_days", "0", "1", id="keep-attempts"),
        pytest.param("keep_events_days", "7", "8", id="keep-events"),
        pytest.param("max_image_mb", "1000", "100", id="image-too-large"),
        pytest.param("max_image_mb", "1.5", "Expected `int`", id="image-fraction"),
        pytest.param("log_format", "xml", "console", id="log-format"),
        pytest.param("log_level", "loud", "warning", id="log-level"),
        pytest.param("allow_webhooks_to", "everywhere", "is not a network", id="networks"),
        pytest.param("allow_webhooks_to", "10.0.0.1/8", "10.0.0.0/8", id="network-with-host-bits"),
    ],
)
class TestWrongSettings:
    def test_are_named(self, folder: Server, name: str, value: str, words: str) -> None:
        for arguments in (["settings"], ["account", "list"], ["serve", "--port", "0"]):
            if name == "port" and arguments[0] == "serve":
                continue  # what is given on the command line goes before
            done = command(folder, *arguments, **{name: value})
            refuses(done, words)
            assert f"RINGBACK_{name.upper()}" in done.err
            assert done.code == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("secret_key", "not base64!", "base64", id="secret-key"),
        pytest.param("secret_key", "c2hvcnQ=", "openssl rand -base64 32", id="secret-key-too-short"),
        pytest.param("secret_key", "c2hvcnQ=", "RINGBACK_SECRET_KEY", id="secret-key-named"),
        pytest.param("database_url", "mysql://localhost/x", "RINGBACK_DATABASE_URL", id="database"),
        pytest.param("database_url", "sqlite://", "RINGBACK_DATABASE_URL", id="database-in-memory"),
        pytest.param("database_url", "nonsense", "RINGBACK_DATABASE_URL", id="database-nonsense"),
        pytest.param("blobs_url", "frob://x", "'frob'", id="blobs"),
        pytest.param("blobs_url", "frob://x", "RINGBACK_BLOBS_URL", id="blobs-named"),
    ],
)
def test_settings_that_cannot_be_used(folder: Server, name: str, value: str, words: str) -> None:
    refuses(command(folder, "account", "list", **{name: value}), words)


def test_serve_refuses_them_too(tmp_path: Path) -> None:
    done = alone("serve", "--port", "0", "--data", str(tmp_path / "data"), secret_key="c2hvcnQ=")
    refuses(done, "openssl rand -base64 32")
    assert done.code == 1


def test_a_misspelt_setting_is_named(folder: Server) -> None:
    done = command(folder, "settings", allow_webhook_to="loopback")
    refuses(done, "RINGBACK_ALLOW_WEBHOOK_TO is no setting")
    assert "did you mean RINGBACK_ALLOW_WEBHOOKS_TO?" in done.err


# -- serve, and folders that cannot be used


class TestServe:
    def test_a_second_one_on_the_same_folder(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server:
            done = alone("serve", "--port", "0", "--data", str(server.data))
            refuses(done, f"another ringback serve (process {server.pid}) works on {server.data}")
            assert done.code == 1
            assert "--data" in done.err
            assert server.call("GET", "/health")[0] == 200

    def test_a_folder_is_free_again_after_a_stop(self, tmp_path: Path) -> None:
        server = Server(tmp_path / "data").start()
        assert server.kill() != 0
        with server:
            assert server.call("GET", "/health")[0] == 200

    def test_port_in_use(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = alone("serve", "--port", str(port), "--data", str(tmp_path / "data"))
        refuses(done, f"cannot listen on 127.0.0.1:{port}")
        assert "choose another --port" in done.err

    def test_greets_and_says_what_to_do_next(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server:
            status, hello, _ = server.call("GET", "/")
            assert status == 200
            assert b"ringback account add" in hello
            # Nobody but its owner looks into the folder.
            assert server.data.stat().st_mode & 0o077 == 0
            assert (server.data / "secret.key").stat().st_mode & 0o077 == 0


class TestFolders:
    @pytest.mark.parametrize("words", ["account list", "doctor"])
    @pytest.mark.parametrize("place", ["file", "below a file", "nowhere", "read-only"])
    def test_not_usable(self, tmp_path: Path, place: str, words: str) -> None:
        file = tmp_path / "file"
        file.touch()
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        if place == "read-only" and os.access(locked, os.W_OK):
            pytest.skip("this user may write anywhere")
        chosen = {
            "file": file,
            "below a file": file / "data",
            "nowhere": Path("/proc/ringback"),
            "read-only": locked / "data",
        }[place]
        done = command(Server(chosen), *words.split())
        refuses(done, str(chosen))
        assert done.code == 1

    @pytest.mark.parametrize("place", ["file", "nowhere"])
    def test_not_to_be_served(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").touch()
        chosen = {"file": tmp_path / "file", "nowhere": Path("/proc/ringback")}[place]
        refuses(alone("serve", "--port", "0", "--data", str(chosen)), str(chosen))

    @pytest.mark.parametrize("kind", ["none", "folder"])
    def test_no_database(self, tmp_path: Path, kind: str) -> None:
        if kind == "folder":
            (tmp_path / "ringback.db").mkdir()
        else:
            (tmp_path / "ringback.db").write_bytes(b"this is no database, whatever its name is" * 100)
        refuses(command(Server(tmp_path), "account", "list"), "ringback.db")
        refuses(alone("serve", "--port", "0", "--data", str(tmp_path)), "ringback.db")

    def test_another_key(self, tmp_path: Path) -> None:
        """Secrets that were sealed with a key that is gone: said in words, and nothing is destroyed."""
        server = Server(tmp_path / "data")
        who = stage(server, "http://127.0.0.1:9")
        (server.data / "secret.key").unlink()
        refuses(command(server, "endpoint", "test", str(who.endpoint())), "key file")
        done = command(server, "doctor", "--json")
        assert done.code == 1
        [found] = [one for one in json.loads(done.out) if one["what"].startswith("endpoint")]
        assert not found["well"]
        assert "key" in found["words"]


@pytest.mark.parametrize("arguments", [[], ["device"]], ids=["nothing", "a-group"])
def test_nothing_asked_shows_help(arguments: list[str]) -> None:
    done = alone(*arguments)
    assert "Usage: ringback" in done.out + done.err
    assert done.code in (0, 2)


def test_typer_is_what_tells_of_commands() -> None:
    """every_command looks into typer; if that ever finds none, the tests above would test nothing."""
    assert isinstance(app, typer.Typer)
    assert len(every_command()) > 25
