"""What the bench itself can do: a figure near these would tell of the bench, not of the server."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

from bench.client import Client
from bench.figures import milliseconds
from bench.load import Load
from bench.scenario import Bench
from bench.server import cpu_seconds
from bench.texts import PACED_WIDE, WIDE, texts

_MOST = 20_000
_LEAST = 2_000  # below it the kernel's clock of processor time, in hundredths of a second, tells nothing


async def note_limits(bench: Bench) -> None:
    """Load generator against receiver, nothing between; then the disk alone."""
    bench.step("the bench's own limits")
    count = min(_MOST, max(_LEAST, bench.n))
    requests = texts(bench.stand.phone.key, count)
    async with _apart() as (port, pid):
        with await Client.connect(port, WIDE) as client:
            load = Load(client, requests)
            own, other, began = time.process_time(), cpu_seconds(pid), time.monotonic()
            await load.flood()
            seconds = time.monotonic() - began
            own, other = time.process_time() - own, cpu_seconds(pid) - other
    book = bench.book
    book.note("limit of the load generator", count / own, "/s a core")
    book.note("limit of the receiver", count / max(other, 0.01), "/s a core")
    book.note("limit of both, on this machine", count / seconds, "/s")
    with await Client.connect(bench.stand.receiver.port, PACED_WIDE) as client:
        load = Load(client, requests[: min(count, bench.n)])
        await load.paced(bench.rate)
    spans = [answer - began for answer, began in zip(load.answered, load.started, strict=True)]
    book.note_latency("the bench's own latency", milliseconds(spans))
    book.note("generator late by at most", load.late / 1e6, "ms")
    book.note_latency("fdatasync of 4 KiB", await asyncio.to_thread(bench.stand.sync_time))


@contextlib.asynccontextmanager
async def _apart() -> AsyncIterator[tuple[int, int]]:
    """A receiver in a process of its own: its port and its process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.receiver", stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the receiver was started without a pipe")
        yield int(await process.stdout.readline()), process.pid
    finally:
        process.kill()
        await process.wait()
