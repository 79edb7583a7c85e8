"""The demo's terminal page: live on a terminal, line by line elsewhere."""

import time
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from phonesim.demo.play import Expectation

_AROUND = 7  # lines above and below the table
_FAILED = frozenset({8, 9, 10, 11, 12, 100, 101})


class Page:
    def __init__(self, console: Console, expectation: Expectation) -> None:
        self._console = console
        self._expectation = expectation
        self._started = time.monotonic()
        self._step = ""
        self._rows: list[tuple[Text, ...]] = []
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def step(self, words: str) -> None:
        """What is going on right now."""
        self._step = words
        if self._live is None:
            self._console.print(f"... {words}", markup=False)
        self._refresh()

    def webhook(self, webhook: Mapping[str, Any]) -> None:
        verdict = webhook["verdict"]
        signature = Text(
            "verified" if verdict == "ok" else verdict, style="green" if verdict == "ok" else "bold red"
        )
        event, gist = self._words(webhook["body"])
        moment = Text(f"{time.monotonic() - self._started:5.1f} s", style="dim")
        row = (moment, event, gist, Text(str(webhook["sequence"]), style="dim"), signature)
        self._rows.append(row)
        if self._live is None:
            self._console.print(Text("  ").join(row), soft_wrap=True)
        self._refresh()

    def _words(self, body: Mapping[str, Any]) -> tuple[Text, Text]:
        if "status_id" in body:
            act = self._expectation.sent.get(body["sms_id"])
            name = f" ({act.name})" if act is not None else ""
            style = "red" if body["status_id"] in _FAILED else "green" if body["status_id"] == 7 else ""
            event = Text(f"status {body['status_id']}", style=style or "cyan")
            return event, Text(f"#{body['sms_id']}{name}: {body['status_message']}", style=style)
        what = body.get("img_url") or body["body"]
        return Text(f"incoming {body['type']}", style="magenta"), Text(
            f"#{body['sms_id']} from {body['address']}: {what}"
        )

    def render(self, height: int | None = None) -> Group:
        """All of it, or as much of its end as fits into so many lines."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, options in (
            ("time", {}),
            ("webhook", {}),
            ("what", {"overflow": "fold"}),
            ("seq", {}),
            ("signature", {}),
        ):
            table.add_column(name, **options)  # type: ignore[arg-type] # the options are add_column's own
        for row in self._rows[-max(1, height - _AROUND) :] if height else self._rows:
            table.add_row(*row)
        arrived, expected = self._expectation.arrived, self._expectation.expected
        count = Text(f"\n{arrived} of {expected} webhooks  ·  {self._step}", style="bold")
        return Group(Text("Ringback: messages out, webhooks back", style="bold"), Text(), table, count)

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self.render(self._console.height), refresh=True)
