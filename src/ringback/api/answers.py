"""How refusals leave the house: every exception becomes problem+json, here and nowhere else."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringback.domain.problems import Problem
from ringback.wire import problem as wire

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
log = structlog.get_logger()

# What is sent may be one form or a list of them, and a time may be text or a number. pydantic names all of these in
# the place of an error; the caller only knows the names that he wrote.
_FORM, _LIST = "NewMessage", "list[NewMessage]"
_FASTAPI_UNREADABLE = "There was an error parsing the body"
_UNREADABLE = "The body cannot be read as JSON: it is not UTF-8, is nested too deeply, or has a number that is too long."
_KINDS = frozenset({_FORM, _LIST, "str", "float"})


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
    first = _telling(exc.errors(), exc.body)
    if first["type"] == "json_invalid":
        return answer(
            Problem("malformed", f"The body is not valid JSON: {first.get('ctx', {}).get('error', '')}.")
        )
    if isinstance(exc.body, bytes):
        return answer(
            Problem("malformed", "Send the body as JSON, with the header 'Content-Type: application/json'.")
        )
    if first["loc"] == ("body",) and first["type"] == "missing":
        return answer(Problem("malformed", "The body is missing: send it as JSON."))
    place = [str(part) for part in first["loc"][1:] if part not in _KINDS]
    return answer(Problem("invalid", f"{first['msg']}.", field=".".join(place) or None))


def _telling(errors: Sequence[Mapping[str, Any]], body: object) -> Mapping[str, Any]:
    """The first error, of those about the form that the caller chose."""
    other = _FORM if isinstance(body, list) else _LIST
    return next((error for error in errors if other not in error["loc"]), errors[0])


async def _http(request: Request, exc: HTTPException) -> Response:
    if exc.status_code == 404:
        return answer(Problem("not_found", f"There is nothing at {request.url.path}."))
    if exc.status_code == 405:
        refused = answer(Problem("method_not_allowed", f"{request.url.path} does not take {request.method}."))
        refused.headers.update(exc.headers or {})
        return refused
    if exc.status_code == 413:
        return answer(Problem("too_large", exc.detail))
    detail = _UNREADABLE if exc.detail == _FASTAPI_UNREADABLE else f"{exc.detail.rstrip('.')}."
    return answer(Problem("malformed", detail))


async def _failed(request: Request, exc: Exception) -> Response:
    log.error("request.failed", method=request.method, path=request.url.path, exc_info=exc)
    return answer(
        Problem(
            "internal",
            "Ringback failed to answer this request. Nothing is lost that was acknowledged before.",
        )
    )
