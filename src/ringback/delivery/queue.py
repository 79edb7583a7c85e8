"""An endpoint's queue: the window of its backlog that is in memory, lane by lane.

A lane is one message: of its deliveries only the oldest may be under way, and the next one goes when that one is *settled*
(committed), not merely answered. All else stays in the database until there is room (``more``).
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable

from ringback.domain.deliveries import Delivery
from ringback.domain.endpoints import Health, State

WINDOW = 1_000
DOWN_WINDOW = 16  # an endpoint that is down is only ever asked with one at a time
_YIELDED = 1 << 62  # above every delivery id


class Queue:
    def __init__(self, endpoint_id: int) -> None:
        self.endpoint_id = endpoint_id
        self.health = Health()
        self.configured = False
        self.started: OrderedDict[int, int] = (
            OrderedDict()
        )  # under way: delivery id → since when (ms), oldest first
        self.probe: int | None = None  # the delivery with which it is being asked whether it is back
        self.unsaved = 0  # changes of its health that are decided and not committed
        self.changes = 0  # all that were decided
        self.place = 0  # counts its moves to another URL
        self.timer: int | None = None  # when the dispatcher will look again by itself
        self.more = True  # there may be a backlog from before this process: nothing goes ahead of it
        self.refilling = False
        self._missed = False  # something was turned away while a refill was being read
        self._settled: set[int] = set()  # what was settled meanwhile: the refill may still show it as pending
        self._held: set[int] = set()  # lanes held meanwhile: it may still show those behind as pending
        self._lanes: dict[int, deque[Delivery]] = {}
        self._busy: set[int] = set()
        self._order: list[tuple[int, int]] = []  # heap of (rank, lane) of lanes that are not busy
        self._known: set[int] = set()
        self._reopened: set[int] = set()  # handed over once more while they were being settled
        self._yields = 0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def window(self) -> int:
        return WINDOW if self.health.state is State.HEALTHY else DOWN_WINDOW

    @property
    def has_ready(self) -> bool:
        return len(self._lanes) > len(self._busy)

    def add(self, delivery: Delivery) -> bool:
        """Take it in if there is room; False leaves it to the database."""
        if delivery.delivery_id in self._known:
            # A replay, or the release of a refused one, may stand in the same commit as the settlement before it.
            if self.holds(delivery) and delivery.attempts > self._lanes[delivery.lane][0].attempts:
                self._reopened.add(delivery.delivery_id)
            return True
        if self.more or len(self._known) >= self.window:
            self.more = self._missed = True
            return False
        self._append(delivery)
        return True

    def _append(self, delivery: Delivery) -> None:
        self._known.add(delivery.delivery_id)
        lane = self._lanes.get(delivery.lane)
        if lane is None:
            self._lanes[delivery.lane] = deque((delivery,))
            heapq.heappush(self._order, (delivery.delivery_id, delivery.lane))
        elif delivery.delivery_id > lane[-1].delivery_id:
            lane.append(delivery)
        else:
            self._insert(lane, delivery)

    def _insert(self, lane: deque[Delivery], delivery: Delivery) -> None:
        """A replayed delivery is older than what waits in its lane: it takes its place, but never that of one under way."""
        place = 1 if delivery.lane in self._busy else 0
        while place < len(lane) and lane[place].delivery_id < delivery.delivery_id:
            place += 1
        lane.insert(place, delivery)
        if place == 0:
            heapq.heappush(self._order, (delivery.delivery_id, delivery.lane))

    def peek(self) -> Delivery | None:
        """The next one that may go: of the lanes that are not busy, the one whose head is oldest."""
        while self._order:
            lane = self._order[0][1]
            if lane in self._lanes and lane not in self._busy:
                return self._lanes[lane][0]
            heapq.heappop(self._order)
        return None

    def start(self, delivery: Delivery, now: int) -> None:
        heapq.heappop(self._order)
        self._busy.add(delivery.lane)
        self.started[delivery.delivery_id] = now

    def holds(self, delivery: Delivery) -> bool:
        """Whether it is under way, or answered and not settled yet."""
        return (
            delivery.lane in self._busy and self._lanes[delivery.lane][0].delivery_id == delivery.delivery_id
        )

    def answered(self, delivery: Delivery) -> None:
        self.started.pop(delivery.delivery_id, None)

    # -- after the commit

    def finished(self, delivery: Delivery) -> None:
        """It is done or parked; its lane goes on."""
        self._leave(delivery)
        lane = self._lanes[delivery.lane]
        lane.popleft()
        if lane:
            heapq.heappush(self._order, (lane[0].delivery_id, delivery.lane))
        else:
            del self._lanes[delivery.lane]

    def again(self, delivery: Delivery, *, yielding: bool) -> None:
        """It stays at the head of its lane; ``yielding`` lets all other lanes go first."""
        self._busy.discard(delivery.lane)
        self._lanes[delivery.lane][0] = delivery
        rank = delivery.delivery_id
        if yielding:
            self._yields += 1
            rank = _YIELDED + self._yields
        heapq.heappush(self._order, (rank, delivery.lane))

    def held(self, delivery: Delivery) -> None:
        """It waits for its own time in the database, and those behind it with it."""
        self._leave(delivery)
        if self.refilling:
            self._held.add(delivery.lane)
            self._missed = True
        for follower in self._lanes.pop(delivery.lane):
            self._known.discard(follower.delivery_id)

    def _leave(self, delivery: Delivery) -> None:
        self._busy.discard(delivery.lane)
        self._known.discard(delivery.delivery_id)
        if self.refilling:
            self._settled.add(delivery.delivery_id)
        if delivery.delivery_id in self._reopened:
            self._reopened.discard(delivery.delivery_id)
            self.distrust()

    def trust(self) -> None:
        """Nobody is suspected any more: all lanes by age again."""
        self._order = [
            (lane[0].delivery_id, key) for key, lane in self._lanes.items() if key not in self._busy
        ]
        heapq.heapify(self._order)

    # -- what is in memory, and what is not

    def trim(self) -> None:
        """Forget all that is not under way: it is in the database, and comes back when there is use for it."""
        self._lanes = {
            lane: deque((waiting[0],)) for lane, waiting in self._lanes.items() if lane in self._busy
        }
        self._known = {waiting[0].delivery_id for waiting in self._lanes.values()}
        self._order = []
        self.more = self._missed = True

    def distrust(self) -> None:
        """There may be older ones in the database than what is handed over next: read before taking more in."""
        self.more = self._missed = True

    @property
    def wants_refill(self) -> bool:
        room = len(self._known) <= self.window // 2
        return (
            self.configured
            and self.more
            and not self.refilling
            and room
            and self.health.state is not State.PAUSED
        )

    def begin_refill(self) -> None:
        self.refilling = True
        self._missed = False
        self._settled.clear()
        self._held.clear()

    def refill(self, deliveries: Iterable[Delivery], *, complete: bool) -> None:
        """What was read for it; ``complete``: the database had no more at that time."""
        self.refilling = False
        for delivery in deliveries:
            if len(self._known) >= self.window:
                complete = False  # the window has become smaller since it was asked for
                break
            stale = delivery.delivery_id in self._settled or delivery.lane in self._held
            if not stale and delivery.delivery_id not in self._known:
                self._append(delivery)
        self._settled.clear()
        self._held.clear()
        self.more = self._missed or not complete

    def fail_refill(self) -> None:
        self.refilling = False
        self.more = True
