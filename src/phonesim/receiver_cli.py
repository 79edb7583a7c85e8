"""`ringback-receiver`: the webhook receiver as a program."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvicorn
from rich.console import Console

from phonesim.ledger import Ledger
from phonesim.misbehaviour import Rule
from phonesim.printout import LinePrinter, print_json
from phonesim.receiver import Receiver

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def receive(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.", min=0, max=65535)] = 9000,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="whsec_…: checks every signature. Repeatable.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line for each webhook.")] = False,
    lines: Annotated[
        bool | None,
        typer.Option(
            "--print/--no-print", help="A line for each webhook (default: on a terminal).", show_default=False
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Appends each webhook to this file before it is answered.", dir_okay=False),
    ] = None,
    fsync: Annotated[
        bool, typer.Option("--fsync", help="The ledger's line is on the disk before the answer.")
    ] = False,
    fail_rate: Annotated[float, typer.Option(help="Answers so many of them with 503.", min=0, max=1)] = 0,
    status: Annotated[
        int | None, typer.Option(help="Answers with this status.", min=200, max=599, show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes chance repeatable.", show_default=False)] = None,
    keep: Annotated[int, typer.Option(help="How many stay in memory for GET /_ctl/ledger.", min=1)] = 10_000,
) -> None:
    """Receives webhooks on any path, checks them, shows them, and answers 200.

    It misbehaves while it runs: POST /_ctl {"status":503,"times":3,"retry_after":2} · {"hang":5} · {"slow":100} ·
    {"redirect":"http://…"} · {"rubbish":1000000} · {"close":true} · {"reset":true} · {"fail_rate":0.2,"seed":1},
    each with {"match":"text in the body"} · {} behaves again. GET /_ctl/ledger is what was received.
    """
    rules = []
    if fail_rate or status is not None:
        rules.append(Rule(status=status, fail_rate=fail_rate or None, seed=seed))
    printing = sys.stdout.isatty() if lines is None else lines
    show = print_json if as_json else LinePrinter().print if printing else None
    book = None
    try:
        book = Ledger(ledger) if ledger else None
        receiver = Receiver(
            *(secret or []), host=host, port=port, rules=rules, ledger=book, fsync=fsync, keep=keep, show=show
        )
        # uvicorn knows whether there is a faster loop than asyncio's.
        with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
            runner.run(_serve(receiver, as_json=as_json))
    except (OSError, ValueError) as exc:
        hint = (
            " Choose another with --port, or any free one with --port 0." if isinstance(exc, OSError) else ""
        )
        Console(stderr=True).print(f"[red]ringback-receiver cannot start:[/] {exc}.{hint}", highlight=False)
        raise typer.Exit(1) from exc
    finally:
        if book:
            book.close()


async def _serve(receiver: Receiver, *, as_json: bool) -> None:
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with receiver:
        line = {"event": "listening", "url": receiver.url}
        print(msgspec.json.encode(line).decode() if as_json else f"listening on {receiver.url}", flush=True)
        await end.wait()


def main() -> None:
    app()
