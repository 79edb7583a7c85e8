"""ringback device."""

from typing import Annotated

import typer

from ringback.cli.terminal import Data, Json, checked, house, say, show
from ringback.domain.addresses import parse_prefixes
from ringback.domain.channels import Channel
from ringback.domain.lifecycle import FIRING, Status
from ringback.domain.problems import Problem
from ringback.domain.times import iso
from ringback.service import accounts, devices
from ringback.store import devices as store

device = typer.Typer(no_args_is_help=True, help="Devices: phones and modems, each with six channel slots.")


@device.command("add")
def add_device(
    email: Annotated[str, typer.Option("--account", metavar="EMAIL")],
    title: Annotated[str, typer.Option("--title", metavar="T")],
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a device and its key, which is shown this once."""
    with house(data) as rt:
        device_id, key = devices.add(rt, accounts.account_id(rt, email), title)
    say(
        {"device_id": device_id, "device_key": key},
        f"Device {device_id} ({title}) is there.\nIts key, shown this once: {key}\n"
        f"Next: ringback device set {device_id} --status-webhook URL --incoming-webhook 0=URL",
        as_json=as_json,
    )


@device.command("pair")
def pair_device(device_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """Make a code with which a phone becomes this device: once, within 15 minutes."""
    with house(data) as rt:
        if rt.db.look(store.row, device_id) is None:
            raise Problem("not_found", f"There is no device {device_id}: see `ringback device list`.")
        code = devices.new_pairing_code(rt, device_id)
    say(
        {"device_id": device_id, "code": code},
        f"Pairing code for device {device_id}, good once, for 15 minutes: {code}\n"
        'The phone sends it: POST /phone/v1/pair {"code": "' + code + '"}',
        as_json=as_json,
    )


@device.command("set")
def set_device(
    device_id: int,
    *,
    title: Annotated[str | None, typer.Option("--title", metavar="T")] = None,
    status_webhook: Annotated[
        str | None, typer.Option("--status-webhook", help="Where statuses go; '' for nowhere.", metavar="URL")
    ] = None,
    incoming_webhook: Annotated[
        list[str] | None,
        typer.Option(
            "--incoming-webhook",
            help="Where a slot's incoming messages go; '' for nowhere.",
            metavar="SLOT=URL",
        ),
    ] = None,
    fires: Annotated[
        str | None,
        typer.Option(
            "--fires", help="Status ids that fire the webhook, such as 6,7,8; 'all'.", metavar="LIST"
        ),
    ] = None,
    pause: Annotated[
        float | None, typer.Option("--pause", min=0, max=86400, help="Seconds between messages of a channel.")
    ] = None,
    pause_random: Annotated[
        float | None,
        typer.Option("--pause-random", min=0, max=86400, help="Up to so many seconds more, by chance."),
    ] = None,
    plus: Annotated[
        str | None,
        typer.Option("--plus", help="Add + to numbers that start with one of these, such as 49,7."),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change a device's settings. A new endpoint's secret is shown this once."""
    changed = devices.DeviceChange(
        device_id=device_id,
        title=None if title is None else devices.checked_title(title),
        status_webhook=status_webhook,
        incoming_webhooks=dict(_slot(text) for text in incoming_webhook or ()),
        status_ids=None if fires is None else _status_ids(fires),
        plus_prefixes=None if plus is None else _prefixes(plus),
        pause=None if pause is None else round(pause * 1000),
        pause_random=None if pause_random is None else round(pause_random * 1000),
    )
    with house(data) as rt:
        endpoints = devices.change(rt, changed)
    words = [f"Device {device_id} is changed."]
    for endpoint in endpoints:
        words.append(f"Endpoint {endpoint.endpoint_id}: {endpoint.url}")
        if endpoint.secret is not None:
            words.append(f"  its secret, shown this once: {endpoint.secret}")
    rows = [{"endpoint_id": one.endpoint_id, "url": one.url, "secret": one.secret} for one in endpoints]
    say({"device_id": device_id, "endpoints": rows}, "\n".join(words), as_json=as_json)


@device.command("list")
def list_devices(
    email: Annotated[str | None, typer.Option("--account", metavar="EMAIL")] = None,
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List devices, and when they were heard of last."""
    with house(data) as rt:
        rows = rt.db.look(store.listing, None if email is None else accounts.account_id(rt, email))
    shown = [
        {
            "device_id": row["id"],
            "account": row["email"],
            "title": row["title"],
            "last_seen_at": iso(row["last_seen_at"]) if row["last_seen_at"] else None,
        }
        for row in rows
    ]
    show(shown, "devices", as_json=as_json)


def _slot(text: str) -> tuple[Channel, str]:
    slot, separator, url = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"'{text}': give SLOT=URL, such as 0=https://example.com/incoming")
    try:
        return Channel(int(slot)), url
    except ValueError as exc:
        raise checked(f"'{slot}' is not a slot: give 0 to 5", exc) from exc


def _status_ids(text: str) -> frozenset[Status]:
    if text == "all":
        return frozenset(FIRING)
    try:
        chosen = frozenset(Status(int(part)) for part in text.split(",") if part.strip())
    except ValueError as exc:
        raise checked("give status ids, separated by commas", exc) from exc
    if not chosen <= frozenset(FIRING):
        raise typer.BadParameter(
            f"only {', '.join(str(int(status)) for status in FIRING)} can fire a status webhook"
        )
    return chosen


def _prefixes(text: str) -> tuple[str, ...]:
    try:
        return parse_prefixes(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
