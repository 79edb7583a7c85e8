"""Secrets at rest open with their own key, for their own purpose, unchanged: or not at all."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.wire.sealing import KEY_BYTES, Sealer, new_key, parse_key

KEY = bytes(range(32))
SEALER = Sealer(KEY)
PURPOSES = st.text(max_size=20)


@given(st.binary(), PURPOSES)
def test_round_trip(plain: bytes, purpose: str) -> None:
    sealed = SEALER.seal(plain, purpose)
    assert SEALER.open(sealed, purpose) == plain
    assert not plain or len(plain) < 4 or plain not in sealed
    assert SEALER.seal(plain, purpose) != sealed  # a nonce never comes twice


@given(st.binary(), PURPOSES, PURPOSES)
def test_for_another_purpose(plain: bytes, purpose: str, other: str) -> None:
    if purpose != other:
        with pytest.raises(ValueError, match="another key"):
            SEALER.open(SEALER.seal(plain, purpose), other)


def test_with_another_key() -> None:
    with pytest.raises(ValueError, match="RINGBACK_SECRET_KEY"):
        Sealer(bytes(32)).open(SEALER.seal(b"secret", "use"), "use")


@given(st.data())
def test_changed(data: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal(b"secret", "use"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="seale"):
        SEALER.open(bytes(sealed), "use")


@given(st.binary(max_size=60))
def test_junk(sealed: bytes) -> None:
    for text in (sealed, b"\x01" + sealed):
        with pytest.raises(ValueError, match="seale"):
            SEALER.open(text, "use")


def test_keys() -> None:
    text = new_key()
    assert len(parse_key(f" {text}\n")) == KEY_BYTES
    assert new_key() != text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("secret!", id="not base64"),
        pytest.param("ключ", id="not ASCII"),
        pytest.param(base64.b64encode(bytes(31)).decode(), id="too short"),
        pytest.param(base64.b64encode(bytes(33)).decode(), id="too long"),
    ],
)
def test_no_key(text: str) -> None:
    with pytest.raises(ValueError):
        parse_key(text)
