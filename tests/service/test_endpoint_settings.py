"""Endpoints: one for each URL of an account, sealed secrets, rotation, pausing and resuming."""

from typing import Any

import pytest
from tests.service.house import START, URL, House

from ringback.domain.channels import Channel
from ringback.domain.problems import Problem
from ringback.domain.times import DAY, HOUR
from ringback.service import accounts, devices, endpoints
from ringback.store import endpoints as store
from ringback.store.devices import channel_rows
from ringback.store.transaction import Row
from ringback.wire.signature import public_key, secret_bytes

OTHER = "http://127.0.0.1:9999/other"


def change(house: House, **values: Any) -> list[endpoints.Shown]:
    return devices.change(house.rt, devices.DeviceChange(device_id=house.device_id, **values))


def rows(house: House) -> list[Row]:
    return list(house.rt.db.look(store.of_account, house.account_id))


def named(house: House) -> tuple[int | None, set[int | None]]:
    """The endpoints of the status webhook and of the slots."""
    slots = house.rt.db.look(channel_rows, house.device_id)
    return house.device()["status_endpoint_id"], {row["endpoint_id"] for row in slots}


def test_a_url_is_one_endpoint(house: House) -> None:
    shown = change(house, status_webhook=URL, incoming_webhooks={Channel.SIM_1: URL, Channel.SIM_2: URL})
    assert [(s.endpoint_id, s.url) for s in shown] == [(1, URL)] * 3
    assert [s.secret is not None for s in shown] == [True, False, False]  # shown once
    assert named(house) == (1, {1, None})
    device_id, _ = devices.add(house.rt, house.account_id, "Second")
    [shared] = devices.change(house.rt, devices.DeviceChange(device_id=device_id, status_webhook=URL))
    assert (shared.endpoint_id, shared.secret) == (1, None)


def test_accounts_share_nothing(house: House) -> None:
    change(house, status_webhook=URL)
    account_id, _ = accounts.add(house.rt, email="two@example.org")
    device_id, _ = devices.add(house.rt, account_id, "Other phone")
    [shown] = devices.change(house.rt, devices.DeviceChange(device_id=device_id, status_webhook=URL))
    assert shown.endpoint_id == 2
    assert shown.secret is not None


def test_the_only_setting_moves_its_endpoint_along(house: House) -> None:
    change(house, status_webhook=URL)
    before = rows(house)[0]
    house.rt.db.write_now(endpoints.change_endpoints, endpoints.pause(1, house.account_id))
    [shown] = change(house, status_webhook=OTHER)
    assert (shown.endpoint_id, shown.secret) == (1, None)
    [after] = rows(house)
    assert (after["url"], after["secret"], after["state"], after["note"]) == (
        OTHER,
        before["secret"],
        "healthy",
        None,
    )
    assert house.commits[-1].endpoints == {1}  # the engine reads it anew


def test_a_shared_endpoint_stays(house: House) -> None:
    change(house, status_webhook=URL, incoming_webhooks={Channel.SIM_1: URL})
    [shown] = change(house, status_webhook=OTHER)
    assert shown.endpoint_id == 2
    assert shown.secret is not None
    assert named(house) == (2, {1, None})
    assert [row["url"] for row in rows(house)] == [URL, OTHER]


def test_moving_to_a_url_that_is_there(house: House) -> None:
    change(house, status_webhook=URL, incoming_webhooks={Channel.SIM_1: OTHER})
    [shown] = change(house, status_webhook=OTHER)
    assert (shown.endpoint_id, shown.secret) == (2, None)
    assert named(house) == (2, {2, None})


def test_taking_a_webhook_away(house: House) -> None:
    change(house, status_webhook=URL, incoming_webhooks={Channel.SIM_1: URL})
    assert change(house, status_webhook="", incoming_webhooks={Channel.SIM_1: ""}) == []
    assert named(house) == (None, {None})
    assert len(rows(house)) == 1  # with what waits for it


@pytest.mark.parametrize(
    ("url", "code"),
    [
        pytest.param("ftp://example.org", "invalid", id="no web address"),
        pytest.param("http://10.0.0.1/", "webhook_address_refused", id="private"),
        pytest.param("http://169.254.169.254/", "webhook_address_refused", id="cloud metadata"),
    ],
)
def test_a_url_that_cannot_be(house: House, url: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        change(house, title="New", status_webhook=url)
    assert caught.value.code == code
    assert house.device()["title"] == "Shop phone"


def test_secrets_are_sealed(house: House) -> None:
    [shown] = change(house, status_webhook=URL)
    assert shown.secret is not None
    [row] = rows(house)
    assert shown.secret.encode() not in row["secret"]
    assert house.rt.sealer.open(row["secret"], endpoints.SECRET).decode() == shown.secret
    keys = endpoints.keys(house.rt.sealer, row)
    assert (keys.secrets_at(START), keys.signing_keys) == ((secret_bytes(shown.secret),), ())
    with pytest.raises(ValueError, match="sealed with another key"):
        house.rt.sealer.open(row["secret"], endpoints.SIGNING_KEY)


def edit(house: House, values: dict[str, Any]) -> Row:
    asked = endpoints.EndpointChange(endpoint_id=1, account_id=house.account_id, values=values)
    house.rt.db.write_now(endpoints.change_endpoints, asked)
    return rows(house)[0]


def test_rotation(house: House) -> None:
    [shown] = change(house, status_webhook=URL)
    assert shown.secret is not None
    new, values = endpoints.rotated(house.rt.sealer, rows(house)[0], START)
    row = edit(house, values)
    both = (secret_bytes(new), secret_bytes(shown.secret))
    assert endpoints.keys(house.rt.sealer, row).secrets_at(START + DAY - 1) == both
    assert endpoints.keys(house.rt.sealer, row).secrets_at(START + DAY) == both[:1]
    newest, values = endpoints.rotated(house.rt.sealer, row, START + HOUR, overlap=HOUR)
    row = edit(house, values)
    assert endpoints.keys(house.rt.sealer, row).secrets_at(START + HOUR) == (
        secret_bytes(newest),
        secret_bytes(new),
    )


def test_a_signing_key_of_its_own(house: House) -> None:
    change(house, status_webhook=URL)
    public, values = endpoints.with_signing_key(house.rt.sealer)
    [private] = endpoints.keys(house.rt.sealer, edit(house, values)).signing_keys
    assert public.startswith("whpk_")
    assert public_key(private) == public


def test_pausing_and_resuming(house: House) -> None:
    change(house, status_webhook=URL)
    house.rt.db.write_now(endpoints.change_endpoints, endpoints.pause(1, house.account_id, "holiday"))
    assert (rows(house)[0]["state"], rows(house)[0]["note"]) == ("paused", "holiday")
    house.rt.db.write_now(endpoints.change_endpoints, endpoints.resume(1, None))
    assert (rows(house)[0]["state"], rows(house)[0]["note"]) == ("healthy", None)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(endpoints.pause(1, 99), "not_found", id="another account's"),
        pytest.param(endpoints.pause(9, 1), "not_found", id="none"),
        pytest.param(
            endpoints.EndpointChange(endpoint_id=1, account_id=1, values={"url": OTHER}),
            "conflict",
            id="a URL that is taken",
        ),
    ],
)
def test_refused(house: House, asked: endpoints.EndpointChange, code: str) -> None:
    change(house, status_webhook=URL, incoming_webhooks={Channel.SIM_1: OTHER})
    before = rows(house)
    with pytest.raises(Problem) as caught:
        house.rt.db.write_now(endpoints.change_endpoints, asked)
    assert caught.value.code == code
    assert rows(house) == before


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ca": "no PEM"}, id="ca"),
        pytest.param({"client_certificate": "no PEM"}, id="client_certificate"),
        pytest.param({"min_tls": "1.1"}, id="min_tls"),
    ],
)
def test_tls_that_cannot_be(house: House, values: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        endpoints.tls_columns(house.rt.sealer, **values)
    assert (caught.value.code, caught.value.field) == ("invalid", next(iter(values)))
    taken_away = endpoints.tls_columns(house.rt.sealer, ca="", client_certificate="", min_tls="1.3")
    assert taken_away == {"ca": None, "client_certificate": None, "min_tls": "1.3"}
