"""What a run came to: a table for people, a line of JSON for comparing, and the full story of a breach."""

import json
import os
import platform
import sqlite3
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.crash.course import Course
from bench.crash.judge import CHANGED, DUPLICATE, LOST, ORDER, STRANGE, UNSIGNED, Breach, Verdict

RESULTS = Path("bench/results/crash.jsonl")
_SHOWN = 5  # breaches that are told in full


def figures(course: Course, verdict: Verdict, *, seed: int, seconds: float, in_flight: int) -> dict[str, Any]:
    kinds = Counter(kill.kind for kill in course.kills)
    return {
        "kills": len(course.kills),
        "kinds": dict(sorted(kinds.items())),
        "acknowledged": verdict.acknowledged,
        "delivered": verdict.delivered,
        "lost": verdict.count(LOST),
        "order_violations": verdict.count(ORDER),
        "duplicates_explained": verdict.duplicates.total(),
        "duplicates_unexplained": verdict.count(DUPLICATE),
        "duplicates_most_at_one_kill": max(verdict.duplicates.values(), default=0),
        "duplicates_bound": in_flight,
        "duplicates_oldest_s": round(verdict.oldest, 3),
        "changed_repeats": verdict.count(CHANGED),
        "bad_signatures": verdict.count(UNSIGNED),
        "uncaused": verdict.count(STRANGE),
        "unacknowledged_delivered": verdict.unacknowledged,
        "requests_unanswered": course.said.unanswered,
        "arrivals": len(course.receiver.arrivals),
        "retries": verdict.retries,
        "drained_s": None if course.drained is None else round(course.drained, 1),
        "seconds": round(seconds, 1),
        "seed": seed,
    }


def show(console: Console, found: dict[str, Any]) -> None:
    table = Table(title="Crash proof", show_header=False)
    kinds = ", ".join(f"{kind} {count}" for kind, count in found["kinds"].items())
    rows: list[tuple[str, object]] = [
        ("kills (SIGKILL)", f"{found['kills']}: {kinds}"),
        ("events acknowledged", found["acknowledged"]),
        ("… of these delivered", found["delivered"]),
        ("lost", found["lost"]),
        ("order violations", found["order_violations"]),
        ("duplicates explained by a kill", found["duplicates_explained"]),
        (
            "… most at one kill",
            f"{found['duplicates_most_at_one_kill']} ({found['duplicates_bound']} may be in flight)",
        ),
        ("… answered at most before the kill", f"{found['duplicates_oldest_s']} s"),
        ("duplicates unexplained", found["duplicates_unexplained"]),
        ("repeats with another id or body", found["changed_repeats"]),
        ("bad signatures", found["bad_signatures"]),
        ("arrivals that nobody caused, wrong answers", found["uncaused"]),
        ("arrivals in all", f"{found['arrivals']}, {found['retries']} of them retries"),
        ("delivered though the answer was cut off", found["unacknowledged_delivered"]),
        ("drained after", "never" if found["drained_s"] is None else f"{found['drained_s']} s"),
        ("seconds", found["seconds"]),
        ("seed", found["seed"]),
    ]
    for name, value in rows:
        table.add_row(name, str(value))
    console.print(table)


def keep(found: dict[str, Any]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(sys.orig_argv),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs",
        "versions": {
            "ringback": version("ringback"),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
        **found,
    }
    with RESULTS.open("a") as results:
        results.write(json.dumps(line) + "\n")


def tell(console: Console, course: Course, breaches: Sequence[Breach]) -> None:
    """The first few breaches, each with all that is known of its message, in the order of time."""
    for breach in breaches[:_SHOWN]:
        console.print(f"[bold red]{breach.kind}[/]: message {breach.sms_id}: {breach.words}", highlight=False)
        for at, words in sorted(_story(course, breach.sms_id)):
            console.print(f"  {at:10.3f}  {words}", markup=False, highlight=False, soft_wrap=True)
    if len(breaches) > _SHOWN:
        console.print(f"… and {len(breaches) - _SHOWN} more")


def _story(course: Course, sms_id: int) -> list[tuple[float, str]]:
    story: list[tuple[float, str]] = []
    for (message, status), claim in course.said.claims.items():
        if message == sms_id:
            story.append((claim.asked, f"status {status} is said"))
            if claim.acknowledged is not None:
                story.append((claim.acknowledged, f"status {status} is acknowledged in life {claim.life}"))
    for arrival in course.receiver.arrivals:
        if arrival.sms_id == sms_id:
            words = (
                f"{arrival.endpoint} gets status {arrival.status}, sequence {arrival.sequence}, attempt {arrival.attempt},"
                f" {arrival.webhook_id} in life {arrival.life}"
            )
            story.append((arrival.at, words))
            if arrival.answer is not None:
                story.append(
                    (arrival.answered, f"… and answers {arrival.answer} to sequence {arrival.sequence}")
                )
    if story:
        first, last = min(story)[0], max(story)[0]
        story += [
            (kill.at, f"KILL of life {kill.life} ({kill.kind})")
            for kill in course.kills
            if first < kill.at < last
        ]
    return story
