"""What a phone still has to tell the server: kept until the server says it has it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

from phonesim.link import Link
from phonesim.native import Refused

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Outbox(Generic[Item, Answer]):
    """First in, first out, at most ``batch`` items a call, one call at a time, so order is kept.

    An item leaves when the server's 200 for it has come and ``acknowledged`` has returned, or when the
    server refuses it. A refused batch is told again one by one: one bad item takes no other with it.
    """

    def __init__(
        self,
        link: Link,
        *,
        send: Callable[[list[Item]], Awaitable[Sequence[Answer]]],
        acknowledged: Callable[[list[tuple[Item, Answer]]], Awaitable[None]],
        refused: Callable[[Item, Refused], None],
        batch: int = 100,
    ) -> None:
        self._link = link
        self._send = send
        self._acknowledged = acknowledged
        self._refused = refused
        self._batch = batch
        self._one_by_one = 0  # that many items at the front are told singly
        self._items: deque[Item] = deque()
        self._put = 0
        self._done = 0
        self._filled = asyncio.Event()
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        self._items.append(item)
        self._put += 1
        self._filled.set()

    async def settled(self) -> None:
        """Returns when all that was put before this call is acknowledged or refused."""
        mark = self._put
        while self._done < mark:
            self._moved.clear()
            await self._moved.wait()

    async def run(self) -> None:
        """Tells the items to the server, for ever."""
        while True:
            if not self._items:
                self._filled.clear()
                await self._filled.wait()
            items = list(islice(self._items, 1 if self._one_by_one else self._batch))
            try:
                answers = await self._link.call(partial(self._send, items))
            except Refused as refusal:
                if len(items) > 1:
                    self._one_by_one = len(items)
                    continue
                self._refused(items[0], refusal)
            else:
                await self._acknowledged(list(zip(items, answers, strict=True)))
            self._settle(len(items))

    def _settle(self, count: int) -> None:
        for _ in range(count):
            self._items.popleft()
        self._one_by_one = max(0, self._one_by_one - count)
        self._done += count
        self._moved.set()
