"""The command line: `ringback --help` shows it all."""

import sys

import typer

from ringback.cli import accounts, deliveries, devices, doctor, endpoints, messages, serve
from ringback.cli.terminal import err
from ringback.domain.problems import Problem

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Ringback turns phones into message channels and rings your backend back. Start with: ringback serve",
)


app.command("serve")(serve.serve)
app.command("settings")(serve.show_settings)
app.command("doctor")(doctor.doctor)
app.add_typer(accounts.account, name="account")
app.add_typer(accounts.token, name="token")
app.add_typer(accounts.plan, name="plan")
app.add_typer(devices.device, name="device")
app.add_typer(messages.message, name="message")
app.add_typer(endpoints.endpoint, name="endpoint")
app.add_typer(deliveries.delivery, name="delivery")


def main() -> None:
    try:
        app()
    except Problem as exc:
        err.print(f"ringback: {exc.detail}", markup=False)
        sys.exit(1)
