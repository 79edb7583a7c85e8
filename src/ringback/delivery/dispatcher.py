"""Which delivery goes now: fair between endpoints, in order within a lane, bounded in all. No I/O and no clock in here.

The engine's thread calls it with what happened (handed over, answered, settled, refilled, time passed) and does
what it says. (contracts/delivery.md section 4)
"""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from ringback.delivery.queue import Queue
from ringback.domain import retry
from ringback.domain.deliveries import Delivery
from ringback.domain.deliveries import State as DeliveryState
from ringback.domain.endpoints import GIVE_UP_AFTER, Fate, Health, Outcome, State, decide, paused, resumed
from ringback.domain.times import MINUTE, SECOND
from ringback.service.deliveries import Settlement


class Pool(Enum):
    """Slots for requests under way, so that no kind of trouble takes another's."""

    PROVEN = "proven"  # endpoints that are answering
    UNPROVEN = "unproven"  # endpoints that have not answered yet, or not lately
    AGAIN = "again"  # endpoints that are down, each asked with one probe


BUDGETS = {Pool.PROVEN: 256, Pool.UNPROVEN: 128, Pool.AGAIN: 64}
SLOW = 2 * SECOND  # an endpoint whose oldest request is older than this is not answering
_HEALTH_WRITTEN_EVERY = MINUTE


@dataclass(frozen=True, slots=True)
class Send:
    delivery: Delivery
    pool: Pool
    probe: bool
    place: int = 0  # where the endpoint was then: what came of it elsewhere says nothing of where it is now


class Dispatcher:
    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self.queues: dict[int, Queue] = {}
        self._chance = chance
        self._ring: deque[int] = deque()  # endpoints to look at, in turn
        self._starved: dict[Pool, dict[int, None]] = {
            pool: {} for pool in Pool
        }  # they wait for a slot, in order
        self._in_ring: set[int] = set()
        self._touched: set[int] = set()  # of these, the wish for a refill may have changed
        self._unknown: set[int] = set()
        self._timers: list[tuple[int, int]] = []  # heap of (when, endpoint id)
        self._free = dict(BUDGETS)
        self._success_written: dict[int, int] = {}

    # -- what happens

    def hand_over(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self.queue(delivery.endpoint_id).add(delivery)
            self._look_at(delivery.endpoint_id)

    def queue(self, endpoint_id: int) -> Queue:
        queue = self.queues.get(endpoint_id)
        if queue is None:
            queue = self.queues[endpoint_id] = Queue(endpoint_id)
            self._unknown.add(endpoint_id)
        return queue

    def unconfigured(self) -> set[int]:
        """Endpoints to configure, each told once: nothing is sent to them before."""
        unknown, self._unknown = self._unknown, set()
        return unknown

    def changes(self, endpoint_id: int) -> int:
        """How often its health has changed in a way that is written: a row that is read now is as of this."""
        queue = self.queues.get(endpoint_id)
        return queue.changes if queue is not None else 0

    def configure(
        self, endpoint_id: int, stored: Health, *, moved: bool = False, as_of: int | None = None
    ) -> bool:
        """An endpoint as the database has it, at first or after a person's change. ``moved``: to another URL. False: the row
        was read when the engine's own word was not written yet, so it does not tell whether a person has resumed it.
        """
        queue = self.queue(endpoint_id)
        current = not queue.unsaved and as_of in (None, queue.changes)
        if not queue.configured:
            queue.configured = True
            queue.health = stored
        elif stored.state is State.PAUSED:
            queue.health = paused(queue.health)
        elif moved:
            queue.place += 1
            self._resume(queue)
        elif stored.state is State.HEALTHY and queue.health.state is not State.HEALTHY and current:
            self._resume(queue)
        if queue.health.state is State.PAUSED:
            queue.trim()
        queue.distrust()
        self._look_at(endpoint_id)
        return current

    def _resume(self, queue: Queue) -> None:
        queue.health = resumed(queue.health)
        queue.probe = None
        queue.trust()

    def forget(self, endpoint_id: int) -> None:
        """It cannot be sent to any more, or not now: what is under way comes to its end, the rest is in the database."""
        queue = self.queues.get(endpoint_id)
        if queue is not None:
            queue.configured = False
            queue.trim()

    def sweep(self, endpoint_ids: Iterable[int]) -> None:
        """These have pending deliveries in the database; those with nothing in memory have missed them."""
        for endpoint_id in endpoint_ids:
            queue = self.queue(endpoint_id)
            if not len(queue):
                queue.more = True
            if not queue.configured:
                self._unknown.add(endpoint_id)
            self._look_at(endpoint_id)

    def distrust_memory(self) -> None:
        """Another process has written: what is handed over from now on may come after what is only in the database."""
        for endpoint_id in self.queues:
            self.distrust(endpoint_id)

    def distrust(self, endpoint_id: int) -> None:
        """As ``distrust_memory``, of one endpoint."""
        queue = self.queues.get(endpoint_id)
        if queue is not None:
            queue.distrust()
            self._look_at(endpoint_id)

    # -- what is to be done

    def take(self, now: int) -> list[Send]:
        """The requests to start now. Their slots and lanes are taken until ``answered`` and ``settled``."""
        while self._timers and self._timers[0][0] <= now:
            endpoint_id = heapq.heappop(self._timers)[1]
            if endpoint_id in self.queues:
                self.queues[endpoint_id].timer = None
                self._look_at(endpoint_id)
        sends: list[Send] = []
        while self._ring or self._wake_starved():
            endpoint_id = self._ring.popleft()
            self._in_ring.discard(endpoint_id)
            queue = self.queues.get(endpoint_id)
            if queue is not None and self._may_send(queue, now):
                send = self._choose(queue, now)
                if send is not None:
                    sends.append(send)
                    self._look_at(endpoint_id)
        return sends

    def _wake_starved(self) -> bool:
        """As many as there are slots look again, in turn; those that have no use for theirs leave it to the next."""
        for pool, starved in self._starved.items():
            for endpoint_id in list(itertools.islice(starved, self._free[pool])):
                self._look_at(endpoint_id)
        return bool(self._ring)

    def _may_send(self, queue: Queue, now: int) -> bool:
        health = queue.health
        if not queue.configured or health.state is State.PAUSED or not queue.has_ready:
            return False
        if now < health.not_before:
            if queue.timer != health.not_before:
                queue.timer = health.not_before
                heapq.heappush(self._timers, (queue.timer, queue.endpoint_id))
            return False
        if health.state is State.UNHEALTHY:
            return queue.probe is None
        return len(queue.started) < health.limit

    def _choose(self, queue: Queue, now: int) -> Send | None:
        delivery = queue.peek()
        if delivery is None:
            return None
        probe = queue.health.state is State.UNHEALTHY
        pool = Pool.AGAIN if probe else self._first_pool(queue, now)
        if not self._free[pool]:
            self._starved[pool][queue.endpoint_id] = None
            return None
        self._free[pool] -= 1
        queue.start(delivery, now)
        if probe:
            queue.probe = delivery.delivery_id
        return Send(delivery, pool, probe, queue.place)

    def _first_pool(self, queue: Queue, now: int) -> Pool:
        answering = queue.health.last_success_at is not None
        if queue.started and now - next(iter(queue.started.values())) > SLOW:
            answering = False
        return Pool.PROVEN if answering else Pool.UNPROVEN

    def answered(self, send: Send, outcome: Outcome, now: int) -> Settlement:
        """Decide what an outcome means. The lane stays taken until the settlement is committed."""
        delivery = send.delivery
        queue = self.queue(delivery.endpoint_id)
        self._free[send.pool] += 1
        queue.answered(delivery)
        probe = queue.probe == delivery.delivery_id  # not one of before a resume
        if probe:
            queue.probe = None
        before = queue.health
        if send.place == queue.place or outcome.succeeded:
            queue.health, fate = decide(before, outcome, now=now, chance=self._chance(), probe=probe)
        else:
            fate = Fate.KEEP
        if queue.health.state is not before.state and queue.health.state is not State.HEALTHY:
            queue.trim()
        state, tries, retry_at = self._fate(delivery, fate, now)
        recovered = before.state is State.UNHEALTHY and queue.health.state is State.HEALTHY
        if recovered:
            queue.trust()
        written = self._worth_writing(queue, before, now)
        queue.unsaved += written
        queue.changes += written
        self._look_at(delivery.endpoint_id)
        return Settlement(
            delivery=delivery,
            outcome=outcome,
            state=state,
            tries=tries,
            retry_at=retry_at,
            health=queue.health if written else None,
            recovered=recovered,
            yielding=fate is Fate.YIELD,
        )

    def _fate(self, delivery: Delivery, fate: Fate, now: int) -> tuple[DeliveryState, int, int | None]:
        if fate is Fate.DONE:
            return DeliveryState.DONE, delivery.tries, None
        if fate is not Fate.POISON:
            return DeliveryState.PENDING, delivery.tries, None
        tries = delivery.tries + 1
        delay = retry.poison_delay(tries, self._chance())
        if delay is None:
            return DeliveryState.PARKED, tries, None
        return DeliveryState.WAITING, tries, now + delay

    def _worth_writing(self, queue: Queue, before: Health, now: int) -> bool:
        """Changes of state and failed probes; of successes one a minute, which a restart goes by."""
        health = queue.health
        if before.state is State.PAUSED and health.state is State.PAUSED:
            return False  # what was under way does not speak over the pause: its note stays, and a resume just written too
        if (health.state, health.failures) != (before.state, before.failures):
            return True
        if health.last_success_at is None or health.last_success_at == before.last_success_at:
            return False
        if now - self._success_written.get(queue.endpoint_id, 0) < _HEALTH_WRITTEN_EVERY:
            return False
        self._success_written[queue.endpoint_id] = now
        return True

    def settled(self, settlement: Settlement) -> None:
        """The settlement is committed: its lane goes on."""
        delivery = settlement.delivery
        queue = self.queues.get(delivery.endpoint_id)
        if queue is not None and settlement.health is not None:
            queue.unsaved -= 1
        if queue is None or not queue.holds(delivery):
            return  # the endpoint was forgotten meanwhile; what it still has to take is in the database
        if settlement.state is DeliveryState.PENDING:
            yielding = settlement.yielding and queue.health.state is State.UNHEALTHY
            queue.again(replace(delivery, attempts=delivery.attempts + 1), yielding=yielding)
        elif settlement.state is DeliveryState.WAITING:
            queue.held(delivery)
        else:
            queue.finished(delivery)
        self._look_at(delivery.endpoint_id)

    def renewed(self, settlement: Settlement) -> Settlement:
        """For another try at writing it: of the endpoint it is to say what is so by now, and nothing over a pause."""
        queue = self.queues.get(settlement.delivery.endpoint_id)
        if settlement.health is None or queue is None:
            return settlement
        if queue.health.state is State.PAUSED and settlement.health.state is not State.PAUSED:
            queue.unsaved -= 1
            return replace(settlement, health=None)
        return replace(settlement, health=queue.health)

    # -- reading on

    def refills(self) -> list[tuple[int, int]]:
        """(endpoint id, how many) to read from the database now."""
        touched, self._touched = self._touched, set()
        wanted = []
        for endpoint_id in touched:
            queue = self.queues.get(endpoint_id)
            if queue is not None and queue.wants_refill:
                queue.begin_refill()
                wanted.append((endpoint_id, queue.window))
        return wanted

    def refilled(self, endpoint_id: int, deliveries: list[Delivery], *, complete: bool) -> None:
        queue = self.queues.get(endpoint_id)
        if queue is not None:
            queue.refill(deliveries, complete=complete)
            self._look_at(endpoint_id)

    def refill_failed(self, endpoint_id: int) -> None:
        queue = self.queues.get(endpoint_id)
        if queue is not None:
            queue.fail_refill()
            self._look_at(endpoint_id)

    def hopeless(self, now: int) -> list[int]:
        """Endpoints that have taken nothing for so long that their oldest deliveries are given up."""
        return [
            endpoint_id
            for endpoint_id, queue in self.queues.items()
            if queue.health.state is State.UNHEALTHY
            and queue.health.unhealthy_since is not None
            and now - queue.health.unhealthy_since > GIVE_UP_AFTER
        ]

    def wake_at(self) -> int | None:
        """When there will be something to do that nothing else announces (ms)."""
        return self._timers[0][0] if self._timers else None

    def under_way(self) -> int:
        return sum(BUDGETS.values()) - sum(self._free.values())

    def _look_at(self, endpoint_id: int) -> None:
        self._touched.add(endpoint_id)
        if endpoint_id not in self._in_ring:
            for starved in self._starved.values():
                starved.pop(endpoint_id, None)
            self._in_ring.add(endpoint_id)
            self._ring.append(endpoint_id)
