"""The schema's versions: brings a database up to this program's, in one transaction."""

from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from ringback.store.engines import open_engine

HEAD = "0001"  # the newest revision; a test holds it true


def upgrade(url: URL) -> bool:
    """Bring the database to HEAD; True if anything had to be done. RuntimeError if it cannot be used, or
    is newer than this program.
    """
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            if current(connection) == HEAD:
                return False
            _run_migrations(connection)
            return True
    except DBAPIError as exc:
        raise RuntimeError(f"the database {url.database} cannot be used: {exc.orig}") from exc
    finally:
        engine.dispose()


def current(connection: Connection) -> str | None:
    """The database's revision; none if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _run_migrations(connection: Connection) -> None:
    # Imported only when there is something to do: it costs a fifth of a start.
    from alembic import command  # noqa: PLC0415 -- as said above
    from alembic.config import Config  # noqa: PLC0415 -- as said above
    from alembic.util import CommandError  # noqa: PLC0415 -- as said above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        raise RuntimeError(
            f"this database was written by a newer Ringback ({exc}): install that version or newer"
        ) from exc
