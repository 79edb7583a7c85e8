"""Who is calling, pairing a phone, and that it was heard of."""

import asyncio
import json

import pytest
from tests.service.house import START, House

from ringback.domain.problems import Problem
from ringback.domain.times import MINUTE, SECOND
from ringback.service import accounts, devices, identity


@pytest.fixture(autouse=True)
def wired(house: House) -> None:
    """As app.py does: what is remembered of callers is forgotten when the directory changed."""
    house.rt.db.on_commit = lambda tx: house.rt.forget_callers() if tx.directory_changed else None


def account_of(house: House, token: str) -> int | str:
    try:
        return house.run(identity.account_of(house.rt, token))
    except Problem as problem:
        return problem.code


def device_of(house: House, key: str) -> int | str:
    try:
        return house.run(identity.device_of(house.rt, key))
    except Problem as problem:
        return problem.code


def pair(house: House, code: str) -> tuple[int, str] | str:
    try:
        return house.run(devices.pair(house.rt, code))
    except Problem as problem:
        return problem.code


def test_tokens_and_keys_are_not_each_other(house: House) -> None:
    for _ in range(2):  # looked up, then remembered
        assert account_of(house, house.token) == house.account_id
        assert device_of(house, house.key) == house.device_id
        assert account_of(house, house.key) == "unauthorized"
        assert device_of(house, house.token) == "unauthorized"
    assert account_of(house, "") == "unauthorized"
    assert account_of(house, house.token.upper()) == "unauthorized"


def test_a_revoked_token(house: House) -> None:
    token_id, token = accounts.add_token(house.rt, house.account_id, "second")
    assert account_of(house, token) == house.account_id
    house.rt.db.write_now(accounts.revoke_tokens, token_id)
    assert account_of(house, token) == "unauthorized"
    assert account_of(house, house.token) == house.account_id
    with pytest.raises(Problem) as caught:
        house.rt.db.write_now(accounts.revoke_tokens, token_id)
    assert caught.value.code == "not_found"


def test_what_was_revoked_while_it_was_looked_up_is_not_remembered(house: House) -> None:
    async def look_while_it_changes() -> None:
        looking = asyncio.ensure_future(identity.account_of(house.rt, house.token))
        await asyncio.sleep(0)  # it has begun to look; no time passes
        house.rt.forget_callers()
        assert await looking == house.account_id

    house.run(look_while_it_changes())
    assert house.rt.callers == {}


def test_what_is_remembered_has_a_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_MAX_REMEMBERED", 1)
    account_of(house, house.token)
    device_of(house, house.key)
    assert list(house.rt.callers.values()) == [house.device_id]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("Bearer abc", "abc", id="as it should be"),
        pytest.param("bearer  abc ", "abc", id="small, with spaces"),
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("Bearer", None, id="no secret"),
        pytest.param("Bearer   ", None, id="a blank secret"),
        pytest.param("Basic abc", None, id="another scheme"),
    ],
)
def test_bearer(header: str | None, expected: str | None) -> None:
    if expected is not None:
        assert identity.bearer(header) == expected
        return
    with pytest.raises(Problem) as caught:
        identity.bearer(header)
    assert caught.value.code == "unauthorized"


def test_pairing_works_once(house: House) -> None:
    code = devices.new_pairing_code(house.rt, house.device_id)
    assert len(code) == len("ABCD-EFGH")
    assert device_of(house, house.key) == house.device_id
    found = pair(house, f" {code.lower().replace('-', ' ')} ")
    assert isinstance(found, tuple)
    device_id, key = found
    assert device_id == house.device_id
    assert device_of(house, key) == house.device_id
    assert device_of(house, house.key) == "unauthorized"  # the earlier phone's key
    assert house.device()["last_seen_at"] == START
    assert pair(house, code) == "unauthorized"


@pytest.mark.parametrize(
    ("after", "works"),
    [pytest.param(15 * MINUTE, True, id="in time"), pytest.param(15 * MINUTE + 1, False, id="too late")],
)
def test_pairing_codes_run_out(house: House, after: int, works: bool) -> None:
    code = devices.new_pairing_code(house.rt, house.device_id)
    house.clock.go(after)
    assert (pair(house, code) != "unauthorized") == works


def test_a_new_code_takes_the_place_of_the_old(house: House) -> None:
    old = devices.new_pairing_code(house.rt, house.device_id)
    other_id, _ = devices.add(house.rt, house.account_id, "Other phone")
    others = devices.new_pairing_code(house.rt, other_id)
    new = devices.new_pairing_code(house.rt, house.device_id)
    assert pair(house, old) == "unauthorized"
    assert pair(house, new) != "unauthorized"
    assert pair(house, others) != "unauthorized"
    assert pair(house, "") == "unauthorized"


@pytest.mark.parametrize("title", [pytest.param("  ", id="blank"), pytest.param("x" * 101, id="too long")])
def test_titles(house: House, title: str) -> None:
    with pytest.raises(Problem) as caught:
        devices.add(house.rt, house.account_id, title)
    assert (caught.value.code, caught.value.field) == ("invalid", "title")


def test_a_device_that_is_not_there_cannot_be_changed(house: House) -> None:
    with pytest.raises(Problem) as caught:
        devices.change(house.rt, devices.DeviceChange(device_id=99, title="x"))
    assert caught.value.code == "not_found"


def test_sightings_are_not_written_each_time() -> None:
    sightings = devices.Sightings()
    assert [sightings.due(1, START + at) for at in (0, 1, 15 * SECOND - 1, 15 * SECOND)] == [
        True,
        False,
        False,
        True,
    ]
    assert sightings.due(2, START + 1)


def test_a_heartbeat_is_kept(house: House) -> None:
    health = {"battery": 81, "network": "wlan über alles"}
    house.rt.db.write_now(devices.write_sightings, devices.Sighting(device_id=house.device_id, health=health))
    assert json.loads(house.device()["health"]) == health
    house.clock.go(SECOND)
    house.seen()
    assert json.loads(house.device()["health"]) == health  # a plain sighting says nothing of it
    assert house.device()["last_seen_at"] == START + SECOND
