"""The tables: one place that says what is kept. Every ``*_at`` is milliseconds since 1970 (UTC).

Two families. *Directory*: accounts, plans, tokens, devices, channels, endpoints; small, changed by people, with foreign keys.
*Traffic*: messages, reports, events, deliveries, attempts; large, append-mostly, written in batches, kept together by
the journeys' transactions (a foreign key would be looked up for each row that is written).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# SQLite only makes a column typed exactly INTEGER its row id.
Id = BigInteger().with_variant(Integer, "sqlite")
Moment = BigInteger

plans = Table(
    "plans",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("webhooks", Boolean, nullable=False),
    Column("channels", String(50), nullable=False),  # "0,1,2"
    Column("max_devices", Integer),
    Column("max_messages", Integer),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("password_hash", String(200)),
    Column("plan_id", ForeignKey("plans.id"), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("datetime_format", String(10), nullable=False),
    Column("created_at", Moment, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("label", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("secret", LargeBinary, nullable=False),  # sealed, as the next three are
    Column("old_secret", LargeBinary),
    Column("old_secret_until", Moment),
    Column("signing_key", LargeBinary),
    Column("extended", Boolean, nullable=False, server_default=text("0")),
    Column("timeout", Integer),  # ms; none: the setting
    Column("ca", Text),
    Column("client_certificate", LargeBinary),  # sealed PEM, certificate and key
    Column("min_tls", String(3)),
    Column("created_at", Moment, nullable=False),
    # health, as the engine last wrote it: for people to see, and for a start after a stop
    Column("state", String(10), nullable=False, server_default="healthy"),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("unhealthy_since", Moment),
    Column("last_success_at", Moment),
    Column("note", Text),  # why it is paused or unhealthy, in words
    UniqueConstraint("account_id", "url"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False, unique=True),
    Column("status_endpoint_id", ForeignKey("endpoints.id")),
    Column("status_ids", String(60), nullable=False),  # which statuses fire: "2,3,6"
    Column("plus_prefixes", String(200), nullable=False, server_default=""),
    Column("pause", Integer, nullable=False, server_default=text("0")),  # ms
    Column("pause_random", Integer, nullable=False, server_default=text("0")),  # ms
    Column("created_at", Moment, nullable=False),
    Column("last_seen_at", Moment),
    Column("health", Text),  # JSON as the last heartbeat told it
)

channels = Table(
    "channels",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("channel_id", SmallInteger, primary_key=True),
    Column("endpoint_id", ForeignKey("endpoints.id")),
    Column("next_offer_at", Moment),  # pacing: nothing new is offered before
)

pairings = Table(
    "pairings",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("expires_at", Moment, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("account_id", Id, primary_key=True, autoincrement=False),
    Column("month", String(7), primary_key=True),  # "2026-11"
    Column("messages", Integer, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),  # sms_id: below 2^31, clients keep it in 32 bits
    Column("account_id", Id, nullable=False),
    Column("device_id", Id, nullable=False),
    Column("channel_id", SmallInteger, nullable=False),
    Column("status_id", SmallInteger, nullable=False),
    Column("address", String(150), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),  # when the status last moved
    # how the journeys keep count of its story
    Column("seen", Integer, nullable=False, server_default=text("0")),  # statuses told so far, a bit each
    Column("sequence", Integer, nullable=False, server_default=text("0")),  # of its last event
    Column("poisoned", Boolean, nullable=False, server_default=text("0")),  # a delivery of it is WAITING
    Column("reason", Text),
    # outgoing
    Column("due_at", Moment),
    Column("expires_at", Moment),
    Column("urgent", Boolean, nullable=False, server_default=text("0")),
    Column("customerid", BigInteger),
    Column("idempotency_key", String(210)),
    Column("sent_at", Moment),  # as the phone told it: the webhook's senttime
    Column("offered_at", Moment),
    # incoming
    Column("date", Moment),
    Column("date_sent", Moment),
    Column("internal_id", BigInteger),
    Column("phone_id", String(220)),
    Column("image", String(100)),
    Column("caption", Text),
    Index("messages_account", "account_id", "id"),
)

# Partial indexes hold only what is under way. Their predicates are literals, here and in the statements that use them:
# SQLite does not use a partial index for a bound parameter.
Index(
    "messages_due",
    messages.c.device_id,
    messages.c.urgent.desc(),
    messages.c.due_at,
    messages.c.id,
    sqlite_where=text("status_id IN (1, 3)"),
    postgresql_where=text("status_id IN (1, 3)"),
)
Index(
    "messages_scheduled",
    messages.c.due_at,
    sqlite_where=text("status_id = 1"),
    postgresql_where=text("status_id = 1"),
)
Index(
    "messages_expiring",
    messages.c.expires_at,
    sqlite_where=text("status_id IN (1, 3) AND expires_at IS NOT NULL"),
    postgresql_where=text("status_id IN (1, 3) AND expires_at IS NOT NULL"),
)
Index(
    "messages_taken",
    messages.c.changed_at,
    sqlite_where=text("status_id = 2"),
    postgresql_where=text("status_id = 2"),
)
Index(
    "messages_phone_id",
    messages.c.device_id,
    messages.c.phone_id,
    unique=True,
    sqlite_where=text("phone_id IS NOT NULL"),
    postgresql_where=text("phone_id IS NOT NULL"),
)
Index(
    "messages_idempotency_key",
    messages.c.account_id,
    messages.c.idempotency_key,
    unique=True,
    sqlite_where=text("idempotency_key IS NOT NULL"),
    postgresql_where=text("idempotency_key IS NOT NULL"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Id, nullable=False),
    Column("status_id", SmallInteger, nullable=False),
    Column("at", Moment, nullable=False),  # when it happened, as told
    Column("received_at", Moment, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reason", Text),
    Index("reports_message", "message_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("nonce", String(20), nullable=False),
    Column("account_id", Id, nullable=False),
    Column("device_id", Id),
    Column("message_id", Id),
    Column("sequence", Integer, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("events_account", "account_id", "id"),
    Index("events_message", "message_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", Id, nullable=False),
    Column("endpoint_id", Id, nullable=False),
    Column("lane", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Moment, nullable=False),
    Column("retry_at", Moment),
    Column("done_at", Moment),
    Column("replayed_at", Moment),
    Column("body", LargeBinary),  # where it differs from the event's: the extended form
    Index("deliveries_event", "event_id"),
)
Index(
    "deliveries_pending",
    deliveries.c.endpoint_id,
    deliveries.c.id,
    sqlite_where=text("state = 0"),
    postgresql_where=text("state = 0"),
)
Index(
    "deliveries_waiting",
    deliveries.c.retry_at,
    sqlite_where=text("state = 1"),
    postgresql_where=text("state = 1"),
)
Index(
    "deliveries_held",  # the refused ones and those behind them, to find a lane's
    deliveries.c.lane,
    deliveries.c.endpoint_id,
    sqlite_where=text("state IN (1, 2)"),
    postgresql_where=text("state IN (1, 2)"),
)
Index(
    "deliveries_parked",
    deliveries.c.endpoint_id,
    deliveries.c.id,
    sqlite_where=text("state = 4"),
    postgresql_where=text("state = 4"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("duration", Integer, nullable=False),  # ms
    Column("status", SmallInteger),
    Column("fault", String(20)),
    Column("error", Text),
    Column("answer", LargeBinary),
    Index("attempts_delivery", "delivery_id"),
)
