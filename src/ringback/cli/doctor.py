"""ringback doctor: looks at everything that a delivery depends on, and says what to do."""

import asyncio
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import typer

from ringback.cli.terminal import Data, Json, house, out
from ringback.cli.terminal import say as answer
from ringback.delivery import trial
from ringback.domain.endpoints import Fault, State
from ringback.domain.problems import Problem
from ringback.domain.times import iso
from ringback.runtime import Runtime
from ringback.store import deliveries, endpoints
from ringback.store.engines import address_left, quick_check, refuse_network_file_system

_SCARCE = 500 * 1024 * 1024  # bytes
_SKEW = 30  # seconds: receivers refuse signatures that are minutes off
_PATIENCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``advice`` says what to do where it is not well."""

    what: str
    well: bool
    words: str
    advice: str = ""


def doctor(*, data: Data = None, as_json: Json = False) -> None:
    """Check database, disk, pictures, clock, public URL and every endpoint. Ends with 1 if something is not well.

    Each endpoint is sent one test webhook (event webhook.test).
    """
    with house(data) as rt:
        findings = []
        for finding in _look(rt):
            findings.append(finding)
            if not as_json:
                out.print(
                    f"{'ok  ' if finding.well else 'BAD '} {finding.what}: {finding.words}", markup=False
                )
                if finding.advice:
                    out.print(f"     -> {finding.advice}", markup=False)
    ill = [finding for finding in findings if not finding.well]
    if as_json:
        answer([asdict(finding) for finding in findings], "", as_json=True)
    else:
        out.print(
            f"{len(findings)} checks, {len(ill)} not well." if ill else f"{len(findings)} checks, all well."
        )
    if ill:
        raise typer.Exit(1)


def _look(rt: Runtime) -> Iterator[Finding]:
    yield _check(
        "database", lambda: _database(rt), "restore the last copy, or move the file away and start anew"
    )
    yield _disk(rt)
    yield _check("pictures", lambda: _pictures(rt), "see RINGBACK_BLOBS_URL in `ringback settings`")
    yield from _server(rt)
    for row in rt.db.look(endpoints.all_rows):
        yield _endpoint(rt, row)


def _check(what: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(what=what, well=True, words=look())
    except (Problem, OSError, RuntimeError) as exc:
        return Finding(what=what, well=False, words=str(exc), advice=advice)


def _database(rt: Runtime) -> str:
    refuse_network_file_system(rt.settings.folder.resolve())
    fault = rt.db.look(quick_check)
    if fault is not None:
        raise RuntimeError(f"the file is damaged: {fault}")
    return "readable and sound"


def _disk(rt: Runtime) -> Finding:
    free = shutil.disk_usage(rt.settings.folder).free
    words = f"{free // 2**20} MB free in {rt.settings.folder}"
    if free > _SCARCE:
        return Finding(what="disk", well=True, words=words)
    return Finding(what="disk", well=False, words=words, advice="make room: a full disk refuses new messages")


def _pictures(rt: Runtime) -> str:
    asyncio.run(rt.blobs.check())
    return "written, read and deleted one"


def _server(rt: Runtime) -> Iterator[Finding]:
    """The public URL answers, and a clock elsewhere agrees with ours (or is this machine's own)."""
    settings = rt.settings
    # The port may have been given on the command line: the running server knows best.
    address = settings.address if settings.public_url else address_left(settings.folder) or settings.address
    advice = "start the server, or set RINGBACK_PUBLIC_URL to the address that the world reaches it by"
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=_PATIENCE) as found:  # noqa: S310 -- the operator's own setting
            date = found.headers.get("Date")
    except (OSError, ValueError) as exc:
        words = f"{address}/health does not answer: {exc}"
        yield Finding(what="public URL", well=False, words=words, advice=advice)
        return
    yield Finding(what="public URL", well=True, words=f"{address} answers")
    if date is not None:
        skew = time.time() - parsedate_to_datetime(date).timestamp()
        yield _clock(skew)


def _clock(skew: float) -> Finding:
    if abs(skew) <= _SKEW:
        return Finding(what="clock", well=True, words="agrees with the server's")
    return Finding(
        what="clock",
        well=False,
        words=f"this machine and the server differ by {abs(skew):.0f} seconds",
        advice="run a time service (chrony, systemd-timesyncd): receivers refuse signatures with a wrong time",
    )


def _endpoint(rt: Runtime, row: Mapping[Any, Any]) -> Finding:
    what = f"endpoint {row['id']} {row['url']}"
    waiting = rt.db.look(deliveries.backlog, row["id"])
    oldest = rt.db.look(deliveries.oldest_pending, row["id"])
    queue = f"{waiting} waiting, the oldest since {iso(oldest)}" if oldest is not None else "nothing waiting"
    if row["state"] == State.PAUSED:
        advice = f"when the receiver is ready: ringback endpoint resume {row['id']}"
        return Finding(what=what, well=False, words=f"paused ({row['note']}); {queue}", advice=advice)
    try:
        outcome = trial.run_now(rt, row, trial.Sample.STATUS).outcome
    except (ValueError, Problem) as exc:
        return Finding(
            what=what,
            well=False,
            words=f"cannot be used: {exc}",
            advice="see RINGBACK_SECRET_KEY, or set its URL anew",
        )
    if outcome.succeeded:
        return Finding(
            what=what, well=True, words=f"answers {outcome.status} in {outcome.duration} ms; {queue}"
        )
    words = f"{outcome.error}; {queue}"
    return Finding(what=what, well=False, words=words, advice=_advice(outcome.fault, outcome.status))


_ADVICE = {
    Fault.DNS: "check the name in the URL, and this machine's resolver",
    Fault.CONNECT: "is the receiver running and its port open to this machine?",
    Fault.TLS: "check the receiver's certificate (name, date, chain); an own authority is set with `ringback endpoint set --ca`",
    Fault.TIMEOUT: "the receiver must answer in time: let it store the webhook and answer first, then work",
    Fault.PROTOCOL: "what answers there does not speak HTTP as it should: is it the right port, http or https?",
    Fault.REFUSED: "if this address is yours, open it with the named setting",
    Fault.OURS: "this machine's own network or resolver fails: check its routes and DNS",
}


def _advice(fault: Fault | None, status: int | None) -> str:
    if fault is not None:
        return _ADVICE[fault]
    if status is not None and 300 <= status < 400:
        return "set the final URL: ringback endpoint set --url"
    if status in (401, 403):
        return "the receiver refuses us: does it want a token in the URL, or verify with another secret?"
    if status in (404, 405):
        return "the path is not the receiver's webhook address, or takes no POST"
    return "look into the receiver's own log"
