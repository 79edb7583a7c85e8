"""ringback delivery."""

from typing import Annotated

import typer

from ringback.cli.endpoints import row_of, say_replayed
from ringback.cli.terminal import Data, Json, house, show
from ringback.domain.deliveries import State
from ringback.domain.events import webhook_id
from ringback.domain.problems import Problem
from ringback.domain.times import iso
from ringback.runtime import Runtime
from ringback.service import deliveries
from ringback.store import deliveries as store

delivery = typer.Typer(
    no_args_is_help=True, help="Deliveries: one event for one endpoint, and every attempt."
)


@delivery.command("list")
def list_deliveries(
    endpoint_id: Annotated[int, typer.Option("--endpoint")],
    state: Annotated[
        str | None, typer.Option("--state", help="pending, waiting, blocked, done or parked.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List an endpoint's deliveries, newest first."""
    if state is not None and state.upper() not in State.__members__:
        raise typer.BadParameter(f"--state may be {', '.join(one.name.lower() for one in State)}")
    with house(data) as rt:
        states = [State[state.upper()]] if state else []
        account_id = row_of(rt, endpoint_id)["account_id"]
        rows = rt.db.look(
            lambda connection: store.listing(
                connection, account_id, endpoint_id=endpoint_id, states=states, limit=limit
            )
        )
    shown = [
        {
            "delivery_id": row["id"],
            "webhook_id": webhook_id(row["event_id"], row["nonce"]),
            "event": row["kind"],
            "sms_id": row["message_id"],
            "sequence": row["sequence"],
            "state": State(row["state"]).name.lower(),
            "attempts": row["attempts"],
            "created_at": iso(row["created_at"]),
        }
        for row in rows
    ]
    show(shown, "deliveries", as_json=as_json)


@delivery.command("show")
def show_delivery(delivery_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Show every attempt of a delivery."""
    with house(data) as rt:
        _owner(rt, delivery_id)
        attempts = rt.db.look(store.attempts_of, delivery_id)
    shown = [
        {
            "at": iso(attempt["at"]),
            "ms": attempt["duration"],
            "status": attempt["status"],
            "fault": attempt["fault"],
            "error": attempt["error"],
            "answer": (attempt["answer"] or b"").decode(errors="replace")[:200],
        }
        for attempt in attempts
    ]
    show(shown, "attempts", as_json=as_json)


@delivery.command("replay")
def replay_delivery(delivery_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Send one delivery again."""
    with house(data) as rt:
        account_id = _owner(rt, delivery_id)
        done = deliveries.replay_now(rt, deliveries.Replay(account_id=account_id, delivery_id=delivery_id))
    say_replayed(done, as_json=as_json)


@delivery.command("replay-parked")
def replay_parked(
    endpoint_id: Annotated[int, typer.Option("--endpoint")], *, data: Data = None, as_json: Json = False
) -> None:
    """Send again all of an endpoint's deliveries that were given up."""
    with house(data) as rt:
        account_id = row_of(rt, endpoint_id)["account_id"]
        done = deliveries.replay_now(rt, deliveries.Replay(account_id=account_id, endpoint_id=endpoint_id))
    say_replayed(done, as_json=as_json)


def _owner(rt: Runtime, delivery_id: int) -> int:
    """The account of a delivery."""
    account_id: int | None = rt.db.look(store.account_of, delivery_id)
    if account_id is None:
        raise Problem("not_found", f"There is no delivery {delivery_id}.")
    return account_id
