"""ringback serve and ringback settings."""

import logging
import socket
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
import typer

from ringback import settings
from ringback.cli.terminal import Data, Json, fail, out, say, show
from ringback.domain.problems import Problem
from ringback.runtime import Runtime, open_runtime
from ringback.store.accounts import listing
from ringback.store.engines import leave_address, lock, quick_check, refuse_network_file_system

CHECKED_AT_START = 64 * 1024 * 1024  # bytes: read in less than half a second


def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port to listen on (8000); 0 picks a free one.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run the server until it is told to stop (SIGTERM, Ctrl-C); what is in flight is finished."""
    try:
        chosen = settings.read(data=data, host=host, port=port)
        chosen.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_network_file_system(chosen.folder.resolve())
        held = lock(chosen.folder)
        listener = _listen(chosen.host, chosen.port)
        if not chosen.port:
            chosen = settings.read(data=data, host=host, port=listener.getsockname()[1])
        set_up_logs(chosen)
        rt = open_runtime(chosen)
        _check_file(rt)
    except (ValueError, OSError, RuntimeError, Problem) as exc:
        fail(str(exc))
    # Imported only here: what it brings along takes longer than most commands do.
    from ringback.cli.server import Server  # noqa: PLC0415 -- as said

    with held:
        leave_address(held, chosen.local_address)
        _greet(rt, as_json=as_json)
        Server(rt).run(sockets=[listener])


def _check_file(rt: Runtime) -> None:
    """A damaged file is found before it gets worse. A large one is left to `ringback doctor`: reading it all takes too long."""
    file = Path(rt.db.url.database or "")
    if file.stat().st_size <= CHECKED_AT_START and (fault := rt.db.look(quick_check)) is not None:
        rt.db.stop()
        raise RuntimeError(f"the database {file} is damaged ({fault}): restore your last copy of it")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise OSError(
            f"cannot listen on {host}:{port} ({exc.strerror}): choose another --port, or stop what uses it"
        ) from exc
    listener.set_inheritable(True)
    return listener


def _greet(rt: Runtime, *, as_json: bool) -> None:
    if as_json:
        say({"url": rt.settings.address, "data": str(rt.settings.folder)}, "", as_json=True)
        return
    address = rt.settings.address
    out.print(f"Ringback is at {address} (data in {rt.settings.folder}); stop it with Ctrl-C.", markup=False)
    if not rt.db.look(listing):
        out.print("Next, in another terminal: ringback account add you@example.com", markup=False)


def set_up_logs(chosen: settings.Settings) -> None:
    """One structured line for each thing, on stderr: for people on a terminal, as JSON anywhere else."""
    to_people = chosen.log_format == "console" or (chosen.log_format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[chosen.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if to_people
            else structlog.processors.JSONRenderer(serializer=_as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
    # What it finds wrong with a caller's form is told to the caller.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def _as_json(line: object, **_options: object) -> str:
    """Several times faster than the stdlib's: there is one line for each attempt."""
    return msgspec.json.encode(line, enc_hook=str).decode()


def show_settings(*, data: Data = None, as_json: Json = False) -> None:
    """Show every setting: its environment variable, its value now, its meaning."""
    try:
        chosen = settings.read(data=data)
    except ValueError as exc:
        fail(str(exc))
    rows = [
        {"variable": name, "value": value, "meaning": meaning}
        for name, value, meaning in settings.table(chosen)
    ]
    show(rows, "settings", as_json=as_json)
