"""What the statuses are called: data, not code. More languages are more rows."""

from ringback.domain.lifecycle import Status

LANGUAGES = ("en", "ru")

# As the original's API answers them (statustitle, status_description).
API_TITLES: dict[Status, str] = {
    Status.PENDING: "New",
    Status.TAKEN: "Taken from Server",
    Status.QUEUED: "Queued",
    Status.INCOMING: "Income",
    Status.SENT: "Sent by Phone",
    Status.DELIVERED: "Delivered",
    Status.UNDELIVERED: "Sms Not Delivered",
    Status.FAILED: "Not SENT - Generic failure",
    Status.NO_SERVICE: "Not sent - No service",
    Status.NULL_PDU: "Not Sent - Null PDU",
    Status.RADIO_OFF: "Not Sent - Radio off",
    Status.NOT_ALLOWED: "not sent - NOT ALLOWED",
    Status.NOT_ALLOWED_AT_ALL: "not sent - Not Allowed At all",
}

# As the founding document words them: the webhook's status_message. "didn't SENT" is the original's own English.
STATUS_MESSAGES: dict[str, dict[Status, str]] = {
    "en": {
        Status.PENDING: "Pending SMS",
        Status.TAKEN: "SMS taken by phone",
        Status.QUEUED: "Queued for sending",
        Status.INCOMING: "Incoming SMS",
        Status.SENT: "SMS Sent by Phone",
        Status.DELIVERED: "SMS has been Delivered",
        Status.UNDELIVERED: "SMS was NOT Delivered",
        Status.FAILED: "SMS didn't SENT at all - Generic failure",
        Status.NO_SERVICE: "SMS Not Sent - No Service",
        Status.NULL_PDU: "SMS Not Sent - Null PDU",
        Status.RADIO_OFF: "SMS Not Sent - Radio Off",
        Status.NOT_ALLOWED: "SMS Not Sent - NOT ALLOWED",
        Status.NOT_ALLOWED_AT_ALL: "SMS Not Sent - NOT ALLOWED",
    },
    "ru": {
        Status.PENDING: "Ожидание СМС",
        Status.TAKEN: "SMS, принятые по телефону",
        Status.QUEUED: "В очереди для отправки",
        Status.INCOMING: "Входящее SMS",
        Status.SENT: "Отправленное SMS по телефону",
        Status.DELIVERED: "SMS доставлено",
        Status.UNDELIVERED: "SMS не было доставлено",
        Status.FAILED: "SMS не отправлено вовсе - обобщенный сбой",
        Status.NO_SERVICE: "SMS не отправлено - No Service",
        Status.NULL_PDU: "SMS не отправлено - Null PDU",
        Status.RADIO_OFF: "SMS не отправлено - Radio Off",
        Status.NOT_ALLOWED: "SMS не отправлено - NOT ALLOWED",
        Status.NOT_ALLOWED_AT_ALL: "SMS не отправлено - NOT ALLOWED",
    },
}


def status_message(status: Status, language: str) -> str:
    """The webhook's wording of a status in an account's language."""
    return STATUS_MESSAGES[language][status]
