"""The settings: environment variables ``RINGBACK_*``, each with its default and its meaning, read once at start."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ringback.domain.networks import parse_networks

PREFIX = "RINGBACK_"
_NOT_SETTINGS = frozenset({"RINGBACK_FAILPOINT"})  # the crash test's (failpoints.py)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times are seconds unless said otherwise."""

    data: Annotated[str, Meta(description="Folder for the database, pictures and keys (--data)")] = (
        "ringback-data"
    )
    host: Annotated[str, Meta(description="Address to listen on (--host)")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Port to listen on (--port); 0 picks a free one")
    ] = 8000
    public_url: Annotated[
        str, Meta(description="How the world reaches this server, for picture links; empty: http://HOST:PORT")
    ] = ""
    database_url: Annotated[str, Meta(description="SQLAlchemy URL; empty: SQLite in the data folder")] = ""
    blobs_url: Annotated[
        str,
        Meta(description="Where pictures go: a folder, or s3://bucket?endpoint=…; empty: the data folder"),
    ] = ""
    secret_key: Annotated[
        str,
        Meta(
            description="Base64 of 32 bytes that seal secrets in the database; empty: the key file in the data folder"
        ),
    ] = ""
    allow_webhooks_to: Annotated[
        str,
        Meta(
            description="Private networks that webhooks may go to: 10.0.0.0/8,127.0.0.1 or the words private, loopback"
        ),
    ] = ""
    webhook_timeout: Annotated[
        float, Meta(gt=0, le=30, description="A webhook request may take so long, in all")
    ] = 15.0
    webhook_connect_timeout: Annotated[
        float, Meta(gt=0, le=30, description="Connecting may take so long")
    ] = 5.0
    report_timeout: Annotated[
        float, Meta(ge=10, description="A message that a phone took and says nothing of fails after so long")
    ] = 3600.0
    keep_attempts_days: Annotated[
        int, Meta(ge=1, description="Attempts of webhooks are kept so many days")
    ] = 30
    keep_events_days: Annotated[
        int, Meta(ge=8, description="Finished events and deliveries are kept so many days")
    ] = 90
    max_image_mb: Annotated[int, Meta(ge=1, le=100, description="The largest picture, in MB")] = 16
    log_format: Annotated[str, Meta(pattern="^(auto|console|json)$", description="auto, console or json")] = (
        "auto"
    )
    log_level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$", description="debug, info, warning, error")
    ] = "info"

    @property
    def folder(self) -> Path:
        return Path(self.data).expanduser()

    @property
    def address(self) -> str:
        """The base of links, without a slash at its end."""
        return self.public_url.rstrip("/") or self.local_address

    @property
    def local_address(self) -> str:
        """How this machine reaches the server."""
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104 -- names, not a binding
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read(environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """The environment's settings; what was ``given`` (and is not None) on the command line goes before. ValueError, with
    the variable's name, for a value that cannot be.
    """
    names = {f"{PREFIX}{field.upper()}": field for field in Settings.__struct_fields__}
    unknown = sorted(
        name for name in environment if name.startswith(PREFIX) and name not in {*names, *_NOT_SETTINGS}
    )
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, 1)
        raise ValueError(
            f"{unknown[0]} is no setting{f'; did you mean {near[0]}?' if near else ''} (see `ringback settings`)"
        )
    values: dict[str, Any] = {
        names[name]: value for name, value in environment.items() if name in names and value != ""
    }
    values.update({name: value for name, value in given.items() if value is not None})
    settings = Settings()
    for name, value in values.items():
        try:
            changed = msgspec.convert({name: value}, Settings, strict=False)
        except msgspec.ValidationError as exc:
            words = str(exc).partition(" - at")[0]
            raise ValueError(f"{PREFIX}{name.upper()}={value}: {words}") from exc
        settings = msgspec.structs.replace(settings, **{name: getattr(changed, name)})
    try:
        parse_networks(settings.allow_webhooks_to)
    except ValueError as exc:
        raise ValueError(f"{PREFIX}ALLOW_WEBHOOKS_TO: {exc}") from exc
    return settings


def table(settings: Settings) -> list[tuple[str, str, str]]:
    """(variable, its value now, meaning) for each setting; a key's value is not shown."""
    rows = []
    for field in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined] # a Struct's info has fields
        value = str(getattr(settings, field.name))
        meta = (field.type.extra_json_schema or {}) if hasattr(field.type, "extra_json_schema") else {}
        shown = "(set)" if field.name == "secret_key" and value else value
        rows.append((f"{PREFIX}{field.name.upper()}", shown, str(meta.get("description", ""))))
    return rows
