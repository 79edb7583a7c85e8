"""What `ringback-phone` was told to do: pairs what is to be paired, puts the fleet together, runs it."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from phonesim.behaviour import Behaviour
from phonesim.fleet import Fleet
from phonesim.ledger import Ledger
from phonesim.link import Link
from phonesim.narrator import Tell, silence
from phonesim.native import NativeClient, Refused, check_server
from phonesim.phone import Phone
from phonesim.picture import read_picture
from phonesim.quota import Quota
from phonesim.scenario import Receive, ReceiveImage, Step


@dataclass(slots=True, kw_only=True)
class Errand:
    """The options of the program, in its words; ValueError for what cannot be done, before anything is done."""

    server: str
    keys: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    wait: float = 25
    limit: int = 15
    batch: int = 100
    behaviour: Behaviour = field(default_factory=Behaviour)
    offline_after: int | None = None
    offline_for: float = 0
    receives: list[Receive | ReceiveImage] = field(default_factory=list)
    every: float | None = None
    messages: int | None = None
    lasting: float | None = None
    scenario: list[tuple[float, Step]] = field(default_factory=list)
    max_pause: float = 15
    seed: int | None = None
    ledger: Ledger | None = None
    tell: Tell = silence

    def __post_init__(self) -> None:
        self.server = check_server(self.server)
        if not self.keys and not self.codes:
            raise ValueError("a phone needs --key (the key of a device) or --pair (a pairing code)")
        for step in (*self.receives, *(step for _, step in self.scenario)):
            if isinstance(step, ReceiveImage):
                read_picture(Path(step.file))

    async def run(self) -> bool:
        """False if the server refused one of the phones. The first signal ends it kindly, the second at once."""
        me = asyncio.current_task()
        end: list[Callable[[], object]] = [me.cancel] if me else []
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, lambda: end and end.pop()())
        try:
            keys = [*self.keys, *[await self._pair(code, index) for index, code in enumerate(self.codes, 1)]]
            fleet = self._fleet(keys)
            end.append(fleet.stop)
            await fleet.run()
        except Refused as refusal:
            self.tell(
                "stopped",
                {"why": str(refusal), "advice": "Ask for a new code: each works once, for 15 minutes"},
            )
            return False
        except asyncio.CancelledError:
            return True
        return not fleet.refused

    async def _pair(self, code: str, index: int) -> str:
        name = str(len(self.keys) + index)

        def tell(event: str, fields: Mapping[str, Any]) -> None:
            self.tell(event, {"phone": name, **fields})

        link = Link(self.server, max_pause=self.max_pause, chance=Random(self.seed), tell=tell)
        async with NativeClient(self.server) as client:
            paired = await link.call(partial(client.pair, code))
        tell("paired", {"device_id": paired.device_id, "device_key": paired.device_key})
        return paired.device_key

    def _fleet(self, keys: list[str]) -> Fleet:
        quota = Quota(self.messages)
        phones = [
            Phone(
                self.server,
                key,
                name=str(number),
                behaviour=replace(self.behaviour, rules=list(self.behaviour.rules)),
                wait=self.wait,
                limit=self.limit,
                batch=self.batch,
                offline_after=self.offline_after,
                offline_for=self.offline_for,
                max_pause=self.max_pause,
                quota=quota,
                # Each phone has its own dice, so that the others' timing does not change them.
                chance=Random(None if self.seed is None else self.seed * 1_000_003 + number),
                tell=self.tell,
                ledger=self.ledger,
            )
            for number, key in enumerate(keys, 1)
        ]
        return Fleet(
            phones,
            quota=quota,
            lasting=self.lasting,
            scenario=self.scenario,
            receives=self.receives,
            every=self.every,
        )


def split_incoming(text: str, what: str) -> tuple[str, str]:
    """(address, the rest) of ``ADDRESS:REST``."""
    address, colon, rest = text.partition(":")
    if not address or not colon:
        raise ValueError(f"{text!r}: write it as ADDRESS:{what}, such as +4915112345:{what.lower()}")
    return address, rest
