"""Puts the house together: which parts there are, in which order they start and stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from fastapi import FastAPI

from ringback.api.door import door
from ringback.delivery import trial
from ringback.delivery.worker import Worker
from ringback.domain.problems import Problem
from ringback.domain.times import SECOND
from ringback.phones import native
from ringback.runtime import Runtime
from ringback.service import events, retention
from ringback.service.outbox import Tick, take_ticks
from ringback.store.transaction import Tx

HOUSEKEEPING = 3600.0  # seconds between two looks for what is older than it has to be
TICK = 0.25  # seconds: how exact scheduled messages and expiry are

log = structlog.get_logger()


def build(rt: Runtime) -> FastAPI:
    worker = Worker(rt)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        _wire(rt, worker, asyncio.get_running_loop())
        worker.start()
        clock = asyncio.gather(_run_clock(rt), _keep_house(rt))
        try:
            yield
        finally:
            rt.bell.close()
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
            await asyncio.to_thread(worker.stop)
            await asyncio.to_thread(rt.db.stop)

    return door(rt, trial.run, native.routes(rt), lifespan)


def _wire(rt: Runtime, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    """Who hears of what is committed."""

    def on_commit(tx: Tx) -> None:
        worker.committed(tx)
        if tx.directory_changed:
            loop.call_soon_threadsafe(rt.forget_callers)
        if tx.devices:
            loop.call_soon_threadsafe(rt.bell.ring, tx.devices)
        if tx.accounts:
            loop.call_soon_threadsafe(
                rt.bell.ring, [events.bell_key(account_id) for account_id in tx.accounts]
            )

    def on_foreign() -> None:
        worker.foreign()
        loop.call_soon_threadsafe(rt.forget_callers)
        loop.call_soon_threadsafe(rt.bell.ring_all)

    rt.db.on_commit = on_commit
    rt.db.on_foreign = on_foreign


async def _run_clock(rt: Runtime) -> None:
    since = rt.clock.now()
    while True:
        await asyncio.sleep(TICK)
        until = rt.clock.now()
        tick = Tick(since=since, until=until, report_timeout=round(rt.settings.report_timeout * SECOND))
        try:
            while await rt.db.write(take_ticks, tick):
                pass
        except Problem as exc:
            log.warning("clock.waits", error=exc.detail)  # the same span again, when the database is back
        else:
            since = until


async def _keep_house(rt: Runtime) -> None:
    while True:
        try:
            await retention.clean(rt)
        except Exception as exc:  # tidying up fails for itself, and is tried again
            log.exception("retention.failed", error=str(exc))
        await asyncio.sleep(HOUSEKEEPING)
