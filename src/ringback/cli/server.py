"""uvicorn, as `ringback serve` runs it."""

from types import FrameType

import uvicorn

from ringback.app import build
from ringback.runtime import Runtime

GRACE = 15  # seconds for requests that are under way when the server is told to stop


class Server(uvicorn.Server):
    """Phones that wait in a long poll would hold a stop up: they are sent home first."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        super().__init__(
            uvicorn.Config(
                build(rt),
                loop="uvloop",
                http="httptools",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nothing here asks who is behind a proxy
                date_header=True,
                timeout_graceful_shutdown=GRACE,
                timeout_keep_alive=75,
                backlog=2048,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._rt.bell.close()
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # being told to stop and having stopped is success, not death by signal
