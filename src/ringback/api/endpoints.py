"""/v1/endpoints: where webhooks go, their health, secrets and settings; pause, resume, test, replay."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from ringback.api.callers import Account
from ringback.api.forms import Form, Id, Replayed, problems
from ringback.domain.endpoints import Outcome
from ringback.domain.problems import Problem
from ringback.domain.times import SECOND, iso, parse
from ringback.runtime import Runtime
from ringback.service import deliveries, endpoints
from ringback.store import deliveries as deliveries_store
from ringback.store import endpoints as store

Trial = Callable[..., Awaitable[Any]]
BACKLOG_CAP = 10_000


class Endpoint(Form):
    endpoint_id: int
    url: str
    state: str = Field(description="healthy, unhealthy or paused")
    note: str | None = Field(description="Why it is not healthy, in words")
    payload: str = Field(description="exact or extended")
    unhealthy_since: str | None
    last_success_at: str | None
    backlog: int = Field(description=f"Deliveries that wait for it, counted up to {BACKLOG_CAP}")
    oldest_waiting_at: str | None
    timeout: float | None = Field(description="Seconds; null: the server's setting")
    min_tls: str | None
    own_ca: bool
    client_certificate: bool
    ed25519: bool = Field(description="Webhooks carry a v1a signature too")
    rotating_until: str | None = Field(description="Until then the earlier secret signs too")


class EndpointChange(Form):
    url: str | None = None
    payload: Annotated[str | None, Field(pattern="^(exact|extended)$")] = None
    timeout: Annotated[float | None, Field(gt=0, le=30)] = None
    ca: str | None = Field(
        default=None, description="PEM of the authority to trust instead of the system's; '' to end that"
    )
    client_certificate: str | None = Field(
        default=None, description="PEM of certificate and key; '' to end that"
    )
    min_tls: str | None = Field(default=None, description="1.2 or 1.3")


class Rotation(Form):
    overlap: float = Field(
        default=86_400, ge=0, le=30 * 86_400, description="Seconds in which both secrets sign"
    )


class Secret(Form):
    secret: str = Field(description="Shown this once")


class PublicKey(Form):
    public_key: str = Field(description="For the receiver to verify v1a signatures with")


class Test(Form):
    sample: Annotated[str, Field(pattern="^(status|text|img)$")] = "status"


class Tested(Form):
    url: str
    headers: list[str]
    body: str
    succeeded: bool
    status: int | None
    fault: str | None
    error: str | None
    duration: float = Field(description="Seconds")
    answer: str


class ReplaySince(Form):
    since: str | float = Field(description="ISO 8601 or unix seconds")


def router(rt: Runtime, trial: Trial) -> APIRouter:
    api = APIRouter(prefix="/v1/endpoints", tags=["endpoints"])

    @api.get("", responses=problems(), summary="All endpoints of the account")
    async def listing(account_id: Account) -> list[Endpoint]:
        rows = await rt.db.read(store.of_account, account_id)
        return [await _shown(rt, row) for row in rows]

    @api.get("/{endpoint_id}", responses=problems(404), summary="One endpoint")
    async def show(endpoint_id: Id, account_id: Account) -> Endpoint:
        return await _shown(rt, await _row(rt, endpoint_id, account_id))

    @api.patch("/{endpoint_id}", responses=problems(400, 404, 409, 422), summary="Change its settings")
    async def change(endpoint_id: Id, changed: EndpointChange, account_id: Account) -> Endpoint:
        """With a new URL, what waits for the endpoint goes there."""
        values = endpoints.tls_columns(
            rt.sealer, ca=changed.ca, client_certificate=changed.client_certificate, min_tls=changed.min_tls
        )
        if changed.url is not None:
            values["url"] = endpoints.offer(rt, changed.url).url
        if changed.payload is not None:
            values["extended"] = changed.payload == "extended"
        if changed.timeout is not None:
            values["timeout"] = round(changed.timeout * SECOND)
        await _write(rt, endpoint_id, account_id, values)
        return await show(endpoint_id, account_id)

    @api.post("/{endpoint_id}/pause", responses=problems(404), summary="Send nothing; lose nothing")
    async def pause(endpoint_id: Id, account_id: Account) -> Endpoint:
        await rt.db.write(endpoints.change_endpoints, endpoints.pause(endpoint_id, account_id))
        return await show(endpoint_id, account_id)

    @api.post("/{endpoint_id}/resume", responses=problems(404), summary="Go on, from the oldest")
    async def resume(endpoint_id: Id, account_id: Account) -> Endpoint:
        await rt.db.write(endpoints.change_endpoints, endpoints.resume(endpoint_id, account_id))
        return await show(endpoint_id, account_id)

    @api.post(
        "/{endpoint_id}/secret", responses=problems(404, 422), summary="A new secret; both sign for a while"
    )
    async def rotate(endpoint_id: Id, account_id: Account, rotation: Rotation | None = None) -> Secret:
        row = await _row(rt, endpoint_id, account_id)
        overlap = round((rotation or Rotation()).overlap * SECOND)
        secret, values = endpoints.rotated(rt.sealer, row, rt.clock.now(), overlap)
        await _write(rt, endpoint_id, account_id, values)
        return Secret(secret=secret)

    @api.post(
        "/{endpoint_id}/signing-key", responses=problems(404), summary="An ed25519 key: v1a signatures too"
    )
    async def signing_key(endpoint_id: Id, account_id: Account) -> PublicKey:
        await _row(rt, endpoint_id, account_id)
        public, values = endpoints.with_signing_key(rt.sealer)
        await _write(rt, endpoint_id, account_id, values)
        return PublicKey(public_key=public)

    @api.post(
        "/{endpoint_id}/test", responses=problems(404, 422), summary="Send a sample now, and see the answer"
    )
    async def test(endpoint_id: Id, account_id: Account, asked: Test | None = None) -> Tested:
        tried = await trial(rt, await _row(rt, endpoint_id, account_id), (asked or Test()).sample)
        return _tested(tried)

    @api.post("/{endpoint_id}/replay", responses=problems(404, 422), summary="Send again all since a moment")
    async def replay(endpoint_id: Id, asked: ReplaySince, account_id: Account) -> Replayed:
        try:
            since = parse(asked.since)
        except ValueError as exc:
            raise Problem("invalid", f"{exc}.", field="since") from exc
        done = await deliveries.replay(
            rt, deliveries.Replay(account_id=account_id, endpoint_id=endpoint_id, since=since)
        )
        return Replayed(**done)

    return api


async def _row(rt: Runtime, endpoint_id: int, account_id: int) -> Mapping[Any, Any]:
    row = await rt.db.read(store.row, endpoint_id, account_id)
    if row is None:
        raise endpoints.not_found(endpoint_id)
    return row


async def _write(rt: Runtime, endpoint_id: int, account_id: int, values: Mapping[str, Any]) -> None:
    changed = endpoints.EndpointChange(endpoint_id=endpoint_id, account_id=account_id, values=values)
    await rt.db.write(endpoints.change_endpoints, changed)


async def _shown(rt: Runtime, row: Mapping[Any, Any]) -> Endpoint:
    oldest = await rt.db.read(deliveries_store.oldest_pending, row["id"])
    rotating = row["old_secret_until"] if (row["old_secret_until"] or 0) > rt.clock.now() else None
    return Endpoint(
        endpoint_id=row["id"],
        url=row["url"],
        state=row["state"],
        note=row["note"],
        payload="extended" if row["extended"] else "exact",
        unhealthy_since=_iso(row["unhealthy_since"]),
        last_success_at=_iso(row["last_success_at"]),
        backlog=await rt.db.read(deliveries_store.backlog, row["id"], BACKLOG_CAP),
        oldest_waiting_at=_iso(oldest),
        timeout=row["timeout"] / SECOND if row["timeout"] else None,
        min_tls=row["min_tls"],
        own_ca=row["ca"] is not None,
        client_certificate=row["client_certificate"] is not None,
        ed25519=row["signing_key"] is not None,
        rotating_until=_iso(rotating),
    )


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def _tested(tried: Any) -> Tested:
    outcome: Outcome = tried.outcome
    return Tested(
        url=tried.url,
        headers=list(tried.headers),
        body=tried.body.decode(),
        succeeded=outcome.succeeded,
        status=outcome.status,
        fault=outcome.fault,
        error=outcome.error,
        duration=outcome.duration / SECOND,
        answer=outcome.answer.decode(errors="replace"),
    )
