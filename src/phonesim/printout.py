"""What the receiver prints of each webhook: one line, for people or for programs."""

import time
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from phonesim.received import Received, Verdict

_COLOURS = {Verdict.OK: "green", Verdict.BAD: "bold red", Verdict.MISSING: "red", Verdict.UNCHECKED: "yellow"}


def print_json(received: Received) -> None:
    print(msgspec.json.encode({"event": "received", "webhook": received.record()}).decode(), flush=True)


class LinePrinter:
    """``print(received)``: time, event, message, status or text, sequence, attempt, verdict, answer."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def print(self, received: Received) -> None:
        line = Text(time.strftime("%H:%M:%S ", time.localtime(received.wall)), style="dim")
        line.append(f"{received.event or 'webhook'} ", style="cyan")
        line.append(_gist(received))
        line.append(f"  seq {received.sequence or '-'} try {received.attempt or '-'}  ", style="dim")
        line.append(f"signature {received.verdict}", style=_COLOURS[received.verdict])
        if received.manner != "ok":
            answer = received.answered or "no answer"
            line.append(f"  answered {answer} ({received.manner})", style="magenta")
        self._console.print(line)


def _gist(received: Received) -> str:
    body: Any = received.body
    if not isinstance(body, dict):
        return received.text[:60].replace("\n", " ") or "(empty)"
    if "status_id" in body:
        return f"#{body.get('sms_id')} to {body.get('sendto')}: {body['status_id']} {body.get('status_message', '')}"
    if "address" in body:
        text = body.get("img_url") or str(body.get("body", ""))[:80].replace("\n", " ⏎ ")
        return f"#{body.get('sms_id')} from {body['address']}: {text}"
    return received.text[:60].replace("\n", " ")
