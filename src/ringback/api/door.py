"""The /v1 door as one FastAPI application."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from ringback import __doc__ as description
from ringback.api import deliveries, endpoints, health, media, messages
from ringback.api.answers import handlers
from ringback.api.limit import BodyLimit
from ringback.runtime import Runtime


def door(
    rt: Runtime, trial: endpoints.Trial, routes: Sequence[BaseRoute], lifespan: Callable[[Any], Any]
) -> FastAPI:
    """The application: ``routes`` are the other doors', looked at first. ``trial`` sends a sample to an endpoint: the engine's,
    which this floor does not know.
    """
    api = FastAPI(
        title="Ringback",
        summary=description,
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page loads from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=handlers(),
        routes=[*routes, *media.routes(rt), *health.routes(rt)],
        middleware=[Middleware(BodyLimit, max_image_mb=rt.settings.max_image_mb)],
        lifespan=lifespan,
    )
    api.state.rt = rt
    for router in (messages.router(rt), endpoints.router(rt, trial), deliveries.router(rt)):
        api.include_router(router)
    return api
