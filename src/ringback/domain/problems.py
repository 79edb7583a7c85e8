"""Everything that can be refused: one table of codes, one exception that carries its words."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Kind:
    """What all problems of one code have in common."""

    status: HTTPStatus
    title: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(HTTPStatus.BAD_REQUEST, "The request cannot be read"),
    "unauthorized": Kind(HTTPStatus.UNAUTHORIZED, "The token or key is missing or not known"),
    "webhook_address_refused": Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Webhooks may not go to this address"),
    "channel_not_in_plan": Kind(HTTPStatus.FORBIDDEN, "The plan does not include this channel"),
    "quota_exceeded": Kind(HTTPStatus.FORBIDDEN, "The plan's limit is reached"),
    "not_found": Kind(HTTPStatus.NOT_FOUND, "There is no such thing here"),
    "method_not_allowed": Kind(HTTPStatus.METHOD_NOT_ALLOWED, "This address does not take this method"),
    "conflict": Kind(HTTPStatus.CONFLICT, "This contradicts what is there already"),
    "too_large": Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large"),
    "not_an_image": Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The file is not an image that can be taken"),
    "invalid": Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "A value is not acceptable"),
    "internal": Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Ringback failed; its log says why"),
    "unavailable": Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Not possible right now; try again"),
}


class Problem(Exception):  # noqa: N818 -- RFC 9457 calls it a problem; it is also passed as a value
    """A refusal, raised or returned: it has changed nothing.

    ``code`` is a key of KINDS and stable; ``detail`` says in words what is wrong and what to do;
    ``field`` is the path of the offending value, such as ``"2.to"`` for the third item's ``to``;
    ``retry_after`` is in seconds.
    """

    def __init__(
        self, code: str, detail: str, *, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[code]
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after = retry_after
