"""A Problem as RFC 9457 has it."""

import msgspec

from ringback.domain.problems import Problem

CONTENT_TYPE = "application/problem+json"


def body(problem: Problem) -> bytes:
    form: dict[str, object] = {
        "type": f"urn:ringback:problem:{problem.code}",
        "title": problem.kind.title,
        "status": int(problem.kind.status),
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.field is not None:
        form["field"] = problem.field
    return msgspec.json.encode(form)


def headers(problem: Problem) -> dict[str, str]:
    extra = {}
    if problem.retry_after is not None:
        extra["Retry-After"] = str(problem.retry_after)
    if problem.code == "unauthorized":
        extra["WWW-Authenticate"] = "Bearer"
    return extra
