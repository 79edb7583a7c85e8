"""Keeps files (images of messages) in a folder, in S3 or, for tests, in memory: one class over obstore.

A name is ``YYYY/MM/<random>.<extension>`` and is never used twice, so a file never changes once it is there.
"""

import asyncio
import base64
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from ringback.domain.problems import Problem

if TYPE_CHECKING:  # obstore has these for type checkers only
    from obstore import BytesStream
    from obstore.store import S3Config

CHUNK_BYTES = 256 * 1024
"""What stream() yields at least, but for the last chunk."""
RANDOM_BYTES = 20
"""In a name: 160 bits, more than the 128 that the contract asks for, and base32 without padding."""
TIMEOUT = timedelta(seconds=20)
"""How long S3 is tried: a phone waits for the answer, and comes again when it hears 503."""

_NAME = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.[A-Za-z0-9]+")
_S3_KEYS: tuple[Literal["endpoint", "region", "access_key_id", "secret_access_key"], ...] = (
    "endpoint",
    "region",
    "access_key_id",
    "secret_access_key",
)


def new_name(extension: str, now_ms: int) -> str:
    """An unguessable name: who knows it may read the file. ``now_ms`` is unix milliseconds, UTC."""
    month = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y/%m")
    unguessable = base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode("ascii").lower()
    return f"{month}/{unguessable}.{extension}"


class Blobs:
    """The files of one place.

    ``url`` is a folder (``/var/lib/ringback/files`` or ``file:///…``; made, for its owner only, when missing),
    ``s3://bucket/prefix?endpoint=http://…&region=…&path_style=true`` (keys also from the usual AWS_… variables)
    or ``memory://``. ValueError, worded for the operator, for anything else.

    Every method raises Problem("unavailable") when the place does not do its work.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._folder: Path | None = None
        self._store: LocalStore | MemoryStore | S3Store
        if parts.scheme == "memory":
            self._store = MemoryStore()
        elif parts.scheme == "s3":
            self._store = _s3(parts)
        elif parts.scheme == "file" or (url and "://" not in url):
            self._folder = _folder(unquote(parts.path) if parts.scheme == "file" else url)
            self._store = LocalStore(self._folder)
        else:
            raise ValueError(f"{parts.scheme or url!r} is no place for files: give a folder or s3://bucket")

    async def put(self, name: str, data: bytes, *, mime: str) -> None:
        """Stores a file; when this returns, it survives a crash."""
        _check_name(name)
        with _seam():
            if self._folder is None:
                attributes = {"Content-Type": mime}
                await self._store.put_async(name, data, attributes=attributes, use_multipart=False)
            else:  # a folder has no place for a MIME type; the extension tells it
                await self._store.put_async(name, data, use_multipart=False)
                await asyncio.to_thread(_make_durable, self._folder, name)

    async def get(self, name: str) -> bytes | None:
        """The whole file; None if there is none."""
        if not _NAME.fullmatch(name):
            return None
        with _seam():
            try:
                result = await self._store.get_async(name)
            except FileNotFoundError:
                return None
            return bytes(await result.bytes_async())

    async def stream(self, name: str) -> tuple[int, AsyncIterator[bytes]] | None:
        """The file's size in bytes and its content in chunks; None if there is none."""
        if not _NAME.fullmatch(name):
            return None
        with _seam():
            try:
                result = await self._store.get_async(name)
            except FileNotFoundError:
                return None
            return result.meta["size"], _chunks(result.stream(min_chunk_size=CHUNK_BYTES))

    async def delete(self, name: str) -> None:
        """Deletes a file; one that is not there is no error."""
        _check_name(name)
        with _seam():
            try:
                await self._store.delete_async(name)
            except FileNotFoundError:
                return

    async def names(self, prefix: str = "") -> AsyncIterator[tuple[str, datetime]]:
        """Name and time of last change (UTC) of all files in a folder such as ``2024/05``, in no order."""
        with _seam():
            async for page in self._store.list(prefix):
                for meta in page:
                    yield meta["path"], meta["last_modified"]

    async def check(self) -> None:
        """Writes, reads and deletes a probe, for the doctor."""
        name = f"probe/{secrets.token_hex(16)}.bin"
        data = secrets.token_bytes(64)
        await self.put(name, data, mime="application/octet-stream")
        back = await self.get(name)
        await self.delete(name)
        if back != data:
            raise Problem("unavailable", "The place for files does not give back what was stored there")


@contextmanager
def _seam() -> Iterator[None]:
    """Turns what obstore and the system raise into a Problem. The words name no path: callers see them."""
    try:
        yield
    except (BaseError, OSError) as exc:
        raise Problem("unavailable", "Files cannot be stored or read right now; the log says why") from exc


async def _chunks(source: "BytesStream") -> AsyncIterator[bytes]:
    with _seam():
        async for chunk in source:
            yield bytes(chunk)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name that new_name makes")


def _folder(text: str) -> Path:
    folder = Path(text).expanduser().absolute()
    with _seam():
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            _sync(folder.parent)
    return folder


def _make_durable(folder: Path, name: str) -> None:
    """Obstore writes beside and renames, which is atomic, but it does not fsync: after a power cut the file
    could be empty or gone although its message was acknowledged. A file lasts once its bytes, its entry in
    its directory, and the entries of directories that were made for it are on disk.
    """
    _sync(folder / name)
    for directory in Path(name).parents:
        _sync(folder / directory)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _s3(parts: SplitResult) -> S3Store:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {*_S3_KEYS, "path_style"}:
        raise ValueError(
            f"{min(unknown)!r} is no option of s3://…; these are: {', '.join(_S3_KEYS)}, path_style"
        )
    # one file is deleted at a time, and not every S3 look-alike has the bulk request
    config: S3Config = {"disable_bulk_delete": True}
    for option in _S3_KEYS:
        if option in options:
            config[option] = options[option]
    if "path_style" in options:
        config["virtual_hosted_style_request"] = options["path_style"].lower() not in {"1", "true", "yes"}
    try:
        return S3Store.from_url(
            f"s3://{parts.netloc}{parts.path}",
            config=config,
            # allow_http belongs to the client: among the S3 options it makes obstore 0.12 panic
            client_options={
                "timeout": TIMEOUT,
                "allow_http": options.get("endpoint", "").startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": TIMEOUT},
        )
    except BaseError as exc:
        raise ValueError(f"s3://{parts.netloc} cannot be used: {str(exc).splitlines()[0]}") from exc
