"""The id that receivers see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.events import Kind, parse_webhook_id, webhook_id

NONCES = st.text("0123456789abcdef", min_size=1, max_size=16)


@given(st.integers(0, 2**61), NONCES)
def test_round_trip(event_id: int, nonce: str) -> None:
    assert parse_webhook_id(webhook_id(event_id, nonce)) == (event_id, nonce)


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        pytest.param(0, "evt_0_ab", id="zero"),
        pytest.param(35, "evt_z_ab", id="one digit"),
        pytest.param(36, "evt_10_ab", id="two digits"),
    ],
)
def test_form(event_id: int, expected: str) -> None:
    assert webhook_id(event_id, "ab") == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("1_ab", id="no prefix"),
        pytest.param("msg_1_ab", id="somebody else's"),
        pytest.param("evt_", id="prefix alone"),
        pytest.param("evt_1", id="no nonce"),
        pytest.param("evt_1_", id="empty nonce"),
        pytest.param("evt__ab", id="no number"),
        pytest.param("evt_A_ab", id="capitals"),
        pytest.param("evt_-1_ab", id="negative"),
        pytest.param("evt_١_ab", id="other digits"),
        pytest.param("evt_" + "z" * 13 + "_ab", id="beyond what a database counts"),
    ],
)
def test_not_ours(text: str) -> None:
    assert parse_webhook_id(text) is None


@given(st.text())
def test_junk(text: str) -> None:
    assert parse_webhook_id(text) is None or text.startswith("evt_")


@given(st.from_regex(r"evt_[0-9a-z_]*", fullmatch=True))
def test_a_number_fits_into_the_database(text: str) -> None:
    found = parse_webhook_id(text)
    assert found is None or 0 <= found[0] < 2**63


def test_kinds() -> None:
    """contracts/webhooks.md section 4."""
    assert {"message.status", "message.incoming", "webhook.test"} <= {str(kind) for kind in Kind}
