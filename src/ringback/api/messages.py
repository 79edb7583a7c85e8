"""/v1/messages: submitting messages and looking at one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header

from ringback.api.callers import Account
from ringback.api.forms import (
    AcceptedMessage,
    DeliverySummary,
    EventSummary,
    HistoryEntry,
    Id,
    Message,
    NewMessage,
    problems,
)
from ringback.domain.channels import Channel
from ringback.domain.deliveries import State
from ringback.domain.events import webhook_id
from ringback.domain.lifecycle import Status
from ringback.domain.messages import MAX_KEY, MAX_LIST, Outgoing
from ringback.domain.problems import Problem
from ringback.domain.times import iso, parse
from ringback.domain.wording import API_TITLES
from ringback.runtime import Runtime
from ringback.service import inbound, outbound
from ringback.store import accounts, events, messages


def router(rt: Runtime) -> APIRouter:
    api = APIRouter(prefix="/v1/messages", tags=["messages"])

    @api.post(
        "", status_code=202, responses=problems(400, 403, 404, 409, 422), summary="Send one message or a list"
    )
    async def send(
        submitted: NewMessage | list[NewMessage],
        account_id: Account,
        idempotency_key: Annotated[str | None, Header(max_length=MAX_KEY)] = None,
    ) -> AcceptedMessage | list[AcceptedMessage]:
        """Accepted is on disk. A list is accepted or refused as a whole."""
        many = isinstance(submitted, list)
        forms = submitted if isinstance(submitted, list) else [submitted]
        if not forms or len(forms) > MAX_LIST:
            raise Problem(
                "invalid", f"A list may hold 1 to {MAX_LIST} messages, and this one has {len(forms)}."
            )
        zone = await _zone(rt, account_id, forms)
        outgoing = [
            _outgoing(
                form, zone, f"{place}." if many else "", _key(form, idempotency_key, place if many else None)
            )
            for place, form in enumerate(forms)
        ]
        submission = outbound.Submission(account_id=account_id, messages=outgoing, many=many)
        accepted = [
            AcceptedMessage(sms_id=one.sms_id, status_id=one.status_id, duplicate=one.duplicate)
            for one in await outbound.submit(rt, submission)
        ]
        return accepted if many else accepted[0]

    @api.get("/{sms_id}", responses=problems(404), summary="One message with its history and its events")
    async def show(sms_id: Id, account_id: Account) -> Message:
        row = await rt.db.read(messages.show, account_id, sms_id)
        if row is None:
            raise Problem("not_found", f"There is no message {sms_id} in this account.")
        history = await rt.db.read(messages.history, sms_id)
        story = await rt.db.read(events.of_message, sms_id)
        return as_message(rt, row, history, story)

    return api


async def _zone(rt: Runtime, account_id: int, forms: Sequence[NewMessage]) -> str:
    """Only read where a time is given."""
    if all(form.send_at is None and form.expires_at is None for form in forms):
        return "UTC"
    row = await rt.db.read(accounts.by_id, account_id)
    return str(row["time_zone"]) if row is not None else "UTC"


def _key(form: NewMessage, header: str | None, place: int | None) -> str | None:
    """The message's own key, or the request's; in a list the request's key and the place."""
    if form.idempotency_key is not None or header is None:
        return form.idempotency_key
    return header if place is None else f"{header}:{place}"


def _outgoing(form: NewMessage, zone: str, at: str, key: str | None) -> Outgoing:
    if not form.body.strip():
        raise Problem("invalid", "The body is empty.", field=f"{at}body")
    if "\0" in form.body:
        raise Problem(
            "invalid", "The body contains a NUL character, which no phone can send.", field=f"{at}body"
        )
    try:
        channel = Channel(form.channel_id)
    except ValueError as exc:
        detail = f"There is no channel {form.channel_id}: a device has the slots 0 to 5."
        raise Problem("invalid", detail, field=f"{at}channel_id") from exc
    due_at = _moment(form.send_at, zone, f"{at}send_at")
    expires_at = _moment(form.expires_at, zone, f"{at}expires_at")
    if due_at is not None and expires_at is not None and expires_at <= due_at:
        raise Problem("invalid", "expires_at is not after send_at.", field=f"{at}expires_at")
    return Outgoing(
        to=form.to,
        body=form.body,
        device_id=form.device_id,
        channel=channel,
        due_at=due_at,
        expires_at=expires_at,
        urgent=form.urgent,
        customerid=form.customerid,
        idempotency_key=key,
    )


def _moment(value: str | float | None, zone: str, field: str) -> int | None:
    if value is None:
        return None
    try:
        return parse(value, zone)
    except ValueError as exc:
        raise Problem("invalid", f"{exc}.", field=field) from exc


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def as_message(
    rt: Runtime,
    row: Mapping[Any, Any],
    history: Sequence[Mapping[Any, Any]],
    story: Sequence[Mapping[Any, Any]],
) -> Message:
    incoming = row["status_id"] == Status.INCOMING
    image = row["image"]
    return Message(
        sms_id=row["id"],
        status_id=row["status_id"],
        status=API_TITLES[Status(row["status_id"])],
        incoming=incoming,
        type="img" if image else "text",
        device_id=row["device_id"],
        channel_id=row["channel_id"],
        address=row["address"],
        body=row["body"],
        urgent=row["urgent"],
        customerid=row["customerid"],
        created_at=iso(row["created_at"]),
        send_at=_iso(row["due_at"]),
        expires_at=_iso(row["expires_at"]),
        sent_at=_iso(row["sent_at"]),
        date=_iso(row["date"]),
        date_sent=_iso(row["date_sent"]),
        internal_id=row["internal_id"],
        img_url=inbound.image_url(rt.settings.address, image) if image else None,
        caption=row["caption"],
        reason=row["reason"],
        history=[
            HistoryEntry(
                status_id=report["status_id"],
                status=API_TITLES[Status(report["status_id"])],
                at=iso(report["at"]),
                received_at=iso(report["received_at"]),
                late=report["late"],
                reason=report["reason"],
            )
            for report in history
        ],
        events=_as_events(story),
    )


def _as_events(story: Sequence[Mapping[Any, Any]]) -> list[EventSummary]:
    found: dict[int, EventSummary] = {}
    for row in story:
        event = found.setdefault(
            row["id"],
            EventSummary(
                webhook_id=webhook_id(row["id"], row["nonce"]),
                event=row["kind"],
                sequence=row["sequence"],
                created_at=iso(row["created_at"]),
                deliveries=[],
            ),
        )
        if row["delivery_id"] is not None:
            event.deliveries.append(
                DeliverySummary(
                    delivery_id=row["delivery_id"],
                    endpoint_id=row["endpoint_id"],
                    state=State(row["state"]).name.lower(),
                    attempts=row["attempts"],
                    done_at=_iso(row["done_at"]),
                )
            )
    return list(found.values())
