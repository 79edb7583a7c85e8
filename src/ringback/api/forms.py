"""The shapes of /v1: what callers send and get. Times are ISO 8601 with an offset."""

from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ringback.domain.addresses import MAX_LENGTH
from ringback.domain.messages import MAX_BODY, MAX_CUSTOMERID, MAX_KEY

# Beyond that, not every JSON reader keeps an integer exact, and databases have no number for it at all.
MAX_ID = 2**53
Id = Annotated[int, Ge(0), Le(MAX_ID)]


class Form(BaseModel):
    """A request's body: unknown keys are refused, for a misspelt one would be ignored silently."""

    model_config = ConfigDict(extra="forbid", strict=False)


class NewMessage(Form):
    to: Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)] = Field(
        description="The recipient's number, with or without +", examples=["+4915112345678"]
    )
    body: Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY)] = Field(
        examples=["Your code is 4711"]
    )
    device_id: Id = Field(examples=[1])
    channel_id: int = Field(
        default=0, description="0 SIM 1, 1 SIM 2, 2 WhatsApp Business, 3 WhatsApp, 4 and 5 RCS"
    )
    send_at: str | float | None = Field(
        default=None,
        description="Not before: ISO 8601 or unix seconds; without an offset, in the account's time zone",
    )
    expires_at: str | float | None = Field(default=None, description="Not after: then it fails instead")
    urgent: bool = Field(default=False, description="Before all that is not urgent")
    customerid: int | None = Field(
        default=None, ge=-MAX_CUSTOMERID, le=MAX_CUSTOMERID, description="Your own id"
    )
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=MAX_KEY)] | None = Field(
        default=None, description="The same key is the same message, however often it is submitted"
    )


class AcceptedMessage(BaseModel):
    sms_id: int
    status_id: int
    duplicate: bool = Field(description="Submitted before with the same idempotency key")


class HistoryEntry(BaseModel):
    status_id: int
    status: str
    at: str = Field(description="When it happened, as the phone or the server says")
    received_at: str
    late: bool = Field(description="Came too late to move the message")
    reason: str | None


class DeliverySummary(BaseModel):
    delivery_id: int
    endpoint_id: int
    state: str
    attempts: int
    done_at: str | None


class EventSummary(BaseModel):
    webhook_id: str
    event: str
    sequence: int
    created_at: str
    deliveries: list[DeliverySummary]


class Message(BaseModel):
    sms_id: int
    status_id: int
    status: str
    incoming: bool
    type: str = Field(description="text or img")
    device_id: int
    channel_id: int
    address: str = Field(description="The recipient, or an incoming message's sender")
    body: str
    urgent: bool
    customerid: int | None
    created_at: str
    send_at: str | None
    expires_at: str | None
    sent_at: str | None
    date: str | None
    date_sent: str | None
    internal_id: int | None
    img_url: str | None
    caption: str | None
    reason: str | None
    history: list[HistoryEntry]
    events: list[EventSummary]


class Replayed(BaseModel):
    replayed: int
    skipped: int = Field(description="On their way already, or replayed less than a minute ago")


class ProblemForm(BaseModel):
    """application/problem+json (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation may answer beside success, for the OpenAPI document."""
    content = {"application/problem+json": {"schema": ProblemForm.model_json_schema()}}
    return {status: {"description": "Problem", "content": content} for status in (401, 503, *statuses)}
