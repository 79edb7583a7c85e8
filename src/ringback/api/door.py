"""The /v1 door as one FastAPI application, and how refusals leave the house."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringback import __doc__ as description
from ringback.api import deliveries, endpoints, messages
from ringback.domain.problems import Problem
from ringback.runtime import Runtime
from ringback.wire import problem as wire

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
log = structlog.get_logger()


def door(rt: Runtime, trial: endpoints.Trial) -> FastAPI:
    """``trial`` sends a sample to an endpoint: the engine's, which this floor does not know."""
    api = FastAPI(
        title="Ringback",
        summary=description,
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page loads from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=handlers(),
    )
    api.state.rt = rt
    for router in (messages.router(rt), endpoints.router(rt, trial), deliveries.router(rt)):
        api.include_router(router)
    return api


def handlers() -> dict[int | type[Exception], Handler]:
    return {
        Problem: _problem,
        RequestValidationError: _invalid,
        HTTPException: _http,
        Exception: _failed,
    }


def answer(problem: Problem) -> Response:
    return Response(
        wire.body(problem),
        status_code=problem.kind.status,
        media_type=wire.CONTENT_TYPE,
        headers=wire.headers(problem),
    )


async def _problem(_request: Request, exc: Problem) -> Response:
    return answer(exc)


async def _invalid(_request: Request, exc: RequestValidationError) -> Response:
    first = exc.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "NewMessage", "list[NewMessage]")]
    if first["type"] == "json_invalid":
        return answer(
            Problem("malformed", f"The body is not valid JSON: {first.get('ctx', {}).get('error', '')}.")
        )
    return answer(Problem("invalid", f"{first['msg']}.", field=".".join(place) or None))


async def _http(request: Request, exc: HTTPException) -> Response:
    if exc.status_code == 404:
        return answer(Problem("not_found", f"There is nothing at {request.url.path}."))
    if exc.status_code == 405:
        return answer(Problem("method_not_allowed", f"{request.url.path} does not take {request.method}."))
    return answer(Problem("malformed", f"{exc.detail}."))


async def _failed(request: Request, exc: Exception) -> Response:
    log.error("request.failed", method=request.method, path=request.url.path, exc_info=exc)
    return answer(
        Problem(
            "internal",
            "Ringback failed to answer this request. Nothing is lost that was acknowledged before.",
        )
    )
