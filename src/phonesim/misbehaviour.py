"""How the receiver misbehaves: rules that say which webhooks get what instead of a plain 200."""

from random import Random
from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]

_ACTIONS = ("status", "retry_after", "hang", "slow", "redirect", "rubbish", "close", "reset", "fail_rate")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which: ``match`` (text in the body), ``times`` (only the first so many), ``fail_rate`` (that share, by ``seed``).

    What: ``hang`` seconds first; then ``close`` (no answer) or ``reset`` (RST instead of an answer); or an answer with
    ``status`` (default: 302 with ``redirect``, 503 with ``retry_after`` or ``fail_rate`` alone, else 200), with a
    body of ``rubbish`` bytes, at ``slow`` bytes a second.
    """

    match: str | None = None
    times: Annotated[int, msgspec.Meta(ge=0)] | None = None
    fail_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seed: int | None = None
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    retry_after: Annotated[float, msgspec.Meta(ge=0)] | str | None = None
    hang: Annotated[float, msgspec.Meta(ge=0)] | None = None
    slow: Positive | None = None
    redirect: str | None = None
    rubbish: Annotated[int, msgspec.Meta(ge=0)] | None = None
    close: bool = False
    reset: bool = False

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError(f"a rule says what to do: one of {', '.join(_ACTIONS)}")

    @property
    def actions(self) -> list[str]:
        told = ((name, getattr(self, name)) for name in _ACTIONS)
        return [
            name for name, value in told if value is not None and value is not False
        ]  # 0 is something to do

    @property
    def answer(self) -> int | None:
        """The status, None for no answer."""
        if self.close or self.reset:
            return None
        if self.status is not None:
            return self.status
        if self.redirect is not None:
            return 302
        passing = self.hang is not None or self.slow is not None or self.rubbish is not None
        return 200 if passing and self.retry_after is None else 503

    @property
    def manner(self) -> str:
        return "+".join(name for name in self.actions if name not in {"fail_rate", "retry_after"}) or "status"


class Misbehaviour:
    """The rules in force: the first that fits a webhook is applied; without any, the receiver behaves."""

    def __init__(self, *rules: Rule) -> None:
        self.rules: list[Rule] = []
        self._left: list[int | None] = []
        self._chances: list[Random] = []
        self.become(*rules)

    def become(self, *rules: Rule) -> None:
        """These rules instead of all others; none: behave."""
        self.rules = list(rules)
        self._left = [rule.times for rule in rules]
        self._chances = [Random(rule.seed) for rule in rules]

    def pick(self, content: bytes) -> Rule | None:
        """The rule for this webhook, which is counted against the rule's ``times``."""
        for index, rule in enumerate(self.rules):
            if self._left[index] == 0 or (rule.match is not None and rule.match.encode() not in content):
                continue
            if rule.fail_rate is not None and self._chances[index].random() >= rule.fail_rate:
                continue
            left = self._left[index]
            if left is not None:
                self._left[index] = left - 1
            return rule
        return None


def read_rules(content: bytes) -> list[Rule]:
    """One rule, a list of rules, or ``{}`` for none. ValueError with what is wrong."""
    try:
        told = msgspec.json.decode(content or b"{}")
        if told == {}:
            return []
        return msgspec.convert(told if isinstance(told, list) else [told], list[Rule])
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ValueError(str(exc)) from exc
