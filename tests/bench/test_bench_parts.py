"""The bench's own parts: its little HTTP, the receiver's judgement, the table, the results, the list of scenarios."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bench.__main__ import app
from bench.figures import Book
from bench.http1 import number, request, whole
from bench.receiver import Manner, Receiver
from bench.report import keep, shown
from bench.scenario import Bench, Scenario
from bench.scenarios import SCENARIOS
from typer.testing import CliRunner

from bench import Broken

MESSAGES = {
    "libcurl's spelling": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", (38, 40)),
    "uvicorn's spelling": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", (38, 40)),
    "no body": (b"GET / HTTP/1.1\r\n\r\n", (18, 18)),
    "the head is not complete": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n", None),
    "the body is not complete": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{", None),
    "a length in the body is none": (b"HTTP/1.1 200 OK\r\n\r\n\r\ncontent-length: 9", (19, 19)),
}


@pytest.mark.parametrize(("data", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_where_a_message_ends(data: bytes, expected: tuple[int, int] | None) -> None:
    assert whole(data) == expected


def test_a_request_is_whole() -> None:
    made = request("POST", "/phone/v1/reports", "key", b'{"sms_id":1}')
    assert whole(made) == (len(made) - 12, len(made))
    assert b"Authorization: Bearer key\r\n" in made


NUMBERS = {
    "in the middle": (b'{"sms_id":12,"status_id":7}', 12),
    "at the end": (b'{"sms_id":12', 12),
    "absent": (b'{"status_id":7}', 0),
    "none": (b'{"sms_id":null}', 0),
}


@pytest.mark.parametrize(("data", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_in_a_body(data: bytes, expected: int) -> None:
    assert number(data, b'"sms_id":') == expected


def arriving(receiver: Receiver, *events: tuple[int, int, int]) -> None:
    for sms_id, status_id, sequence in events:
        head = b"POST / HTTP/1.1\r\nringback-sequence: %d\r\n\r\n" % sequence
        receiver.take(head + b'{"sms_id":%d,"status_id":%d}' % (sms_id, status_id), len(head))


ARRIVALS = {
    "in order": ([(1, 3, 1), (2, 3, 1), (1, 2, 2)], 0, 0),
    "a message overtakes another": ([(2, 3, 1), (1, 3, 1)], 0, 0),
    "an event overtakes one of its message": ([(1, 2, 2), (1, 3, 1), (1, 6, 3)], 0, 1),
    "a late repeat is no disorder": ([(1, 3, 1), (1, 2, 2), (1, 3, 1)], 1, 0),
}


@pytest.mark.parametrize(("events", "duplicates", "violations"), ARRIVALS.values(), ids=ARRIVALS)
def test_the_receiver_judges(events: list[tuple[int, int, int]], duplicates: int, violations: int) -> None:
    receiver = Receiver()
    arriving(receiver, *events)
    assert (receiver.duplicates, receiver.order_violations()) == (duplicates, violations)
    receiver.close()


def test_a_hanging_receiver_counts_and_takes_nothing() -> None:
    receiver = Receiver(Manner.HANG)
    arriving(receiver, (1, 3, 1))
    assert (receiver.asked, receiver.first) == (1, {})
    receiver.close()


SHOWN = {0.0: "0", 0.1234: "0.123", 1.0: "1.00", 12.345: "12.3", 9_876.5: "9,876", 0.00123: "0.00123"}


@pytest.mark.parametrize(("value", "expected"), SHOWN.items())
def test_three_digits_that_matter(value: float, expected: str) -> None:
    assert shown(value) == expected


def test_a_result_can_be_measured_again(tmp_path: Path) -> None:
    book = Book()
    book.note("ready", 1.5, "s")
    keep("start", book, n=200, runs=1, rate=500, error=None, folder=tmp_path)
    [line] = [json.loads(text) for text in (tmp_path / "bench.jsonl").read_text().splitlines()]
    assert line["figures"] == {"ready": {"unit": "s", "median": 1.5, "samples": [1.5]}}
    assert set(line["machine"]) == {"cores", "model", "memory_mb", "kernel"}
    assert set(line["versions"]) == {"ringback", "commit", "python", "sqlite", "libcurl"}
    assert line["command"].startswith("python -m bench")


def test_every_scenario_is_listed() -> None:
    listed = CliRunner().invoke(app, ["--list"])
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SCENARIOS)
    files = (Path(__file__).parents[2] / "bench" / "scenarios").glob("[!_]*.py")
    assert sorted(SCENARIOS) == sorted(file.stem for file in files)


@pytest.mark.parametrize(("lost", "error"), [(0, None), (3, "3 events lost")], ids=["works", "does not"])
def test_only_what_does_not_work_fails(lost: int, error: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(bench: Bench) -> None:
        for _ in bench.rounds():
            bench.book.note("endlessly slow", 1e9, "s")
            if lost:
                raise Broken(f"{lost} events lost")

    @contextlib.asynccontextmanager
    async def no_stand(_folder: Path) -> AsyncIterator[None]:
        yield

    kept: list[str | None] = []
    scenario = Scenario(name="slow", about="a scenario of this test", n=1, run=run)
    monkeypatch.setitem(SCENARIOS, "slow", scenario)
    monkeypatch.setattr("bench.__main__.Stand", no_stand)
    monkeypatch.setattr("bench.__main__.report.keep", lambda *_, **given: kept.append(given["error"]))
    monkeypatch.setattr("bench.__main__.gc.disable", lambda: None)
    played = CliRunner().invoke(app, ["--scenario", "slow", "--runs", "2"])
    assert (played.exit_code, kept) == (1 if lost else 0, [error])
    assert "endlessly slow" in played.stdout


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    refused = CliRunner().invoke(app, ["--scenario", "nonsense"])
    assert refused.exit_code == 2
    assert "isolation" in refused.output
