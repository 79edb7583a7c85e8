"""Files in a folder, in memory and in S3 (a small server of our own): one suite for all three."""

import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from ringback.domain.problems import Problem
from ringback.media.blobs import CHUNK_BYTES, Blobs, new_name

pytestmark = pytest.mark.anyio
MAY = int(datetime(2024, 5, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)
MIME = "image/jpeg"
BIG = os.urandom(3 * CHUNK_BYTES + 17)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FakeS3(BaseHTTPRequestHandler):
    """As much of S3 as obstore needs: PUT, GET, DELETE and the list of a bucket, addressed by path."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[dict[str, tuple[bytes, str]]]
    cut: ClassVar[bool]

    def log_message(self, *args: object) -> None:
        """Says nothing."""

    def answer(self, status: int, body: bytes = b"", mime: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", mime)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.cut else body)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=id/")
        self.files[unquote(urlsplit(self.path).path)] = (data, self.headers["Content-Type"])
        self.answer(200)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if "list-type" in parts.query:
            return self.answer(200, self.listing(parse_qs(parts.query)["prefix"][0]).encode())
        data, mime = self.files.get(unquote(parts.path), (None, ""))
        if data is None:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        self.answer(200, data, mime)
        self.close_connection = self.cut
        return None

    def do_DELETE(self) -> None:
        self.files.pop(unquote(urlsplit(self.path).path), None)
        self.answer(204)

    def listing(self, prefix: str) -> str:
        now = datetime.now(UTC).isoformat()
        keys = [path.removeprefix("/bucket/") for path in self.files]
        entries = [
            f"<Contents><Key>{key}</Key><LastModified>{now}</LastModified><ETag>1</ETag><Size>1</Size></Contents>"
            for key in keys
            if key.startswith(prefix)
        ]
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(entries)}</ListBucketResult>"


@pytest.fixture
def s3() -> Iterator[ThreadingHTTPServer]:
    FakeS3.files, FakeS3.cut = {}, False
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeS3) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def s3_url(port: int) -> str:
    return (
        f"s3://bucket/some/prefix?endpoint=http://127.0.0.1:{port}&region=eu-1&path_style=true"
        "&access_key_id=id&secret_access_key=secret"
    )


@pytest.fixture(params=["folder", "file URL", "memory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, s3: ThreadingHTTPServer) -> Blobs:
    urls = {
        "folder": str(tmp_path / "a" / "files"),
        "file URL": (tmp_path / "with space").as_uri(),
        "memory": "memory://",
        "s3": s3_url(s3.server_port),
    }
    return Blobs(urls[request.param])


async def collect(stream: tuple[int, AsyncIterator[bytes]] | None) -> tuple[int, list[bytes]]:
    assert stream is not None
    return stream[0], [chunk async for chunk in stream[1]]


@pytest.mark.parametrize("data", [pytest.param(b"", id="empty"), pytest.param(BIG, id="big")])
async def test_what_is_put_is_there(blobs: Blobs, data: bytes) -> None:
    name = new_name("jpg", MAY)
    await blobs.put(name, data, mime=MIME)
    got = await blobs.get(name)
    assert got == data
    assert type(got) is bytes
    size, chunks = await collect(await blobs.stream(name))
    assert size == len(data)
    assert b"".join(chunks) == data
    assert all(len(chunk) >= CHUNK_BYTES for chunk in chunks[:-1])


async def test_deleting(blobs: Blobs) -> None:
    name = new_name("jpg", MAY)
    await blobs.put(name, b"x", mime=MIME)
    await blobs.delete(name)
    assert await blobs.get(name) is None
    assert await blobs.stream(name) is None
    await blobs.delete(name)


async def test_names(blobs: Blobs) -> None:
    put = {new_name("jpg", MAY) for _ in range(3)}
    later = new_name("png", MAY + 1000)
    for name in (*put, later):
        await blobs.put(name, b"x", mime=MIME)
    assert {name async for name, _ in blobs.names("2024/05")} == put
    assert {name async for name, _ in blobs.names()} == {*put, later}
    assert [name async for name, _ in blobs.names("2023")] == []
    async for _, changed in blobs.names():
        assert abs(datetime.now(UTC) - changed) < timedelta(minutes=1)


async def test_check_leaves_nothing(blobs: Blobs) -> None:
    await blobs.check()
    assert [name async for name, _ in blobs.names()] == []


STRANGE = [
    pytest.param("../secret.jpg", id="upwards"),
    pytest.param("2024/../../secret.jpg", id="upwards inside"),
    pytest.param("/etc/passwd.jpg", id="from the root"),
    pytest.param("", id="empty"),
    pytest.param("2024/05", id="a folder"),
    pytest.param("2024/05/a.jpg/b.jpg", id="below a file"),
    pytest.param("2024//a.jpg", id="empty folder"),
    pytest.param("2024/05/a.jpg#1", id="what obstore is still writing"),
    pytest.param("2024/05/a\x00.jpg", id="NUL"),
    pytest.param("2024/05/a.jpg\n", id="line end"),
    pytest.param("%2e%2e/a.jpg", id="percent-encoded"),
]


@pytest.mark.parametrize("name", STRANGE)
async def test_strange_names_are_not_there(blobs: Blobs, name: str) -> None:
    assert await blobs.get(name) is None
    assert await blobs.stream(name) is None
    with pytest.raises(ValueError, match="is not a name"):
        await blobs.put(name, b"x", mime=MIME)
    with pytest.raises(ValueError, match="is not a name"):
        await blobs.delete(name)


async def test_s3_gets_prefix_type_and_one_request(s3: ThreadingHTTPServer) -> None:
    name = new_name("jpg", MAY)
    await Blobs(s3_url(s3.server_port)).put(name, BIG, mime=MIME)
    assert FakeS3.files == {f"/bucket/some/prefix/{name}": (BIG, MIME)}


async def test_a_folder_is_durable_and_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    folder = tmp_path / "a" / "files"
    blobs = Blobs(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert synced == [(tmp_path / "a").stat().st_ino]
    synced.clear()
    name = "2024/05/a.jpg"
    await blobs.put(name, b"x", mime=MIME)
    paths = [folder / name, folder / "2024/05", folder / "2024", folder]
    assert synced == [path.stat().st_ino for path in paths]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    Blobs(str(tmp_path))
    assert tmp_path.stat().st_mode & 0o777 == 0o750


async def test_a_failing_disk_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(str(tmp_path))

    def failing(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(Problem) as caught:
        await blobs.put("2024/05/a.jpg", b"x", mime=MIME)
    assert caught.value.code == "unavailable"
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_file_in_the_way_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "2024").write_bytes(b"")
    with pytest.raises(Problem) as caught:
        await Blobs(str(tmp_path)).put("2024/05/a.jpg", b"x", mime=MIME)
    assert caught.value.code == "unavailable"
    assert str(tmp_path) not in caught.value.detail
    with pytest.raises(Problem):
        Blobs(str(tmp_path / "2024"))


async def test_s3_that_is_away_is_unavailable(s3: ThreadingHTTPServer) -> None:
    blobs = Blobs(s3_url(1))
    name = new_name("jpg", MAY)
    for work in (blobs.put(name, b"x", mime=MIME), blobs.get(name), blobs.stream(name), blobs.delete(name)):
        with pytest.raises(Problem) as caught:
            await work
        assert caught.value.code == "unavailable"
        assert caught.value.__cause__ is not None
    with pytest.raises(Problem):
        _ = [name async for name in blobs.names()]
    with pytest.raises(Problem):
        await blobs.check()


async def test_a_stream_that_breaks_is_unavailable(s3: ThreadingHTTPServer) -> None:
    blobs = Blobs(s3_url(s3.server_port))
    name = new_name("jpg", MAY)
    await blobs.put(name, BIG, mime=MIME)
    FakeS3.cut = True
    with pytest.raises(Problem) as caught:
        await collect(await blobs.stream(name))
    assert caught.value.code == "unavailable"


async def test_check_compares(s3: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeS3, "do_GET", lambda self: self.answer(200, b"something else"))
    with pytest.raises(Problem, match="does not give back"):
        await Blobs(s3_url(s3.server_port)).check()
    assert FakeS3.files == {}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("", "no place for files", id="empty"),
        pytest.param("ftp://example.com/", "'ftp' is no place", id="unknown scheme"),
        pytest.param("https://example.com/", "'https' is no place", id="HTTP"),
        pytest.param("s3://bucket?endpont=x", "'endpont' is no option", id="typing error"),
        pytest.param(
            "s3://bucket?allow_http=true", "'allow_http' is no option", id="what makes obstore panic"
        ),
        pytest.param("s3://bucket?access_key_id=id", "cannot be used", id="half of a key"),
    ],
)
def test_refused_places(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    with pytest.raises(ValueError, match=words):
        Blobs(url)


@pytest.mark.parametrize(
    ("now_ms", "month"),
    [
        pytest.param(MAY, "2024/05", id="the last second of May"),
        pytest.param(MAY + 1000, "2024/06", id="the first of June"),
        pytest.param(0, "1970/01", id="the epoch"),
    ],
)
def test_new_name(now_ms: int, month: str) -> None:
    names = {new_name("jpg", now_ms) for _ in range(1000)}
    assert len(names) == 1000
    for name in names:
        assert re.fullmatch(rf"{month}/[a-z2-7]{{32}}\.jpg", name)
