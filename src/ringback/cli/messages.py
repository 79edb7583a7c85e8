"""ringback message."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ringback.cli.terminal import Data, Json, house, say
from ringback.domain.channels import Channel
from ringback.domain.lifecycle import Status
from ringback.domain.messages import MAX_BODY, Outgoing
from ringback.domain.problems import Problem
from ringback.domain.times import iso, parse
from ringback.domain.wording import API_TITLES
from ringback.service import outbound
from ringback.store import devices as devices_store
from ringback.store import messages as store

message = typer.Typer(no_args_is_help=True, help="Messages: sending one, and its story.")


@message.command("send")
def send_message(
    to: str,
    body: str,
    *,
    device_id: Annotated[int, typer.Option("--device", help="The device that sends it.")],
    channel: Annotated[int, typer.Option("--channel", min=0, max=5, help="The slot.")] = 0,
    send_at: Annotated[str | None, typer.Option("--send-at", help="Not before (ISO 8601).")] = None,
    expires_at: Annotated[str | None, typer.Option("--expires-at", help="Not after (ISO 8601).")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="The same key is the same message.")
    ] = None,
    urgent: Annotated[bool, typer.Option("--urgent", help="Before all that is not urgent.")] = False,
    customerid: Annotated[int | None, typer.Option("--customerid", help="Your own id.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put a message in a device's queue."""
    if not body.strip() or len(body) > MAX_BODY:
        raise typer.BadParameter(f"the body must have 1 to {MAX_BODY} characters")
    try:
        due_at = None if send_at is None else parse(send_at)
        expires = None if expires_at is None else parse(expires_at)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    with house(data) as rt:
        row = rt.db.look(devices_store.row, device_id)
        if row is None:
            raise Problem("not_found", f"There is no device {device_id}: see `ringback device list`.")
        outgoing = Outgoing(
            to=to,
            body=body,
            device_id=device_id,
            channel=Channel(channel),
            due_at=due_at,
            expires_at=expires,
            idempotency_key=idempotency_key,
            urgent=urgent,
            customerid=customerid,
        )
        submission = outbound.Submission(account_id=row["account_id"], messages=[outgoing])
        [accepted] = rt.db.write_now(outbound.take_submissions, submission)
    say(
        {"sms_id": accepted.sms_id, "status_id": accepted.status_id},
        f"Message {accepted.sms_id} is {API_TITLES[Status(accepted.status_id)]!r}; follow it: ringback message show {accepted.sms_id}",
        as_json=as_json,
    )


@message.command("show")
def show_message(sms_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Show a message and all that was said of it."""
    with house(data) as rt:
        row = rt.db.look(store.show, None, sms_id)
        if row is None:
            raise Problem("not_found", f"There is no message {sms_id}.")
        history = rt.db.look(store.history, sms_id)
    value = {
        "sms_id": row["id"],
        "status_id": row["status_id"],
        "device_id": row["device_id"],
        "channel_id": row["channel_id"],
        "address": row["address"],
        "body": row["body"],
        "reason": row["reason"],
        "history": [_told(report) for report in history],
    }
    way = "from" if row["status_id"] == Status.INCOMING else "to"
    lines = [
        f"Message {row['id']} {way} {row['address']}: {API_TITLES[Status(row['status_id'])]}",
        f"  {row['body']}",
    ]
    lines += [
        f"  {told['at']}  {told['status']}{'  (late)' if told['late'] else ''}{'  ' + told['reason'] if told['reason'] else ''}"
        for told in (_told(report) for report in history)
    ]
    say(value, "\n".join(lines), as_json=as_json)


def _told(report: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "status_id": report["status_id"],
        "status": API_TITLES[Status(report["status_id"])],
        "at": iso(report["at"]),
        "late": bool(report["late"]),
        "reason": report["reason"],
    }
