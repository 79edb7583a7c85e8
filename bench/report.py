"""Tables for people, JSON lines for whoever compares two days."""

import json
import math
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Book
from bench.machine import machine, versions

RESULTS = Path(__file__).parent / "results"
_FILE = "bench.jsonl"


def show(console: Console, name: str, about: str, book: Book, *, n: int, runs: int) -> None:
    console.print(f"\n[bold]{name}[/]: {about} (n = {n:,}, runs = {runs})", highlight=False)
    table = Table()
    table.add_column("figure")
    for column in ("median", "least", "most"):
        table.add_column(column, justify="right")
    table.add_column("")
    for figure, series in book.series.items():
        values = (series.median, min(series.samples), max(series.samples))
        table.add_row(figure, *(shown(value) for value in values), series.unit)
    console.print(table)


def shown(value: float) -> str:
    """Three digits that matter."""
    if value == 0 or math.isinf(value):
        return f"{value:.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def keep(
    name: str, book: Book, *, n: int, runs: int, rate: float, error: str | None, folder: Path = RESULTS
) -> None:
    """Append one line: all samples, and everything that is needed to measure them again."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "scenario": name,
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "n": n,
        "runs": runs,
        "rate": rate,
        "error": error,
        "machine": machine(),
        "versions": versions(),
        "figures": {
            figure: {"unit": series.unit, "median": series.median, "samples": series.samples}
            for figure, series in book.series.items()
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _FILE).open("a") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
