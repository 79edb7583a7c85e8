"""A phone that takes messages in packs and reports on them: 2 (I have it), 6 (sent), 7 (delivered)."""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Self

from bench import Broken, http1
from bench.client import Client
from bench.stand import Phone

PACK = 100  # the most that the protocol gives at once
_WAIT = 2  # seconds of long poll
_STALLED = 10  # empty polls, until what is missing does not come any more
_IDS = re.compile(rb'"sms_id":([0-9]+)')


class Handset:
    """``reported`` is when the report of each delivery was begun, by sms_id (ns). ``singly``: each delivery is reported in a
    request of its own, as networks tell them; else in the pack.
    """

    def __init__(self, client: Client, phone: Phone, *, singly: bool) -> None:
        self.reported: dict[int, int] = {}
        self._client = client
        self._key = phone.key
        self._singly = singly
        self._poll = http1.request("GET", f"/phone/v1/messages?limit={PACK}&wait={_WAIT}", phone.key)

    @classmethod
    async def switch_on(cls, port: int, phone: Phone, *, singly: bool = False, connections: int = 16) -> Self:
        """Polls once, so that the server knows it is there and hands messages over at once."""
        handset = cls(await Client.connect(port, connections), phone, singly=singly)
        await handset.call(http1.request("GET", "/phone/v1/messages?limit=1", phone.key))
        return handset

    async def work(self, count: int) -> None:
        """Until that many messages were taken and told to be delivered."""
        telling: set[asyncio.Task[None]] = set()
        taken, empty = 0, 0
        while taken < count:
            ids = _IDS.findall(await self.call(self._poll))
            empty = 0 if ids else empty + 1
            if empty > _STALLED:
                raise Broken(
                    f"{count - taken} of {count} messages were accepted and never offered to the phone"
                )
            if ids:
                await self._report(ids, 2)  # before the next poll, which would offer them again
                taken += len(ids)
                telling.add(asyncio.create_task(self._tell(ids)))
        await asyncio.gather(*telling)

    async def _tell(self, ids: Sequence[bytes]) -> None:
        await self._report(ids, 6)
        if self._singly:
            await asyncio.gather(*(self._report((sms_id,), 7) for sms_id in ids))
        else:
            await self._report(ids, 7)

    async def _report(self, ids: Sequence[bytes], status_id: int) -> None:
        body = b"[%s]" % b",".join(b'{"sms_id":%s,"status_id":%d}' % (sms_id, status_id) for sms_id in ids)
        request = http1.request("POST", "/phone/v1/reports", self._key, body)
        if status_id == 7:
            now = time.monotonic_ns()
            self.reported.update((int(sms_id), now) for sms_id in ids)
        answer = await self.call(request)
        if answer.count(b'"accepted"') != len(ids):
            raise Broken(f"reports were not accepted: {answer[:200].decode()}")

    async def call(self, request: bytes) -> bytes:
        status, body = await self._client.call(request)
        if status != 200:
            raise Broken(
                f"the phone was answered {status or 'by a broken connection'}: {body[:200].decode()}"
            )
        return body

    def switch_off(self) -> None:
        self._client.close()
