"""The statuses' names, compared with the documents letter by letter."""

import pytest

from ringback.domain import wording
from ringback.domain.lifecycle import Status

# id, API title (contracts/webhooks.md section 3), English wording (there), Russian wording (seed/webhook-api.txt,
# without its asides in brackets).
WORDS = [
    (1, "New", "Pending SMS", "Ожидание СМС"),
    (2, "Taken from Server", "SMS taken by phone", "SMS, принятые по телефону"),
    (3, "Queued", "Queued for sending", "В очереди для отправки"),
    (5, "Income", "Incoming SMS", "Входящее SMS"),
    (6, "Sent by Phone", "SMS Sent by Phone", "Отправленное SMS по телефону"),
    (7, "Delivered", "SMS has been Delivered", "SMS доставлено"),
    (8, "Sms Not Delivered", "SMS was NOT Delivered", "SMS не было доставлено"),
    (
        9,
        "Not SENT - Generic failure",
        "SMS didn't SENT at all - Generic failure",
        "SMS не отправлено вовсе - обобщенный сбой",
    ),
    (10, "Not sent - No service", "SMS Not Sent - No Service", "SMS не отправлено - No Service"),
    (11, "Not Sent - Null PDU", "SMS Not Sent - Null PDU", "SMS не отправлено - Null PDU"),
    (12, "Not Sent - Radio off", "SMS Not Sent - Radio Off", "SMS не отправлено - Radio Off"),
    (100, "not sent - NOT ALLOWED", "SMS Not Sent - NOT ALLOWED", "SMS не отправлено - NOT ALLOWED"),
    (101, "not sent - Not Allowed At all", "SMS Not Sent - NOT ALLOWED", "SMS не отправлено - NOT ALLOWED"),
]


@pytest.mark.parametrize(
    ("status", "title", "english", "russian"), [pytest.param(*row, id=str(row[0])) for row in WORDS]
)
def test_words(status: int, title: str, english: str, russian: str) -> None:
    assert wording.API_TITLES[Status(status)] == title
    assert wording.status_message(Status(status), "en") == english
    assert wording.status_message(Status(status), "ru") == russian


def test_no_status_and_no_language_is_without_words() -> None:
    assert {row[0] for row in WORDS} == set(Status)
    assert set(wording.API_TITLES) == set(Status)
    assert set(wording.STATUS_MESSAGES) == set(wording.LANGUAGES) == {"en", "ru"}
    assert all(set(words) == set(Status) for words in wording.STATUS_MESSAGES.values())
