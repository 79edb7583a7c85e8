"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving import Server

from ringback import settings
from ringback.runtime import Runtime, open_runtime


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    """A house without doors, in this process, on a fresh database."""
    opened = open_runtime(settings.read({}, data=str(tmp_path / "data"), allow_webhooks_to="loopback"))
    yield opened
    opened.db.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data") as running:
        yield running
