"""`ringback-phone`: a phone, or a fleet of them, as a program."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from phonesim.behaviour import Behaviour, Outcome
from phonesim.errand import Errand, split_incoming
from phonesim.ledger import Ledger
from phonesim.narrator import Narrator
from phonesim.scenario import Receive, ReceiveImage, load_scenario

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    *,
    server: Annotated[str, typer.Option(help="Where Ringback is.")] = "http://127.0.0.1:8000",
    key: Annotated[
        list[str] | None, typer.Option(help="A device's key; one phone for each.", show_default=False)
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option(help="A pairing code; one phone for each.", show_default=False)
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds that a poll waits for messages.", min=0, max=60)] = 25,
    limit: Annotated[int, typer.Option(help="Messages taken at once.", min=1, max=100)] = 15,
    batch: Annotated[int, typer.Option(help="Reports or incoming told in one call.", min=1, max=1000)] = 100,
    outcome: Annotated[Outcome, typer.Option(help="What becomes of messages.")] = Outcome.DELIVERED,
    status: Annotated[
        int | None, typer.Option(help="The status id that messages end with.", show_default=False)
    ] = None,
    fail_rate: Annotated[
        float, typer.Option(help="Only that share fails (with --status, default 9).", min=0, max=1)
    ] = 0,
    send_time: Annotated[float, typer.Option(help="Seconds from taken (2) to sent (6).", min=0)] = 0.3,
    delivery_time: Annotated[
        float, typer.Option(help="Seconds from sent (6) to delivered (7).", min=0)
    ] = 0.7,
    repeat: Annotated[int, typer.Option(help="Tells everything so many extra times.", min=0)] = 0,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Reports of a message in random order.")] = False,
    offline_after: Annotated[
        int | None, typer.Option(help="Off line after so many messages …", min=1, show_default=False)
    ] = None,
    offline_for: Annotated[float, typer.Option(help="… for so many seconds.", min=0)] = 10,
    receive: Annotated[
        list[str] | None,
        typer.Option(help="ADDRESS:BODY comes in; {n} in it is a number. Repeatable.", show_default=False),
    ] = None,
    receive_image: Annotated[
        list[str] | None,
        typer.Option(help="ADDRESS:FILE comes in; 'demo' is a ready-made picture.", show_default=False),
    ] = None,
    channel: Annotated[int, typer.Option(help="The channel that they come in on.", min=0, max=5)] = 0,
    receive_every: Annotated[
        float | None,
        typer.Option(help="One of them every so many seconds, for ever.", min=0.0001, show_default=False),
    ] = None,
    messages: Annotated[
        int | None,
        typer.Option(help="Ends after so many messages, all phones together.", min=0, show_default=False),
    ] = None,
    lasting: Annotated[
        float | None, typer.Option("--for", help="Ends after so many seconds.", min=0, show_default=False)
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(help="Timed steps, JSON or TOML (see phonesim/scenario.py).", show_default=False),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Appends what the server has acknowledged, fsynced.", dir_okay=False)
    ] = None,
    max_pause: Annotated[float, typer.Option(help="The longest pause between retries.", min=0.1)] = 15,
    seed: Annotated[int | None, typer.Option(help="Makes chance repeatable.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line for each thing that it does.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Says nothing.")] = False,
) -> None:
    """A simulated phone: takes messages from Ringback, reports on them, and passes on what it receives."""
    book = None
    try:
        texts = [split_incoming(text, "BODY") for text in receive or []]
        images = [split_incoming(text, "FILE") for text in receive_image or []]
        book = Ledger(ledger) if ledger else None
        errand = Errand(
            server=server,
            keys=key or [],
            codes=pair or [],
            wait=wait,
            limit=limit,
            batch=batch,
            behaviour=Behaviour(
                outcome=outcome,
                status=status,
                fail_rate=fail_rate,
                send_time=send_time,
                delivery_time=delivery_time,
                repeat=repeat,
                shuffle=shuffle,
            ),
            offline_after=offline_after,
            offline_for=offline_for,
            receives=[
                *(Receive(address=address, body=body, channel_id=channel) for address, body in texts),
                *(ReceiveImage(address=address, file=file, channel_id=channel) for address, file in images),
            ],
            every=receive_every,
            messages=messages,
            lasting=lasting,
            scenario=load_scenario(scenario) if scenario else [],
            max_pause=max_pause,
            seed=seed,
            ledger=book,
            tell=Narrator(as_json=as_json, quiet=quiet).tell,
        )
        # uvicorn knows whether there is a faster loop than asyncio's.
        with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
            welcome = runner.run(errand.run())
    except (OSError, ValueError) as exc:
        raise typer.BadParameter(str(exc)) from exc
    finally:
        if book:
            book.close()
    if not welcome:
        raise typer.Exit(1)


def main() -> None:
    app()
