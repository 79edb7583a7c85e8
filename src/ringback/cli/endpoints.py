"""ringback endpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ringback.cli.terminal import Data, Json, fail, house, say, show
from ringback.delivery import trial
from ringback.domain.times import SECOND, iso, parse
from ringback.runtime import Runtime
from ringback.service import deliveries, endpoints
from ringback.store import deliveries as deliveries_store
from ringback.store import endpoints as store

endpoint = typer.Typer(
    no_args_is_help=True, help="Endpoints: where webhooks go, their secrets and their health."
)
delivery = typer.Typer(
    no_args_is_help=True, help="Deliveries: one event for one endpoint, and every attempt."
)


@endpoint.command("list")
def list_endpoints(*, data: Data = None, as_json: Json = False) -> None:
    """List all endpoints with their health and backlog."""
    with house(data) as rt:
        rows = [_shown(rt, row) for row in rt.db.look(store.all_rows)]
    show(rows, "endpoints", as_json=as_json)


@endpoint.command("set")
def set_endpoint(
    endpoint_id: int,
    *,
    url: Annotated[
        str | None, typer.Option("--url", help="It moves there, and what waits for it too.")
    ] = None,
    payload: Annotated[str | None, typer.Option("--payload", help="exact or extended.")] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, max=30, help="Seconds for a request.")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="PEM file of the authority to trust.", exists=True, dir_okay=False),
    ] = None,
    client_certificate: Annotated[
        Path | None,
        typer.Option(
            "--client-certificate",
            help="PEM file with certificate and key.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    min_tls: Annotated[str | None, typer.Option("--min-tls", help="1.2 or 1.3.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change an endpoint's settings."""
    if payload not in (None, "exact", "extended"):
        raise typer.BadParameter("--payload may be exact or extended")
    with house(data) as rt:
        values = endpoints.tls_columns(
            rt.sealer,
            ca=_text(ca),
            client_certificate=_text(client_certificate),
            min_tls=min_tls,
        )
        if url is not None:
            values["url"] = endpoints.offer(rt, url).url
        if payload is not None:
            values["extended"] = payload == "extended"
        if timeout is not None:
            values["timeout"] = round(timeout * SECOND)
        _change(rt, endpoints.EndpointChange(endpoint_id=endpoint_id, account_id=None, values=values))
    say({"endpoint_id": endpoint_id}, f"Endpoint {endpoint_id} is changed.", as_json=as_json)


@endpoint.command("pause")
def pause(endpoint_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Send nothing there; nothing is lost."""
    with house(data) as rt:
        _change(rt, endpoints.pause(endpoint_id, None))
    say(
        {"endpoint_id": endpoint_id},
        f"Endpoint {endpoint_id} is paused; its deliveries wait.",
        as_json=as_json,
    )


@endpoint.command("resume")
def resume(endpoint_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Go on, from the oldest delivery."""
    with house(data) as rt:
        _change(rt, endpoints.resume(endpoint_id, None))
    say({"endpoint_id": endpoint_id}, f"Endpoint {endpoint_id} goes on.", as_json=as_json)


@endpoint.command("rotate")
def rotate(
    endpoint_id: int,
    overlap: Annotated[
        float, typer.Option("--overlap", min=0, help="Hours in which both secrets sign.")
    ] = 24.0,
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """A new secret, shown this once; the earlier one signs too for a while."""
    with house(data) as rt:
        row = row_of(rt, endpoint_id)
        secret, values = endpoints.rotated(rt.sealer, row, rt.clock.now(), round(overlap * 3600 * SECOND))
        _change(rt, endpoints.EndpointChange(endpoint_id=endpoint_id, account_id=None, values=values))
    say(
        {"endpoint_id": endpoint_id, "secret": secret},
        f"Endpoint {endpoint_id}'s new secret, shown this once: {secret}\nThe earlier one signs too for {overlap:g} hours.",
        as_json=as_json,
    )


@endpoint.command("sign")
def sign(endpoint_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Sign with an ed25519 key too (v1a); the public key is for the receiver."""
    with house(data) as rt:
        row_of(rt, endpoint_id)
        public, values = endpoints.with_signing_key(rt.sealer)
        _change(rt, endpoints.EndpointChange(endpoint_id=endpoint_id, account_id=None, values=values))
    say(
        {"endpoint_id": endpoint_id, "public_key": public},
        f"Endpoint {endpoint_id} has a v1a signature too; its public key: {public}",
        as_json=as_json,
    )


@endpoint.command("test")
def send_test(
    endpoint_id: int,
    sample: Annotated[
        trial.Sample, typer.Option("--sample", help="Which form to send.")
    ] = trial.Sample.STATUS,
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send a sample now and show what is answered. Ends with 1 if it was not taken."""
    with house(data) as rt:
        row = row_of(rt, endpoint_id)
        try:
            tried = trial.run_now(rt, row, sample)
        except ValueError as exc:
            fail(f"The endpoint cannot be used: {exc}")
    outcome = tried.outcome
    value = {
        "url": tried.url,
        "headers": list(tried.headers),
        "body": tried.body.decode(),
        "succeeded": outcome.succeeded,
        "status": outcome.status,
        "fault": outcome.fault,
        "error": outcome.error,
        "duration": outcome.duration / SECOND,
        "answer": outcome.answer.decode(errors="replace"),
    }
    words = f"answered {outcome.status}" if outcome.succeeded else outcome.error or "no answer"
    lines = [f"POST {tried.url}", *(f"  {line}" for line in tried.headers), f"  {tried.body.decode()}"]
    lines += [f"{words} after {outcome.duration} ms", f"  {value['answer']}" if outcome.answer else ""]
    say(value, "\n".join(lines).rstrip(), as_json=as_json)
    if not outcome.succeeded:
        raise typer.Exit(1)


@endpoint.command("replay")
def replay_since(
    endpoint_id: int,
    since: Annotated[str, typer.Option("--since", help="ISO 8601.")],
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send again everything of an endpoint since a moment."""
    try:
        moment = parse(since)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    with house(data) as rt:
        account_id = row_of(rt, endpoint_id)["account_id"]
        done = deliveries.replay_now(
            rt, deliveries.Replay(account_id=account_id, endpoint_id=endpoint_id, since=moment)
        )
    say_replayed(done, as_json=as_json)


def say_replayed(done: Mapping[str, int], *, as_json: bool) -> None:
    words = f"{done['replayed']} go again; {done['skipped']} are on their way already."
    say(done, words, as_json=as_json)


def row_of(rt: Runtime, endpoint_id: int) -> Mapping[Any, Any]:
    row = rt.db.look(store.row, endpoint_id)
    if row is None:
        fail(f"There is no endpoint {endpoint_id}: see `ringback endpoint list`.")
    return row


def _text(file: Path | None) -> str | None:
    """What is no text is no PEM either, and is refused as that."""
    return None if file is None else file.read_text(errors="replace")


def _change(rt: Runtime, changed: endpoints.EndpointChange) -> None:
    rt.db.write_now(endpoints.change_endpoints, changed)


def _shown(rt: Runtime, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "endpoint_id": row["id"],
        "account_id": row["account_id"],
        "url": row["url"],
        "state": row["state"],
        "note": row["note"],
        "backlog": rt.db.look(deliveries_store.backlog, row["id"]),
        "last_success_at": iso(row["last_success_at"]) if row["last_success_at"] else None,
    }
