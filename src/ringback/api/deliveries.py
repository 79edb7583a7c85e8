"""/v1/deliveries and /v1/events: what was sent, what came of it, sending it again; and the same events by pulling."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ringback.api.callers import Account
from ringback.api.forms import Form, Id, Replayed, problems
from ringback.domain.deliveries import State
from ringback.domain.events import webhook_id
from ringback.domain.problems import Problem
from ringback.domain.times import SECOND, iso
from ringback.runtime import Runtime
from ringback.service import deliveries
from ringback.service.events import bell_key
from ringback.store import deliveries as store
from ringback.store import events

MAX_PAGE = 200
MAX_WAIT = 60.0


class Delivery(BaseModel):
    delivery_id: int
    endpoint_id: int
    webhook_id: str
    event: str
    sequence: int
    sms_id: int | None
    state: str = Field(description="pending, waiting, blocked, done or parked")
    attempts: int
    created_at: str
    retry_at: str | None
    done_at: str | None


class Attempt(BaseModel):
    at: str
    duration: float = Field(description="Seconds")
    status: int | None
    fault: str | None
    error: str | None
    answer: str = Field(description="The first 16 KiB")


class DeliveryStory(Delivery):
    body: Any
    attempt_log: list[Attempt]


class Page(BaseModel):
    deliveries: list[Delivery]
    before: int | None = Field(description="For the next page; null at the end")


class Parked(Form):
    endpoint_id: Id | None = None


class Event(BaseModel):
    id: int = Field(description="The cursor: rises in the order of commit")
    webhook_id: str
    event: str
    sequence: int
    sms_id: int | None
    device_id: int | None
    created_at: str
    body: Any


class Feed(BaseModel):
    events: list[Event]
    after: int = Field(description="The cursor for the next call")


def router(rt: Runtime) -> APIRouter:
    api = APIRouter(prefix="/v1", tags=["deliveries"])

    @api.get("/deliveries", responses=problems(422), summary="Deliveries, newest first")
    async def listing(
        account_id: Account,
        endpoint_id: Id | None = None,
        state: str | None = None,
        before: Id | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Page:
        look = partial(
            store.listing, endpoint_id=endpoint_id, states=_states(state), before_id=before, limit=limit
        )
        rows = await rt.db.read(look, account_id)
        shown = [Delivery(**_fields(row)) for row in rows]
        return Page(deliveries=shown, before=rows[-1]["id"] if len(rows) == limit else None)

    @api.get("/deliveries/{delivery_id}", responses=problems(404), summary="One delivery with its attempts")
    async def show(delivery_id: Id, account_id: Account) -> DeliveryStory:
        row = await rt.db.read(store.show, account_id, delivery_id)
        if row is None:
            raise Problem("not_found", f"There is no delivery {delivery_id}.")
        attempts = await rt.db.read(store.attempts_of, delivery_id)
        return DeliveryStory(
            **_fields(row),
            body=json.loads(row["payload"]),
            attempt_log=[
                Attempt(
                    at=iso(attempt["at"]),
                    duration=attempt["duration"] / SECOND,
                    status=attempt["status"],
                    fault=attempt["fault"],
                    error=attempt["error"],
                    answer=(attempt["answer"] or b"").decode(errors="replace"),
                )
                for attempt in attempts
            ],
        )

    @api.post("/deliveries/{delivery_id}/replay", responses=problems(404), summary="Send one again")
    async def replay(delivery_id: Id, account_id: Account) -> Replayed:
        """Asked twice within a minute it is sent once."""
        asked = deliveries.Replay(account_id=account_id, delivery_id=delivery_id)
        return Replayed(**await deliveries.replay(rt, asked))

    @api.post(
        "/deliveries/replay-parked", responses=problems(404, 422), summary="Send again all that was given up"
    )
    async def replay_parked(account_id: Account, asked: Parked | None = None) -> Replayed:
        endpoint_id = asked.endpoint_id if asked is not None else None
        done = await deliveries.replay(rt, deliveries.Replay(account_id=account_id, endpoint_id=endpoint_id))
        return Replayed(**done)

    @api.get("/events", responses=problems(422), summary="Pull the events instead, or to reconcile")
    async def feed(
        account_id: Account,
        after: Annotated[Id, Query(description="The cursor; 0 is the beginning")] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        wait: Annotated[
            float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for something new")
        ] = 0.0,
    ) -> Feed:
        until = rt.clock.now() + wait * SECOND
        key = bell_key(account_id)
        while True:
            waiter = rt.bell.listen(key)
            try:
                rows = await rt.db.read(events.after, account_id, after, limit)
                now = rt.clock.now()
                if rows or now >= until or rt.bell.closed:
                    return Feed(events=[_event(row) for row in rows], after=rows[-1]["id"] if rows else after)
                await rt.bell.heard(key, waiter, (until - now) / SECOND)
            finally:
                rt.bell.unlisten(key, waiter)

    return api


def _states(text: str | None) -> list[State]:
    if text is None:
        return []
    try:
        return [State[part.strip().upper()] for part in text.split(",")]
    except KeyError as exc:
        names = ", ".join(state.name.lower() for state in State)
        raise Problem(
            "invalid", f"'{text}': states are {names}, separated by commas.", field="state"
        ) from exc


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "delivery_id": row["id"],
        "endpoint_id": row["endpoint_id"],
        "webhook_id": webhook_id(row["event_id"], row["nonce"]),
        "event": row["kind"],
        "sequence": row["sequence"],
        "sms_id": row["message_id"],
        "state": State(row["state"]).name.lower(),
        "attempts": row["attempts"],
        "created_at": iso(row["created_at"]),
        "retry_at": iso(row["retry_at"]) if row["retry_at"] is not None else None,
        "done_at": iso(row["done_at"]) if row["done_at"] is not None else None,
    }


def _event(row: Mapping[Any, Any]) -> Event:
    return Event(
        id=row["id"],
        webhook_id=webhook_id(row["id"], row["nonce"]),
        event=row["kind"],
        sequence=row["sequence"],
        sms_id=row["message_id"],
        device_id=row["device_id"],
        created_at=iso(row["created_at"]),
        body=json.loads(row["body"]),
    )
