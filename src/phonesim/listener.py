"""An ASGI app on a socket inside a running asyncio program: starts and ends at once, and lets the app cut connections."""

import asyncio
import socket
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_TRANSPORT = "phonesim.transport"


class _Protocol(HttpToolsProtocol):
    """Leaves the transport where ``transport_of`` finds it; ASGI has no way to hang up."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}


def transport_of(scope: Scope) -> asyncio.Transport:
    return cast(asyncio.Transport, scope["extensions"][_TRANSPORT]["transport"])


class Listener:
    """uvicorn's protocol without its server: that one takes signals, ticks and lingers a while when it ends."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """OSError where the port is taken."""
        config = uvicorn.Config(
            self._app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,  # a sender's idle connections last longer than the pause between two webhooks
        )
        config.load()
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        sock = socket.create_server((self._host, self._port), family=family, backlog=2048)
        self._port = sock.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Protocol(config=config, server_state=self._state, app_state={}), sock=sock, backlog=2048
        )

    async def close(self) -> None:
        """Hangs up on everybody, gives the app a moment to notice, and ends what did not."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if tasks := set(self._state.tasks):
            _, deaf = await asyncio.wait(tasks, timeout=0.1)
            for task in deaf:
                task.cancel()
            await asyncio.gather(*deaf, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
