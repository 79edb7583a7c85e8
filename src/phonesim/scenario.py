"""Timed steps for phones, from a file:

    [{"do": "rule", "match": "fail 10", "status": 10},
     {"at": 2, "do": "receive", "address": "+4915112345", "body": "hello"},
     {"at": 5, "do": "offline", "seconds": 3},
     {"at": 60, "do": "exit"}]

JSON: that list. TOML: the same as ``[[step]]`` tables. ``at`` is in seconds since the start; a step without it
happens with the one before it. ``phone`` (1, 2 …) names one phone of the fleet; without it, all of them do it.
A step without ``do`` that has ``match`` or ``to`` is a rule. Of rules that fit one message, the last one decides.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from phonesim.behaviour import Outcome, Rule


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    at: float | None = None
    phone: int | None = None


class Receive(_Step, frozen=True, tag="receive"):
    address: str
    body: str
    channel_id: int = 0


class ReceiveImage(_Step, frozen=True, tag="receive_image"):
    """``file``: relative to the scenario's folder; ``demo`` is a ready-made picture."""

    address: str
    file: str
    caption: str | None = None
    channel_id: int = 0


class Offline(_Step, frozen=True, tag="offline"):
    """For ``seconds``, or until a step ``online``."""

    seconds: float | None = None


class Online(_Step, frozen=True, tag="online"):
    pass


class AddRule(_Step, frozen=True, tag="rule"):
    """See ``phonesim.behaviour.Rule``."""

    match: str | None = None
    to: str | None = None
    status: int | None = None
    outcome: Outcome | None = None
    send_time: float | None = None
    delivery_time: float | None = None

    def rule(self) -> Rule:
        return Rule(**{name: getattr(self, name) for name in Rule.__struct_fields__})


class Forget(_Step, frozen=True, tag="forget"):
    """Drops all rules."""


class Repeat(_Step, frozen=True, tag="repeat"):
    """From now on every report and incoming message is told ``times`` extra times."""

    times: int


class Exit(_Step, frozen=True, tag="exit"):
    """Ends the whole fleet."""


Step = Receive | ReceiveImage | Offline | Online | AddRule | Forget | Repeat | Exit


def load_scenario(path: Path) -> list[tuple[float, Step]]:
    """(seconds since the start, step), soonest first. ValueError with what is wrong, in words for people."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ValueError(f"cannot read the scenario {str(path)!r}: {exc.strerror}") from exc
    try:
        content = tomllib.loads(text) if path.suffix == ".toml" else msgspec.json.decode(text)
        steps = _steps(content)
    except (tomllib.TOMLDecodeError, msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ValueError(f"the scenario {str(path)!r} cannot be understood: {exc}") from exc
    return _timed([_beside(step, path.parent) for step in steps])


def _steps(content: Any) -> list[Step]:
    if isinstance(content, dict):
        content = content.get("step")
    if isinstance(content, list):
        content = [_named(step) for step in content]
    return msgspec.convert(content, list[Step])


def _named(step: Any) -> Any:
    if isinstance(step, dict) and "do" not in step and step.keys() & {"match", "to"}:
        return {"do": "rule", **step}
    return step


def _beside(step: Step, folder: Path) -> Step:
    if isinstance(step, ReceiveImage) and (folder / step.file).exists():
        return msgspec.structs.replace(step, file=str(folder / step.file))
    return step


def _timed(steps: list[Step]) -> list[tuple[float, Step]]:
    timed: list[tuple[float, Step]] = []
    at = 0.0
    for step in steps:
        at = at if step.at is None else step.at
        timed.append((at, step))
    return sorted(timed, key=lambda pair: pair[0])
