"""ringback account, token and plan."""

from typing import Annotated

import typer

from ringback.cli.terminal import Data, Json, checked, house, say, show
from ringback.domain.channels import ALL, Channel
from ringback.domain.plans import DEFAULT, Plan
from ringback.domain.times import DatetimeFormat, iso
from ringback.service import accounts
from ringback.store import accounts as store

account = typer.Typer(no_args_is_help=True, help="Accounts: whose messages and devices they are.")
token = typer.Typer(no_args_is_help=True, help="API tokens of an account.")
plan = typer.Typer(no_args_is_help=True, help="Plans: what an account may do.")

TimeZone = Annotated[
    str | None, typer.Option("--time-zone", help="IANA name, such as Europe/Berlin.", metavar="TZ")
]
Language = Annotated[str | None, typer.Option("--language", help="en or ru.", metavar="xx")]
PlanName = Annotated[str | None, typer.Option("--plan", help="The account's plan.", metavar="NAME")]
Format = Annotated[
    DatetimeFormat | None, typer.Option("--datetime-format", help="How its webhooks write times.")
]


@account.command("add")
def add_account(
    email: str,
    *,
    password: Annotated[
        str | None, typer.Option("--password", help="For signing in; 8 characters at least.")
    ] = None,
    plan_name: PlanName = None,
    time_zone: TimeZone = None,
    language: Language = None,
    datetime_format: Format = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an account and its first API token, which is shown this once."""
    with house(data) as rt:
        account_id, secret = accounts.add(
            rt,
            email=email,
            password=password,
            plan=plan_name or DEFAULT,
            time_zone=time_zone or "UTC",
            language=language or "en",
            datetime_format=datetime_format or DatetimeFormat.PLAIN,
        )
    say(
        {"account_id": account_id, "email": email.strip().lower(), "token": secret},
        f"Account {account_id} ({email}) is there.\nIts API token, shown this once: {secret}\n"
        f"Next: ringback device add --account {email} --title 'My phone'",
        as_json=as_json,
    )


@account.command("set")
def set_account(
    email: str,
    *,
    plan_name: PlanName = None,
    time_zone: TimeZone = None,
    language: Language = None,
    datetime_format: Format = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change an account; a new plan holds at once."""
    with house(data) as rt:
        account_id = accounts.account_id(rt, email)
        accounts.change(
            rt,
            accounts.AccountChange(
                account_id=account_id,
                plan=plan_name,
                time_zone=time_zone,
                language=language,
                datetime_format=datetime_format,
            ),
        )
    say({"account_id": account_id}, f"Account {account_id} ({email}) is changed.", as_json=as_json)


@account.command("list")
def list_accounts(*, data: Data = None, as_json: Json = False) -> None:
    """List all accounts."""
    with house(data) as rt:
        rows = rt.db.look(store.listing)
    show([dict(row) for row in rows], "accounts", as_json=as_json)


@token.command("add")
def add_token(
    email: Annotated[str, typer.Option("--account", metavar="EMAIL")],
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "api",
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make another API token; it is shown this once."""
    with house(data) as rt:
        token_id, secret = accounts.add_token(rt, accounts.account_id(rt, email), label)
    say(
        {"token_id": token_id, "token": secret},
        f"Token {token_id}, shown this once: {secret}",
        as_json=as_json,
    )


@token.command("list")
def list_tokens(
    email: Annotated[str, typer.Option("--account", metavar="EMAIL")],
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List an account's tokens (not the secrets: these are not kept)."""
    with house(data) as rt:
        rows = rt.db.look(store.tokens_of, accounts.account_id(rt, email))
    shown = [
        {
            "token_id": row["id"],
            "label": row["label"],
            "created_at": iso(row["created_at"]),
            "revoked_at": iso(row["revoked_at"]) if row["revoked_at"] else None,
        }
        for row in rows
    ]
    show(shown, "tokens", as_json=as_json)


@token.command("revoke")
def revoke_token(token_id: int, *, data: Data = None, as_json: Json = False) -> None:
    """End a token."""
    with house(data) as rt:
        rt.db.write_now(accounts.revoke_tokens, token_id)
    say({"token_id": token_id}, f"Token {token_id} is revoked.", as_json=as_json)


@plan.command("set")
def set_plan(
    name: str,
    *,
    webhooks: Annotated[
        bool | None, typer.Option("--webhooks/--no-webhooks", help="Are webhooks sent?")
    ] = None,
    channels: Annotated[
        str | None, typer.Option("--channels", help="Slots, such as 0,1,3.", metavar="LIST")
    ] = None,
    devices: Annotated[int | None, typer.Option("--devices", min=0, help="At most so many.")] = None,
    messages: Annotated[
        int | None, typer.Option("--messages-per-month", min=0, help="At most so many outgoing.")
    ] = None,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="No limits on devices and messages.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a plan, or change what is given; it holds at once for its accounts."""
    with house(data) as rt:
        before = accounts.plan(rt, name) or Plan(name=name)
        changed = Plan(
            name=name,
            webhooks=before.webhooks if webhooks is None else webhooks,
            channels=before.channels if channels is None else _channels(channels),
            max_devices=None if unlimited else before.max_devices if devices is None else devices,
            max_messages=None if unlimited else before.max_messages if messages is None else messages,
        )
        rt.db.write_now(accounts.save_plans, changed)
    shown = _plan_row(changed)
    say(
        shown,
        f"Plan {name}: " + ", ".join(f"{key} {value}" for key, value in shown.items() if key != "name"),
        as_json=as_json,
    )


@plan.command("list")
def list_plans(*, data: Data = None, as_json: Json = False) -> None:
    """List all plans."""
    with house(data) as rt:
        rows = rt.db.look(store.plan_rows)
    show([_plan_row(store.as_plan(row)) for row in rows], "plans", as_json=as_json)


def _channels(text: str) -> frozenset[Channel]:
    try:
        return frozenset(Channel(int(part)) for part in text.split(",") if part.strip())
    except ValueError as exc:
        raise checked(f"give slots from 0 to {max(ALL)}, separated by commas", exc) from exc


def _plan_row(shown: Plan) -> dict[str, object]:
    return {
        "name": shown.name,
        "webhooks": shown.webhooks,
        "channels": ",".join(str(int(slot)) for slot in sorted(shown.channels)),
        "max_devices": shown.max_devices,
        "max_messages": shown.max_messages,
    }
