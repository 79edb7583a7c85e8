"""The schema has one truth: what migrations make is what the tables say, and the newest revision is known."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from ringback.store import migrations, schema
from ringback.store.engines import database_url, open_engine
from ringback.store.tables import metadata


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return database_url("", tmp_path)


def written(url: URL) -> set[tuple[str, str, str]]:
    """(kind, name, SQL) of everything in the database, white space and order of columns' constraints apart."""
    with sqlite3.connect(str(url.database)) as connection:
        found = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
        ).fetchall()
    connection.close()
    return {(kind, name, _lines(sql)) for kind, name, sql in found}


def _lines(sql: str) -> str:
    lines = [line.strip().rstrip(",") for line in sql.replace("(\n", "\n").splitlines()]
    return "\n".join([lines[0], *sorted(line for line in lines[1:] if line)]).replace('"', "")


def test_migrated_and_fresh_are_the_same(url: URL, tmp_path: Path) -> None:
    assert schema.upgrade(url)
    fresh = database_url(f"sqlite:///{tmp_path / 'fresh.db'}", tmp_path)
    engine = open_engine(fresh)
    metadata.create_all(engine)
    assert written(url) == written(fresh)
    assert len(written(url)) > 30  # tables and indexes were really read


def test_alembic_finds_no_difference(url: URL) -> None:
    schema.upgrade(url)
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_head_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_upgrading_once_is_enough(url: URL) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        assert schema.current(connection) is None
    assert schema.upgrade(url)
    assert not schema.upgrade(url)
    with engine.begin() as connection:
        assert schema.current(connection) == schema.HEAD


def test_a_newer_database_is_refused_in_words(url: URL) -> None:
    schema.upgrade(url)
    before = written(url)
    with sqlite3.connect(str(url.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(RuntimeError, match=r"written by a newer Ringback .*9999.* install that version"):
        schema.upgrade(url)
    assert written(url) == before
