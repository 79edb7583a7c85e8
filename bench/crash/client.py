"""How the outside world talks to the server: it says a thing again until it is answered."""

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.crash.ledger import Said

_KNOCK_EVERY = 0.01  # seconds; short, so that each life sees load from its first moment
_PAUSE = 0.03  # after an answer that was cut off, or a 503
_PATIENCE = aiohttp.ClientTimeout(total=15)


class Client:
    def __init__(self, url: str, said: Said) -> None:
        self.said = said
        self._address = urlsplit(url)
        self._door = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            url, connector=aiohttp.TCPConnector(limit=0), timeout=_PATIENCE, raise_for_status=False
        )

    async def close(self) -> None:
        await self._session.close()

    async def say(
        self,
        method: str,
        path: str,
        bearer: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The answer, once there is one; None if the server refuses what a correct one does not (that is in the ledger)."""
        headers = {"Authorization": f"Bearer {bearer}", **(headers or {})}
        while True:
            try:
                async with self._session.request(method, path, json=body, headers=headers) as answer:
                    content = await answer.read()
                    if answer.status < 300:
                        return await answer.json()
                    if answer.status < 500:
                        words = f"{method} {path} {body} → {answer.status} {content.decode()}"
                        self.said.refused.append(words[:1000])
                        return None
            except aiohttp.ClientConnectorError:  # nobody was there to hear it
                await self._knock()
                continue
            except (aiohttp.ClientError, OSError, TimeoutError):
                self.said.unanswered += 1  # it may have been kept, and may not
            await asyncio.sleep(_PAUSE)

    async def _knock(self) -> None:
        """Until the server is there. One knocks and the others wait behind it: a starting server needs the processor."""
        async with self._door:
            while True:
                try:
                    _, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
                except OSError:
                    await asyncio.sleep(_KNOCK_EVERY)
                else:
                    writer.close()
                    return


def now() -> float:
    return time.monotonic()
