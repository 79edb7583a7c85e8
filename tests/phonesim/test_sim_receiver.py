"""The webhook receiver on a real socket: verdicts, ledger, misbehaviour."""

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from phonesim.ledger import Ledger
from phonesim.misbehaviour import Rule, read_rules
from phonesim.received import Verdict, Verifier
from phonesim.receiver import Receiver

pytestmark = pytest.mark.anyio

# The vectors of contracts/webhooks.md, section 4.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of a day before").decode()
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_TIME = 1614265330
BODY = b'{"sms_id": 12, "status_id": 7, "body": "fail me"}'


def sign(content: bytes, timestamp: int, secret: str = SECRET) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{ID}.{timestamp}.".encode() + content, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def signed(content: bytes, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    timestamp = int(time.time()) - age
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(content, timestamp, secret),
        "ringback-event": "message.status",
        "ringback-sequence": "3",
        "ringback-attempt": "2",
    }


async def post(
    url: str, content: bytes = BODY, headers: dict[str, str] | None = None
) -> tuple[int, bytes, Any]:
    """(status, body, headers) of the answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=content, headers=headers, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.read(), answer.headers


@pytest.mark.parametrize(
    ("content", "signature"),
    [
        pytest.param(b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", id="json"),
        pytest.param(b"", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=", id="empty"),
        pytest.param(
            '{"text":"héllo 😀"}'.encode(), "v1,SZLD2gGjiB8YCsOvbRhSCSAO459syHTZBXDVojE2pKc=", id="emoji"
        ),
    ],
)
async def test_vectors(monkeypatch: pytest.MonkeyPatch, content: bytes, signature: str) -> None:
    assert sign(content, VECTOR_TIME) == signature
    headers = [
        (b"webhook-id", ID.encode()),
        (b"webhook-timestamp", str(VECTOR_TIME).encode()),
        (b"webhook-signature", signature.encode()),
    ]
    # The vectors are of 2021, and the official package refuses what is older than five minutes.
    assert Verifier([SECRET]).verdict(headers, content) is Verdict.BAD
    _be_in_the_year_of_the_vectors(monkeypatch)
    assert Verifier([SECRET]).verdict(headers, content) is Verdict.OK
    assert Verifier([SECRET]).verdict(headers, content + b" ") is Verdict.BAD


def _be_in_the_year_of_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    class Then(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Then":
            return cls.fromtimestamp(VECTOR_TIME, tz)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)


@pytest.mark.parametrize(
    ("secrets", "headers", "verdict"),
    [
        pytest.param([SECRET], signed(BODY), Verdict.OK, id="ok"),
        pytest.param([OTHER_SECRET, SECRET], signed(BODY), Verdict.OK, id="second-secret"),
        pytest.param([SECRET], signed(BODY, secret=OTHER_SECRET), Verdict.BAD, id="other-secret"),
        pytest.param([SECRET], signed(b"other body"), Verdict.BAD, id="other-body"),
        pytest.param([SECRET], signed(BODY, age=3600), Verdict.BAD, id="too-old"),
        pytest.param(
            [SECRET], {**signed(BODY), "webhook-signature": "rubbish"}, Verdict.BAD, id="no-signature-form"
        ),
        pytest.param([SECRET], {**signed(BODY), "webhook-signature": "v1,é"}, Verdict.BAD, id="no-base64"),
        pytest.param(
            [SECRET],
            {**signed(BODY), "webhook-signature": f"v1a,AAAA {signed(BODY)['webhook-signature']}"},
            Verdict.OK,
            id="one-of-several-signatures",
        ),
        pytest.param([SECRET], {}, Verdict.MISSING, id="missing"),
        pytest.param([], signed(BODY), Verdict.UNCHECKED, id="unchecked"),
    ],
)
async def test_verdicts(secrets: list[str], headers: dict[str, str], verdict: Verdict) -> None:
    async with Receiver(*secrets) as receiver:
        assert (await post(receiver.url + "/any/path", BODY, headers))[:2] == (200, b"ok")
        (received,) = await receiver.wait_for()
        assert received.verdict is verdict


@pytest.mark.parametrize(
    "secret", [pytest.param("whsec_", id="empty"), pytest.param("whsec_a", id="no-base64")]
)
async def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="no webhook secret"):
        Receiver(secret)


async def test_what_is_written_down(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "webhooks.jsonl")
    async with Receiver(SECRET, ledger=ledger) as receiver:
        await post(receiver.url + "/in", BODY, signed(BODY))
        await post(receiver.url + "/in", b"no json", {})
        first, second = receiver.received
    ledger.close()
    lines = [msgspec.json.decode(line) for line in ledger.path.read_bytes().splitlines()]
    assert lines == msgspec.json.decode(msgspec.json.encode([first.record(), second.record()]))
    assert first.headers["ringback-event"] == "message.status"
    times = {"wall": lines[0].pop("wall"), "mono": lines[0].pop("mono")}
    assert abs(times["wall"] - time.time()) < 5
    assert abs(times["mono"] - time.monotonic()) < 5
    assert lines[0] == {
        "number": 1,
        "method": "POST",
        "path": "/in",
        "webhook_id": ID,
        "event": "message.status",
        "sequence": 3,
        "attempt": 2,
        "verdict": "ok",
        "body": {"sms_id": 12, "status_id": 7, "body": "fail me"},
        "raw": BODY.decode(),
        "answered": 200,
        "manner": "ok",
    }
    assert (lines[1]["body"], lines[1]["raw"], lines[1]["sequence"]) == (None, "no json", None)
    assert lines[1]["verdict"] == "missing"


async def test_fsynced_lines_are_shared_and_complete(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "webhooks.jsonl")
    async with Receiver(ledger=ledger, fsync=True) as receiver:
        await asyncio.gather(*(post(receiver.url, str(number).encode()) for number in range(50)))
        assert len(ledger.path.read_bytes().splitlines()) == 50
    ledger.close()


async def test_only_the_latest_stay_in_memory() -> None:
    async with Receiver(keep=3) as receiver:
        for number in range(8):
            await post(receiver.url, str(number).encode())
        assert receiver.count == 8
        assert 3 <= len(receiver.received) <= 6
        assert receiver.received[-1].text == "7"
        receiver.clear()
        assert receiver.received == []


@pytest.mark.parametrize(
    ("rule", "status", "headers", "length"),
    [
        pytest.param({"status": 503, "retry_after": 2}, 503, {"retry-after": "2"}, 0, id="status"),
        pytest.param({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 503, {}, 0, id="retry-after-alone"),
        pytest.param(
            {"redirect": "http://elsewhere/"}, 302, {"location": "http://elsewhere/"}, 0, id="redirect"
        ),
        pytest.param({"redirect": "http://elsewhere/", "status": 307}, 307, {}, 0, id="redirect-307"),
        pytest.param({"rubbish": 200_000}, 200, {}, 200_000, id="rubbish"),
        pytest.param({"slow": 20_000}, 200, {}, 1000, id="slow"),
        pytest.param({"hang": 0.01}, 200, {}, 0, id="hang"),
        pytest.param({"fail_rate": 1}, 503, {}, 0, id="always-fails"),
        pytest.param({"fail_rate": 0}, 200, {}, 2, id="never-fails"),
        pytest.param({"status": 410, "match": "fail me"}, 410, {}, 0, id="matches"),
        pytest.param({"status": 410, "match": "other"}, 200, {}, 2, id="matches-not"),
        pytest.param({}, 200, {}, 2, id="behaves"),
    ],
)
async def test_bad_manners(rule: dict[str, Any], status: int, headers: dict[str, str], length: int) -> None:
    async with Receiver() as receiver:
        answer = await post(receiver.url + "/_ctl", msgspec.json.encode(rule))
        assert answer[0] == 200
        got, body, got_headers = await post(receiver.url)
        assert (got, len(body)) == (status, length)
        assert headers.items() <= {name.lower(): value for name, value in got_headers.items()}.items()
        assert receiver.received[0].answered == status
        await post(receiver.url + "/_ctl", b"{}")
        assert (await post(receiver.url))[0] == 200


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        pytest.param({"close": True}, aiohttp.ServerDisconnectedError, id="close"),
        pytest.param({"reset": True}, aiohttp.ClientOSError, id="reset"),
        pytest.param({"hang": 0.01, "close": True}, aiohttp.ServerDisconnectedError, id="hang-and-close"),
    ],
)
async def test_hanging_up(rule: dict[str, Any], error: type[Exception]) -> None:
    async with Receiver() as receiver:
        receiver.misbehave(**rule)
        with pytest.raises(error):
            await post(receiver.url)
        assert receiver.received[0].answered is None
        assert receiver.received[0].manner == "+".join(rule)
        receiver.behave()
        assert (await post(receiver.url))[0] == 200


async def test_hanging_ends_when_the_sender_goes(anyio_backend: str) -> None:
    async with Receiver(rules=[Rule(hang=60)]) as receiver:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await post(receiver.url)
        receiver.behave()
        assert (await post(receiver.url))[0] == 200


async def test_a_receiver_ends_while_a_webhook_hangs() -> None:
    receiver = Receiver(rules=[Rule(hang=60)])
    async with receiver:
        waiting = asyncio.create_task(post(receiver.url))
        await receiver.wait_for()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await waiting


async def test_the_first_rule_that_fits_and_times() -> None:
    async with Receiver() as receiver:
        receiver.misbehave(Rule(status=410, match="a", times=1), Rule(status=500, match="a", times=2))
        answers = [(await post(receiver.url, body))[0] for body in (b"a", b"b", b"a", b"a", b"a")]
    assert answers == [410, 200, 500, 500, 200]


async def test_the_same_seed_fails_the_same_ones() -> None:
    async with Receiver() as receiver:
        runs = []
        for _ in range(2):
            receiver.misbehave(fail_rate=0.5, seed=1)
            runs.append([(await post(receiver.url))[0] for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b'{"statuss": 3}', "statuss", id="unknown-field"),
        pytest.param(b'{"status": 42}', "200", id="no-status"),
        pytest.param(b'{"match": "x"}', "what to do", id="nothing-to-do"),
        pytest.param(b"{", "truncated", id="no-json"),
    ],
)
async def test_rules_that_are_none(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_rules(content)
    async with Receiver(rules=[Rule(status=500)]) as receiver:
        status, body, _ = await post(receiver.url + "/_ctl", content)
        assert status == 400
        assert words in body.decode()
        assert (await post(receiver.url))[0] == 500, "a refused rule changes nothing"


async def test_reading_over_http() -> None:
    async with Receiver() as receiver, aiohttp.ClientSession(receiver.url) as session:
        receiver.misbehave(status=500, match="x")
        for number in range(3):
            await post(receiver.url, str(number).encode())
        async with session.get("/_ctl") as answer:
            assert await answer.json() == {
                "count": 3,
                "in_memory": 3,
                "verdicts": {"unchecked": 3},
                "rules": [{"match": "x", "status": 500}],
            }
        async with session.get("/_ctl/ledger", params={"since": "1"}) as answer:
            assert [line["raw"] for line in await answer.json()] == ["1", "2"]
        async with session.get("/_ctl/ledger", params={"since": "x"}) as answer:
            assert answer.status == 400
        async with session.delete("/_ctl/ledger"), session.get("/_ctl/ledger") as answer:
            assert await answer.json() == []


async def test_waiting_ends() -> None:
    async with Receiver() as receiver:
        with pytest.raises(TimeoutError):
            await receiver.wait_for(1, within=0.01)
