"""The delivery engine's thread: hands the dispatcher what happened, and does what it says.

Everything that comes from other threads (the writer's commits, readers' rows, resolved names) goes through one inbox
and is worked off here, so that dispatcher and poster need no locks.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import structlog

from ringback import failpoints
from ringback.delivery.dispatcher import Dispatcher, Send
from ringback.delivery.loop import Loop
from ringback.delivery.poster import Exchange, Poster
from ringback.delivery.resolver import Resolution, Resolver
from ringback.delivery.targets import Target, stored_health, target
from ringback.domain.endpoints import Fault, Outcome
from ringback.domain.networks import check_addresses, parse_networks
from ringback.domain.problems import Problem
from ringback.runtime import Runtime
from ringback.service import deliveries as service
from ringback.store import deliveries, endpoints
from ringback.store.transaction import Tx

SWEEP_EVERY = 2.0  # seconds: the backstop; what is committed is handed over at once
RELEASE_EVERY = 1.0
PARK_EVERY = 60.0
_RETRY_STORE = 1.0
_RESOLVE_PATIENCE = 10_000  # ms

log = structlog.get_logger()


class Worker:
    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._now = rt.clock.now  # for what is written down
        self._steady = rt.clock.steady  # for waiting: a clock that is set back must not hold anything up
        self._allowed = parse_networks(rt.settings.allow_webhooks_to)
        self._loop = Loop()
        self._dispatcher = Dispatcher()
        self._poster = Poster(self._loop.selector, self._now)
        self._resolver = Resolver(self._now, lambda key: self._loop.post(lambda: self._resolved(key)))
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="refill")
        self._targets: dict[int, Target] = {}
        self._unresolved: dict[tuple[str, int], list[tuple[Send, int]]] = {}
        self._settling = 0
        self._stopping = False
        self._patience = 0.0
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    # -- from other threads

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """Start nothing new; let what is under way come to its end for so many seconds."""

        def begin() -> None:
            self._stopping = True
            self._patience = time.monotonic() + patience

        self._loop.post(begin)
        self._thread.join()

    def committed(self, tx: Tx) -> None:
        """The writer's hand-over."""
        # First, for what is only in the database now may be older than what is handed over.
        for endpoint_id in tx.endpoints:
            self._loop.post(lambda endpoint_id=endpoint_id: self._changed(endpoint_id))  # type: ignore[misc] # a default binds it
        if tx.deliveries:
            handed = tx.deliveries
            self._loop.post(lambda: self._dispatcher.hand_over(handed))

    def foreign(self) -> None:
        """Another process has written: the command line, a second server."""
        self._loop.post(self._foreign)

    def idle(self) -> bool:
        return not self._dispatcher.under_way() and not self._settling

    # -- the thread

    def _run(self) -> None:
        self._loop.every(SWEEP_EVERY, self._sweep)
        self._loop.every(RELEASE_EVERY, self._release)
        self._loop.every(PARK_EVERY, self._park)
        while not (self._stopping and (self.idle() or time.monotonic() > self._patience)):
            try:
                self._turn()
            except Exception as exc:
                log.exception("delivery.failed", error=str(exc))
                self._loop.at(_RETRY_STORE, self._dispatcher.distrust_memory)
        self._resolver.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._poster.close()
        self._loop.close()

    def _turn(self) -> None:
        self._loop.wait(self._longest_wait(), self._poster.on_socket)
        self._poster.tick()
        for exchange, outcome in self._poster.finished():
            exchange.done(outcome)
        self._loop.run()
        if self._stopping:
            return
        for endpoint_id in self._dispatcher.unconfigured():
            self._load(endpoint_id)
        for endpoint_id, limit in self._dispatcher.refills():
            self._refill(endpoint_id, limit)
        for send in self._dispatcher.take(self._steady()):
            self._send(send)

    def _longest_wait(self) -> float:
        """Seconds until libcurl or the dispatcher has to be called, whatever happens."""
        moments = [time.monotonic() + 1.0]
        if self._poster.deadline is not None:
            moments.append(self._poster.deadline)
        wait = min(moments) - time.monotonic()
        wake_at = None if self._stopping else self._dispatcher.wake_at()
        return wait if wake_at is None else min(wait, (wake_at - self._steady()) / 1000)

    def _read(self, look: Callable[..., Any], *args: Any, then: Callable[[Any], None]) -> None:
        """Read in another thread; ``then`` gets the rows, or the Problem, in this one."""

        def finished(future: Future[Any]) -> None:
            if future.cancelled():
                return
            result = future.exception() or future.result()
            self._loop.post(lambda: then(result))

        self._readers.submit(self._rt.db.look, look, *args).add_done_callback(finished)

    # -- endpoints

    def _changed(self, endpoint_id: int) -> None:
        self._dispatcher.distrust(endpoint_id)
        self._load(endpoint_id)

    def _load(self, endpoint_id: int) -> None:
        as_of = self._dispatcher.changes(endpoint_id)
        self._read(endpoints.row, endpoint_id, then=lambda row: self._loaded(endpoint_id, row, as_of))

    def _loaded(self, endpoint_id: int, row: Any, as_of: int) -> None:
        if isinstance(row, BaseException):
            self._loop.at(_RETRY_STORE, lambda: self._load(endpoint_id))
            return
        if row is None:
            self._targets.pop(endpoint_id, None)
            self._dispatcher.forget(endpoint_id)
            return
        before = self._targets.get(endpoint_id)
        try:
            self._targets[endpoint_id] = target(row, self._rt.settings, self._rt.sealer)
        except (ValueError, Problem) as exc:
            # It cannot be used as it stands: its deliveries wait, and others go on.
            log.warning("endpoint.unusable", endpoint_id=endpoint_id, error=str(exc))
            self._dispatcher.forget(endpoint_id)
            return
        moved = before is not None and before.row["url"] != row["url"]
        if not self._dispatcher.configure(endpoint_id, stored_health(row), moved=moved, as_of=as_of):
            self._loop.at(_RETRY_STORE, lambda: self._load(endpoint_id))

    def _refill(self, endpoint_id: int, limit: int) -> None:
        self._read(
            deliveries.pending,
            endpoint_id,
            limit,
            then=lambda found: self._refilled(endpoint_id, limit, found),
        )

    def _refilled(self, endpoint_id: int, limit: int, found: Any) -> None:
        if isinstance(found, BaseException):
            self._loop.at(_RETRY_STORE, lambda: self._dispatcher.refill_failed(endpoint_id))
        else:
            self._dispatcher.refilled(endpoint_id, found, complete=len(found) < limit)

    # -- sending

    def _send(self, send: Send) -> None:
        try:
            self._try_to_send(send)
        except Exception as exc:  # whatever it is, the lane and its slot must not be lost with it
            log.exception("send.failed", endpoint_id=send.delivery.endpoint_id, error=str(exc))
            now = self._now()
            self._answered(
                send, Outcome(at=now, duration=0, fault=Fault.OURS, error=f"could not be sent: {exc}")
            )

    def _try_to_send(self, send: Send) -> None:
        location = self._targets[send.delivery.endpoint_id].location
        resolution = self._resolver.look_up(location)
        if resolution is not None:
            self._start(send, resolution)
        else:
            key = (location.host, location.port)
            self._unresolved.setdefault(key, []).append((send, self._steady()))
            self._loop.at(_RESOLVE_PATIENCE / 1000, lambda: self._give_up_resolving(key))

    def _resolved(self, key: tuple[str, int]) -> None:
        for send, _ in self._unresolved.pop(key, ()):
            self._send(send)

    def _give_up_resolving(self, key: tuple[str, int]) -> None:
        now = self._steady()
        waiting = self._unresolved.pop(key, [])
        late = [(send, now - since) for send, since in waiting if now - since >= _RESOLVE_PATIENCE]
        if len(late) < len(waiting):
            self._unresolved[key] = waiting[len(late) :]
        for send, waited in late:
            at, words = self._now() - waited, f"looking up {key[0]} takes too long"
            self._answered(send, Outcome(at=at, duration=waited, fault=Fault.DNS, error=words))

    def _start(self, send: Send, resolution: Resolution) -> None:
        now = self._now()
        if resolution.fault is not None:
            self._answered(send, Outcome(at=now, duration=0, fault=resolution.fault, error=resolution.error))
            return
        chosen = self._targets[send.delivery.endpoint_id]
        try:
            check_addresses(chosen.location, resolution.addresses, self._allowed)
        except Problem as exc:
            self._resolver.forget(chosen.location)  # so that a name that is put right is seen at once
            self._answered(send, Outcome(at=now, duration=0, fault=Fault.REFUSED, error=exc.detail))
            return
        post = chosen.post(send.delivery, resolution.addresses, now)
        self._poster.start(Exchange(post, lambda outcome: self._answered(send, outcome), now))

    def _answered(self, send: Send, outcome: Outcome) -> None:
        failpoints.reach("after-answer")
        settlement = self._dispatcher.answered(send, outcome, self._steady())
        delivery = send.delivery
        write = log.info if outcome.succeeded else log.warning
        write(
            "attempt",
            webhook_id=delivery.webhook_id,
            webhook_event=delivery.event,
            delivery_id=delivery.delivery_id,
            endpoint_id=delivery.endpoint_id,
            lane=delivery.lane,
            sequence=delivery.sequence,
            attempt=delivery.attempts + 1,
            status=outcome.status,
            fault=outcome.fault,
            error=outcome.error,
            duration_ms=outcome.duration,
            waited_ms=outcome.at - delivery.created_at,
            then=settlement.state.name.lower(),
        )
        self._settling += 1
        self._settle(settlement)

    def _settle(self, settlement: service.Settlement) -> None:
        def done(result: Any) -> None:
            self._loop.post(lambda: self._settled(settlement, result))

        ahead = self._now() - self._steady()
        self._rt.db.submit(service.take_settlements, service.by_clock(settlement, ahead), done)

    def _settled(self, settlement: service.Settlement, result: Any) -> None:
        if isinstance(result, BaseException):
            # The outcome is known and must not be forgotten: it is written when the database is back.
            log.error("settle.failed", delivery_id=settlement.delivery.delivery_id, error=str(result))
            self._loop.at(_RETRY_STORE, lambda: self._settle(self._dispatcher.renewed(settlement)))
            return
        self._settling -= 1
        self._dispatcher.settled(replace(settlement, state=result))

    # -- the sweeper

    def _sweep(self) -> None:
        def swept(found: Sequence[int] | BaseException) -> None:
            failpoints.reach("in-sweeper")
            if not isinstance(found, BaseException):
                self._dispatcher.sweep(found)

        self._read(deliveries.endpoints_with_pending, then=swept)

    def _foreign(self) -> None:
        self._dispatcher.distrust_memory()
        self._sweep()
        as_of = {endpoint_id: self._dispatcher.changes(endpoint_id) for endpoint_id in self._targets}
        self._read(endpoints.all_rows, then=lambda rows: self._all_loaded(rows, as_of))

    def _all_loaded(self, rows: Any, as_of: Mapping[int, int]) -> None:
        found = {} if isinstance(rows, BaseException) else {row["id"]: row for row in rows}
        for endpoint_id, seen in as_of.items():
            if found:
                self._loaded(endpoint_id, found.get(endpoint_id), seen)
            else:
                self._load(endpoint_id)

    def _release(self) -> None:
        def released(more: object) -> None:
            if more is True:
                self._loop.post(self._release)

        self._rt.db.submit(service.release_due, service.RELEASE_BATCH, released)

    def _park(self) -> None:
        for endpoint_id in self._dispatcher.hopeless(self._steady()):
            self._park_some(endpoint_id)

    def _park_some(self, endpoint_id: int) -> None:
        def parked(count: object) -> None:
            if isinstance(count, int) and count:
                self._loop.post(lambda: self._park_some(endpoint_id))

        self._rt.db.submit(service.park_hopeless, endpoint_id, parked)
