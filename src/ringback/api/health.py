"""Is the server there, and does its database answer? For people, load balancers and tests."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from ringback.runtime import Runtime
from ringback.store.accounts import is_there

_HELLO = """Ringback is running.

Make an account:   ringback account add you@example.com
Add a phone:       ringback device add --account you@example.com --title "My phone"
The API:           /v1/messages, described in /v1/openapi.json
The phones' API:   /phone/v1/
"""


def routes(rt: Runtime) -> list[Route]:
    async def health(_request: Request) -> JSONResponse:
        await rt.db.read(is_there)  # a Problem, and so a 503, if it does not answer
        return JSONResponse({"status": "ok"})

    async def hello(_request: Request) -> PlainTextResponse:
        return PlainTextResponse(_HELLO)

    return [Route("/health", health, methods=["GET"]), Route("/", hello, methods=["GET"])]
