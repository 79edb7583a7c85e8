"""One server for each file of journeys, and a receiver for each test: nobody hears another's webhooks."""

from collections.abc import Iterator

import pytest
from tests.journeys.stage import Ear, checked
from tests.serving import Server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with checked(Server(tmp_path_factory.mktemp("house") / "data")) as running:
        yield running


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear() as listening:
        yield listening
