"""Several phones that start, act out a scenario and end together."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from phonesim.phone import Phone
from phonesim.quota import Quota
from phonesim.scenario import (
    AddRule,
    Exit,
    Forget,
    Offline,
    Online,
    Receive,
    ReceiveImage,
    Repeat,
    Step,
)


class Fleet:
    """Ends when stopped, when the quota is dealt with, after ``lasting`` seconds, or when no phone is left.

    ``receives`` come in at the start; with ``every`` (seconds) one at a time, over and over.
    ValueError where a step names a phone that does not exist or a picture that cannot be read.
    """

    def __init__(
        self,
        phones: Sequence[Phone],
        *,
        quota: Quota | None = None,
        lasting: float | None = None,
        scenario: Sequence[tuple[float, Step]] = (),
        receives: Sequence[Receive | ReceiveImage] = (),
        every: float | None = None,
    ) -> None:
        self.phones = list(phones)
        self._quota = quota or Quota(None)
        self._lasting = lasting
        self._scenario = list(scenario)
        self._receives = list(receives)
        self._every = every
        self._stopping = False
        for _, step in self._scenario:
            if step.phone is not None and not 1 <= step.phone <= len(self.phones):
                raise ValueError(
                    f"the scenario names phone {step.phone}, but there are only {len(self.phones)} "
                    "(the first is 1; each --key or --pair is one)"
                )

    @property
    def refused(self) -> bool:
        """True if the server would not have one of the phones."""
        return any(phone.refusal for phone in self.phones)

    async def run(self) -> None:
        later = self._begin()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(phone.run()) for phone in self.phones]
            helpers = [
                group.create_task(work)
                for work in (self._play(later), self._feed(), self._until_dealt(), self._until_late())
            ]
            await asyncio.wait(running)
            for helper in helpers:
                helper.cancel()

    def stop(self) -> None:
        """Nothing more comes in; the phones tell what they have and end."""
        self._stopping = True
        for phone in self.phones:
            phone.stop()

    def perform(self, step: Step) -> None:
        """One step, now; nothing once the fleet is stopping, or its phones would never have told all."""
        for phone in self._whom(step):
            match step:
                case Receive():
                    phone.receive(step.address, step.body, step.channel_id)
                case ReceiveImage():
                    phone.receive_image(
                        step.address, Path(step.file), caption=step.caption, channel_id=step.channel_id
                    )
                case Offline():
                    phone.go_offline(step.seconds)
                case Online():
                    phone.go_online()
                case AddRule():
                    phone.behaviour.rules.append(step.rule())
                case Forget():
                    phone.behaviour.rules.clear()
                case Repeat():
                    phone.behaviour.repeat = step.times
                case Exit():
                    self.stop()

    def _whom(self, step: Step) -> list[Phone]:
        if self._stopping:
            return []
        return self.phones if step.phone is None else [self.phones[step.phone - 1]]

    def _begin(self) -> list[tuple[float, Step]]:
        """Performs what comes first, before any phone asks for messages; returns the steps for later."""
        for incoming in self._receives[:1] if self._every else self._receives:
            self.perform(incoming)
        for at, step in self._scenario:
            if at <= 0:
                self.perform(step)
        return [(at, step) for at, step in self._scenario if at > 0]

    async def _play(self, steps: list[tuple[float, Step]]) -> None:
        clock = asyncio.get_running_loop().time
        start = clock()
        for at, step in steps:
            await asyncio.sleep(max(0.0, start + at - clock()))
            self.perform(step)

    async def _feed(self) -> None:
        if not self._every or not self._receives:
            return
        clock = asyncio.get_running_loop().time
        due = clock()
        endless = cycle(self._receives)
        next(endless)  # came in at the start
        for step in endless:
            due += self._every  # from the clock, so that a short interval keeps its rate
            await asyncio.sleep(max(0.0, due - clock()))
            self.perform(step)

    async def _until_dealt(self) -> None:
        await self._quota.finished.wait()
        self.stop()

    async def _until_late(self) -> None:
        if self._lasting is not None:
            await asyncio.sleep(self._lasting)
            self.stop()
