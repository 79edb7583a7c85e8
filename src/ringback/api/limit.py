"""No request may be larger than the largest picture: more is refused before it is held in memory."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.api.answers import answer
from ringback.domain.problems import Problem

_AROUND_A_PICTURE = 1024 * 1024  # a form's other parts


class BodyLimit:
    """ASGI middleware. ``max_image_mb`` is the setting."""

    def __init__(self, app: ASGIApp, max_image_mb: int) -> None:
        self._app = app
        self._most = max_image_mb * 1024 * 1024 + _AROUND_A_PICTURE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._most:
                await answer(self._problem())(scope, receive, send)
                return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                # As HTTPException, for FastAPI takes anything else for JSON that cannot be read.
                raise HTTPException(413, self._problem().detail)
            return message

        await self._app(scope, counted, send)

    def _problem(self) -> Problem:
        return Problem("too_large", f"The request is larger than {self._most} bytes: send less at once.")
