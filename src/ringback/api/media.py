"""Pictures by their unguessable names: what ``img_url`` points to when the server itself serves them."""

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from ringback.domain.problems import Problem
from ringback.runtime import Runtime

_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
}
# The bytes are a stranger's: a browser may show them as a picture and do nothing else with them.
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Disposition": "inline",
}


def routes(rt: Runtime) -> list[Route]:
    async def picture(request: Request) -> StreamingResponse:
        name: str = request.path_params["name"]
        kind = _TYPES.get(name.rpartition(".")[2])
        found = await rt.blobs.stream(name) if kind else None
        if found is None:
            raise Problem("not_found", "There is no such picture.")
        size, stream = found
        return StreamingResponse(stream, media_type=kind, headers={**_SAFE, "Content-Length": str(size)})

    return [Route("/media/{name:path}", picture, methods=["GET"])]
