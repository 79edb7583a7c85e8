"""Who calls /v1: the account of the token in the Authorization header."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from ringback.runtime import Runtime
from ringback.service import identity

_scheme = HTTPBearer(auto_error=False, description="An API token of the account")


async def _account(request: Request, _bearer: Annotated[object, Depends(_scheme)]) -> int:
    rt: Runtime = request.app.state.rt
    return await identity.account_of(rt, identity.bearer(request.headers.get("authorization")))


Account = Annotated[int, Depends(_account)]
