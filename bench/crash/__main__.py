"""``python -m bench.crash --kills 50 --seed 1``: kill the server again and again, and look for a lost event."""

import argparse
import asyncio
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.crash import report
from bench.crash.course import Broken, Course
from bench.crash.judge import judge
from ringback.delivery.dispatcher import BUDGETS
from ringback.store.database import MAX_BATCH

# Requests under way, and answers whose settlement is not on disk: in the commit under way, and gathering behind it.
IN_FLIGHT = sum(BUDGETS.values()) + 2 * MAX_BATCH
_TOLD_TO_STOP = 130


def main() -> int:
    options = _options()
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="ringback-crash-"))
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[acknowledged]} acknowledged, {task.fields[arrived]} arrived"),
        TimeElapsedColumn(),
        console=console,
    )
    task = bar.add_task("setting up", total=options.kills, acknowledged=0, arrived=0)

    def told(course: Course) -> None:
        bar.update(
            task,
            description=course.stages,
            completed=len(course.kills),
            acknowledged=course.said.acknowledged,
            arrived=len(course.receiver.arrivals),
        )

    course = Course(folder=folder, chance=random.Random(options.seed), told=told)  # noqa: S311 -- by seed
    began = time.monotonic()
    broken = ""
    with bar:
        try:
            asyncio.run(_run(course, options.kills))
        except (Broken, TimeoutError) as exc:
            broken = str(exc) or "it did not come to its end in time"
        except (KeyboardInterrupt, asyncio.CancelledError):
            shutil.rmtree(folder)
            return _TOLD_TO_STOP
    return _conclude(console, course, options.seed, time.monotonic() - began, broken)


async def _run(course: Course, kills: int) -> None:
    task = asyncio.current_task()
    if task is not None:  # told to stop, it takes its server along, as Ctrl-C does
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await course.run(kills)


def _conclude(console: Console, course: Course, seed: int, seconds: float, broken: str) -> int:
    verdict = judge(course.said, course.receiver.arrivals, course.kills, IN_FLIGHT)
    found = report.figures(course, verdict, seed=seed, seconds=seconds, in_flight=IN_FLIGHT)
    found["broken"] = broken
    report.show(console, found)
    report.keep(found)
    if course.drained is None and not broken:
        broken = "the server did not drain"
    if not verdict.breaches and not broken:
        shutil.rmtree(course.folder)
        return 0
    report.tell(console, course, verdict.breaches)
    if broken:
        console.print(f"[bold red]{broken}[/]", highlight=False)
    console.print(f"The server's folder and log are kept in {course.folder}", highlight=False)
    return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how often the server is killed (50)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="chance (any)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
