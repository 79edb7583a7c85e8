"""The /v1 door as one FastAPI application."""

from fastapi import FastAPI

from ringback import __doc__ as description
from ringback.api import deliveries, endpoints, messages
from ringback.api.answers import handlers
from ringback.runtime import Runtime


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
