"""``make bench [SCENARIO=name] [RUNS=n] [N=n]``: exit 1 if something does not work, never because something is slow."""

import gc
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bench import Broken, report
from bench.scenario import Bench, Scenario
from bench.scenarios import SCENARIOS
from bench.stand import Stand

RUNS = 5
RATE = 500.0  # events a second where the rate is fixed

console = Console()
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="Only this one; may be given again.", metavar="NAME"),
    ] = None,
    runs: Annotated[
        int, typer.Option("--runs", min=1, help="Of each; figures are medians over them.")
    ] = RUNS,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Events of each scenario, instead of its own number.")
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, help="Events a second where the rate is fixed.")
    ] = RATE,
    folder: Annotated[
        Path, typer.Option("--folder", help="On the disk that is to be measured.")
    ] = report.RESULTS,
    listing: Annotated[bool, typer.Option("--list", help="Show the scenarios.")] = False,
) -> None:
    """Measure Ringback, and append what was seen to bench/results/bench.jsonl."""
    if listing:
        for one in SCENARIOS.values():
            console.print(f"{one.name:<10} {one.about} (n = {one.n:,})", highlight=False)
        return
    chosen = scenario or list(SCENARIOS)
    unknown = [name for name in chosen if name not in SCENARIOS]
    if unknown:
        raise typer.BadParameter(f"there is no scenario {unknown[0]}: choose of {', '.join(SCENARIOS)}")
    # The generator's own pauses would be seen as the server's. A bench ends before memory does.
    gc.disable()
    scenarios = [SCENARIOS[name] for name in chosen]
    broken = uvloop.run(_play(scenarios, runs=runs, n=n, rate=rate, folder=folder))
    raise typer.Exit(1 if broken else 0)


async def _play(
    scenarios: list[Scenario], *, runs: int, n: int | None, rate: float, folder: Path
) -> list[str]:
    """The names of those that did not work."""
    broken = []
    async with Stand(folder) as stand:
        for scenario in scenarios:
            count = n or scenario.n
            error = await _play_one(scenario, stand, runs=runs, n=count, rate=rate)
            if error is not None:
                broken.append(scenario.name)
    return broken


async def _play_one(scenario: Scenario, stand: Stand, *, runs: int, n: int, rate: float) -> str | None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[doing]}"),
    )
    error = None
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task(scenario.name, total=runs, doing="")
        bench = Bench(stand=stand, n=n, runs=runs, rate=rate, progress=progress, task=task)
        try:
            await scenario.run(bench)
        except Broken as exc:
            error = str(exc)
    report.show(console, scenario.name, scenario.about, bench.book, n=n, runs=runs)
    if error is not None:
        console.print(f"[bold red]{scenario.name} does not work:[/] {error}")
    report.keep(scenario.name, bench.book, n=n, runs=runs, rate=rate, error=error)
    return error


if __name__ == "__main__":
    app()
