from collections.abc import AsyncIterator

import pytest
from tests.phonesim.fake_server import FakeServer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        yield fake
