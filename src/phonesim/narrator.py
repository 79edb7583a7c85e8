"""What the phones say of themselves: short lines for people, JSON lines for programs."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

Tell = Callable[[str, Mapping[str, Any]], None]

# event: (colour, words with the event's fields). Events without words are told to programs only.
WORDS = {
    "paired": ("green", "paired as device {device_id}. Its key, shown only now: {device_key}"),
    "started": ("green", "{title} is on line (device {device_id})"),
    "taken": ("cyan", "took #{sms_id} to {to}: {body}"),
    "reported": ("dim", "#{sms_id} is {meaning} ({status_id}): {result}"),
    "dealt": ("green", "#{sms_id} done"),
    "received": ("magenta", "got a message from {address}: {body}"),
    "received_image": ("magenta", "got a picture from {address}: {name}"),
    "kept": ("green", "the server keeps it as #{sms_id}"),
    "refused": ("red", "refused: {what}: {why}. Dropped"),
    "unreachable": (
        "red",
        "cannot reach {server}: {why}. Is Ringback running there? If it is elsewhere, say so with --server. Trying again, nothing is lost",
    ),
    "back": ("green", "{server} answers again"),
    "offline": ("yellow", "off line"),
    "online": ("yellow", "on line again"),
    "stopped": ("red", "stops: {why}. {advice}"),
    "ended": ("yellow", "ended: {dealt} messages dealt with, {kept} incoming kept, {untold} things not told"),
}

MEANINGS = {
    2: "taken",
    6: "sent",
    7: "delivered",
    8: "not delivered",
    9: "not sent, generic failure",
    10: "not sent, no service",
    11: "not sent, null PDU",
    12: "not sent, radio off",
    100: "not sent, not allowed",
    101: "not sent, refused by the system",
}


def silence(event: str, fields: Mapping[str, Any]) -> None:
    """Tells nobody."""


class Narrator:
    """``tell`` for phones of a program on a terminal (or its log), or as JSON lines on stdout."""

    def __init__(self, *, as_json: bool, quiet: bool = False) -> None:
        self._json = as_json
        self._quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        if self._json:
            line = {"wall": round(time.time(), 3), "event": event, **fields}
            print(msgspec.json.encode(line).decode(), flush=True)
        elif event in WORDS and not self._quiet:
            colour, words = WORDS[event]
            known = {**fields, "meaning": MEANINGS.get(fields.get("status_id", 0), "something unheard of")}
            line_text = Text(f"{time.strftime('%H:%M:%S')} [{fields.get('phone', '')}] ", style="dim")
            line_text.append(words.format(**known).replace("\n", " ⏎ "), style=colour)
            self._console.print(line_text)
