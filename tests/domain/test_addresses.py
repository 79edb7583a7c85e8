"""Numbers as people write them, the plus rule, and names on channels that know names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import addresses
from ringback.domain.channels import ALL, NAMES, SMS, Channel

SIM = Channel.SIM_1
WHATSAPP = Channel.WHATSAPP


@pytest.mark.parametrize(
    ("text", "channel", "prefixes", "expected"),
    [
        pytest.param("+4915112345678", SIM, (), "+4915112345678", id="plain"),
        pytest.param("  +49 (151) 123-45.67/8 ", SIM, (), "+4915112345678", id="ornaments"),
        pytest.param("+49\u00a0151\u202f123\u20114567", SIM, (), "+491511234567", id="ornaments of printers"),
        pytest.param("110", SIM, (), "110", id="short code"),
        pytest.param("12", SIM, (), "12", id="the shortest"),
        pytest.param("1" * 20, SIM, (), "1" * 20, id="the longest"),
        pytest.param("4915112345678", SIM, ("49", "7"), "+4915112345678", id="the plus rule"),
        pytest.param("79261234567", SIM, ("49", "7"), "+79261234567", id="the plus rule's second prefix"),
        pytest.param("015112345678", SIM, ("49", "7"), "015112345678", id="not of the rule"),
        pytest.param("+4915112345678", SIM, ("49", "+"), "+4915112345678", id="a plus is not doubled"),
        pytest.param("49 151", WHATSAPP, ("49",), "+49151", id="a number on WhatsApp"),
        pytest.param("US.1234abc", WHATSAPP, (), "US.1234abc", id="a name on WhatsApp"),
        pytest.param("a" * 150, WHATSAPP, (), "a" * 150, id="the longest name"),
        pytest.param("bot@rcs.example", Channel.RCS_SIM_1, (), "bot@rcs.example", id="a name on RCS"),
    ],
)
def test_recipient(text: str, channel: Channel, prefixes: tuple[str, ...], expected: str) -> None:
    assert addresses.recipient(text, channel, prefixes) == expected


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        pytest.param("", SIM, id="empty"),
        pytest.param("1", SIM, id="one digit"),
        pytest.param("1" * 21, SIM, id="too long"),
        pytest.param("+", SIM, id="a plus alone"),
        pytest.param("49+151", SIM, id="a plus within"),
        pytest.param("Alice", SIM, id="a name by SMS"),
        pytest.param("٠١٢٣", SIM, id="other digits"),
        pytest.param("+49151\n\r0A", SIM, id="hexadecimal"),
        pytest.param("151; DROP", SIM, id="more than a number"),
        pytest.param("a", WHATSAPP, id="a name of one letter"),
        pytest.param("a" * 151, WHATSAPP, id="a name too long"),
        pytest.param("two words", WHATSAPP, id="a name with a space"),
        pytest.param("@alice", WHATSAPP, id="a name that begins with a sign"),
    ],
)
def test_no_recipient(text: str, channel: Channel) -> None:
    with pytest.raises(ValueError, match="is not a phone number"):
        addresses.recipient(text, channel)


@given(st.text(), st.sampled_from(Channel))
def test_junk_is_refused_in_words(text: str, channel: Channel) -> None:
    try:
        found = addresses.recipient(text, channel)
    except ValueError as exc:
        assert len(str(exc)) < 200  # noqa: PT017 -- some texts are recipients
    else:
        assert addresses.recipient(found, channel) == found
        assert found.isascii()
        assert len(found) <= addresses.MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="none"),
        pytest.param(" , ", (), id="only commas"),
        pytest.param("49", ("49",), id="one"),
        pytest.param("49, 7 ,380", ("49", "7", "380"), id="several"),
    ],
)
def test_prefixes(text: str, expected: tuple[str, ...]) -> None:
    assert addresses.parse_prefixes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("+49", id="with the plus"),
        pytest.param("49;7", id="semicolon"),
        pytest.param("४९", id="other digits"),
        pytest.param("²", id="a digit to isdigit"),
    ],
)
def test_no_prefixes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a beginning of a number"):
        addresses.parse_prefixes(text)


def test_channels() -> None:
    """contracts/webhooks.md section 2: 0 SIM 1 · 1 SIM 2 · 2 WhatsApp Business · 3 WhatsApp · 4, 5 RCS."""
    assert {int(channel): NAMES[channel] for channel in Channel} == {
        0: "SIM 1",
        1: "SIM 2",
        2: "WhatsApp Business",
        3: "WhatsApp",
        4: "RCS (SIM 1)",
        5: "RCS (SIM 2)",
    }
    assert set(Channel) == ALL
    assert {0, 1} == SMS
