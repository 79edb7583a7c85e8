"""The load: phones and a caller that never rest, and write down only what they were told is kept."""

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence

from bench.crash.client import Client, now
from bench.crash.house import Device
from bench.crash.ledger import INCOMING, QUEUED

_AGAIN = 0.05  # so much is said once more though it was answered
_OPEN = 120  # messages of a device on their way at most, so that the end of the run has an end
_AT_ONCE = (1, 1, 2, 5)
_BRINGERS, _CALLERS, _WORKERS = 3, 2, 3  # of each device, at the same time
# What phones say of a message, in order, jumping, and out of order.
_PATHS = (
    *((2, 6, 7),) * 6,
    (2, 6, 8),
    (2, 9),
    (6, 7),
    (7,),
    (2, 7, 6),
    (6, 2, 7),
)
_numbers = itertools.count(1)


class Phone:
    """A device, and the caller who sends messages by it."""

    def __init__(self, client: Client, token: str, device: Device, chance: random.Random) -> None:
        self._client = client
        self._said = client.said
        self._token = token
        self._device = device
        self._chance = chance
        self._open: set[str] = set()  # recipients of messages that were handed in and are not through
        self._in_hand: set[int] = set()
        self._ending = False

    def end(self) -> None:
        """Begin nothing new; what was begun is finished."""
        self._ending = True

    async def work(self) -> None:
        await asyncio.gather(
            *(self._bring() for _ in range(_BRINGERS)),
            *(self._submit() for _ in range(_CALLERS)),
            *(self._carry() for _ in range(_WORKERS)),
        )

    # -- incoming

    async def _bring(self) -> None:
        while not self._ending:
            texts = [self._text() for _ in range(self._chance.choice(_AT_ONCE))]
            await self._hand_in(texts)
            if self._chance.random() < _AGAIN:
                await self._hand_in(texts[-2:])

    def _text(self) -> dict[str, object]:
        number = next(_numbers)
        return {
            "id": f"sms-{number}",
            "address": f"+4917{number:09}",
            "body": f"text {number}",
            "date": 1_795_000_000 + number,
            "internal_id": number,
            "channel_id": self._chance.choice(list(self._device.texts)),
        }

    async def _hand_in(self, texts: Sequence[dict[str, object]]) -> None:
        for text in texts:
            self._said.ask(str(text["address"]), now())
        body = texts[0] if len(texts) == 1 else texts
        receipts = await self._client.say("POST", "/phone/v1/incoming", self._device.key, body)
        for text, receipt in zip(texts, receipts or (), strict=receipts is not None):
            address = str(text["address"])
            self._said.name(address, receipt["sms_id"], self._device.texts[int(str(text["channel_id"]))])
            self._said.acknowledge(receipt["sms_id"], INCOMING, self._said.asked[address], now())

    # -- outgoing

    async def _submit(self) -> None:
        while not self._ending:
            if len(self._open) >= _OPEN:
                await asyncio.sleep(0.02)
                continue
            forms = [self._form() for _ in range(self._chance.choice(_AT_ONCE))]
            self._open.update(form["to"] for form in forms)
            await self._send(forms)
            if self._chance.random() < _AGAIN:
                await self._send(forms)

    def _form(self) -> dict[str, str]:
        to = f"+4915{next(_numbers):09}"
        return {"to": to, "body": f"for {to}", "idempotency_key": to}

    async def _send(self, forms: Sequence[dict[str, str]]) -> None:
        for form in forms:
            self._said.ask(form["to"], now())
        full = [{**form, "device_id": self._device.device_id} for form in forms]
        body = full[0] if len(full) == 1 else full
        answer = await self._client.say("POST", "/v1/messages", self._token, body)
        accepted = answer if isinstance(answer, list) else [answer] if answer else []
        if not accepted:
            self._open.difference_update(form["to"] for form in forms)
        for form, one in zip(forms, accepted, strict=bool(accepted)):
            self._heard_of(form["to"], one["sms_id"])
            if one["status_id"] != 1:
                # Of a message that was submitted before, this may be a phone's word already.
                self._acknowledge(one["sms_id"], one["status_id"])

    def _heard_of(self, to: str, sms_id: int) -> None:
        self._said.name(to, sms_id, self._device.status)
        self._said.ask_status(sms_id, QUEUED, self._said.asked.get(to, now()))

    def _acknowledge(self, sms_id: int, status: int) -> None:
        if (sms_id, status) in self._said.claims:
            self._said.acknowledge(sms_id, status, now(), now())
        else:
            self._said.refused.append(f"message {sms_id} is at {status}, and nobody said so")

    # -- what the phone does with them

    async def _carry(self) -> None:
        while not self._ending or self._open:
            offered = await self._client.say("GET", "/phone/v1/messages?limit=20&wait=0.5", self._device.key)
            fresh = [message for message in offered or () if message["sms_id"] not in self._in_hand]
            for message in fresh:
                if message["to"] not in self._said.asked:
                    self._said.refused.append(f"{message} is offered, and nobody submitted it")
                self._heard_of(message["to"], message["sms_id"])
                self._acknowledge(message["sms_id"], QUEUED)
            sms_ids = [message["sms_id"] for message in fresh]
            self._in_hand.update(sms_ids)
            await asyncio.gather(*(self._tell(group) for group in self._groups(sms_ids)))
            self._in_hand.difference_update(sms_ids)
            self._open.difference_update(message["to"] for message in fresh)
            if offered and not fresh:
                await asyncio.sleep(0.01)  # another worker has them

    def _groups(self, sms_ids: Sequence[int]) -> Iterator[Sequence[int]]:
        place = 0
        while place < len(sms_ids):
            size = self._chance.choice((1, 1, 3, 8))
            yield sms_ids[place : place + size]
            place += size

    async def _tell(self, sms_ids: Sequence[int]) -> None:
        path = self._chance.choice(_PATHS)
        if self._chance.random() < 0.2:
            await self._report([(sms_id, status) for sms_id in sms_ids for status in path])
        else:
            for status in path:
                await self._report([(sms_id, status) for sms_id in sms_ids])
        if self._chance.random() < _AGAIN:
            await self._report([(sms_id, self._chance.choice(path)) for sms_id in sms_ids])

    async def _report(self, pairs: Sequence[tuple[int, int]]) -> None:
        for sms_id, status in pairs:
            self._said.ask_status(sms_id, status, now())
        reports = [{"sms_id": sms_id, "status_id": status} for sms_id, status in pairs]
        body = reports[0] if len(reports) == 1 else reports
        results = await self._client.say("POST", "/phone/v1/reports", self._device.key, body)
        for (sms_id, status), result in zip(pairs, results or (), strict=results is not None):
            if result["result"] == "accepted" and result["status_id"] != status:
                self._said.refused.append(f"{result} is the answer to status {status}")
            # Whatever was made of the report: the message is at this status, so its event was kept.
            self._acknowledge(sms_id, result["status_id"])
