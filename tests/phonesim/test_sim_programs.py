"""The two programs as their users start them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.phonesim.fake_server import CODE, KEY, FakeServer

pytestmark = pytest.mark.anyio

BIN = Path(sys.executable).parent


@asynccontextmanager
async def program(name: str, *args: object) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        BIN / name,
        *map(str, args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def finished(name: str, *args: object) -> tuple[int | None, str, str]:
    """(exit code, stdout, stderr)."""
    async with program(name, *args) as process, asyncio.timeout(20):
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode().rstrip()


def lines(text: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in text.splitlines()]


async def test_phone_to_the_end(server: FakeServer, tmp_path: Path) -> None:
    server.send("fail 10", "fine")
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[step]]\nmatch = "fail 10"\nstatus = 10\n')
    ledger = tmp_path / "ledger.jsonl"
    options = ["--send-time", 0, "--delivery-time", 0, "--messages", 2, "--seed", 1, "--json", "--repeat", 1]
    files = ["--scenario", scenario, "--ledger", ledger]
    incoming = ["--receive", "+491:hi: {n}", "--receive-image", "+492:demo", "--channel", 2]
    code, out, err = await finished(
        "ringback-phone", "--server", server.url, "--pair", CODE, *options, *files, *incoming
    )
    assert (code, err) == (0, "")
    events = lines(out)
    assert events[0]["event"] == "paired"
    assert events[0]["device_key"] == KEY
    assert events[-1]["event"] == "ended"
    assert events[-1]["untold"] == 0
    assert (server.told(1), server.told(2)) == ([2, 2, 10, 10], [2, 2, 6, 6, 7, 7])
    assert sorted(message.get("body", "image") for message in server.incoming.values()) == ["hi: 1", "image"]
    kinds = [line["kind"] for line in lines(ledger.read_text())]
    assert (kinds.count("report"), kinds.count("incoming"), kinds.count("incoming_image")) == (10, 2, 2)


async def test_phone_speaks_to_people(server: FakeServer) -> None:
    server.send("hello [red]world")
    code, out, _ = await finished("ringback-phone", "--server", server.url, "--key", KEY, "--messages", 1)
    assert code == 0
    assert "took #1 to +4915112345: hello [red]world" in out
    assert "#1 is delivered (7): accepted" in out


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGTERM, 0, id="SIGTERM"), pytest.param(signal.SIGINT, 0, id="SIGINT")],
)
async def test_phone_ends_at_a_signal(server: FakeServer, number: int, code: int) -> None:
    async with program("ringback-phone", "--server", server.url, "--key", KEY) as process:
        assert "Shop phone is on line" in await line_of(process)
        process.send_signal(number)
        async with asyncio.timeout(10):
            assert await process.wait() == code


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        pytest.param([], 2, "--pair", id="no-key"),
        pytest.param(["--key", "k", "--server", "here"], 2, "http://127.0.0.1:8000", id="no-address"),
        pytest.param(["--key", "k", "--receive", "hello"], 2, "ADDRESS:BODY", id="no-text"),
        pytest.param(["--key", "k", "--receive-image", "+49:/no/file"], 2, "cannot read", id="no-picture"),
        pytest.param(["--key", "k", "--scenario", "/no/file"], 2, "cannot read", id="no-scenario"),
        pytest.param(["--key", "k", "--server", "SERVER"], 1, "Pair it again", id="unknown-key"),
        pytest.param(
            ["--pair", "XXXX-XXXX", "--server", "SERVER"], 1, "Ask for a new code", id="unknown-code"
        ),
    ],
)
async def test_phone_says_what_to_do(server: FakeServer, options: list[str], code: int, words: str) -> None:
    args = [server.url if option == "SERVER" else option for option in options]
    got, out, err = await finished("ringback-phone", *args)
    assert got == code
    assert words in out + err


async def test_receiver_as_json(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    options = ["--port", 0, "--json", "--ledger", ledger, "--fsync", "--fail-rate", 1, "--seed", 1]
    async with program("ringback-receiver", *options) as process:
        first = msgspec.json.decode(await line_of(process))
        assert first["event"] == "listening"
        async with aiohttp.ClientSession() as session, session.post(first["url"], data=b'{"a":1}') as answer:
            assert answer.status == 503
        second = msgspec.json.decode(await line_of(process))
        assert second["webhook"] == lines(ledger.read_text())[0]
        assert second["webhook"]["body"] == {"a": 1}
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(
            {"sms_id": 12, "status_id": 7, "status_message": "done", "sendto": "+491"},
            "#12 to +491: 7 done",
            id="status",
        ),
        pytest.param(
            {"sms_id": 13, "address": "+492", "body": "hi\nho"}, "#13 from +492: hi ⏎ ho", id="text"
        ),
        pytest.param(
            {"sms_id": 14, "address": "+492", "body": "", "img_url": "http://i"}, "http://i", id="image"
        ),
        pytest.param([1], "[1]", id="anything"),
    ],
)
async def test_receiver_speaks_to_people(body: object, words: str) -> None:
    async with program("ringback-receiver", "--port", 0, "--print") as process:
        url = (await line_of(process)).removeprefix("listening on ")
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert answer.status == 200
        line = await line_of(process)
        assert words in line
        assert "signature unchecked" in line


async def test_receiver_says_what_to_do() -> None:
    async with program("ringback-receiver", "--port", 0) as process:
        port = (await line_of(process)).rpartition(":")[2]
        code, _, err = await finished("ringback-receiver", "--port", port)
    assert code == 1
    assert "--port 0" in err
