"""What arrives is verified by other people's code: the official `standardwebhooks` package, and ed25519 by `cryptography`."""

import base64
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.journeys.stage import Ear, Stage, eventually, picture, ringback, stage
from tests.serving import Server

from phonesim.received import Received


def verifies(secret: str, one: Received) -> bool:
    try:
        told = Webhook(secret).verify(one.content, one.headers)
    except WebhookVerificationError:
        return False
    assert told == one.body
    return True


def signatures(one: Received) -> list[str]:
    return (one.header("webhook-signature") or "").split(" ")


def kinds(one: Received) -> list[str]:
    return [signature.partition(",")[0] for signature in signatures(one)]


def verifies_ed25519(public_key: str, one: Received) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{one.webhook_id}.{one.header('webhook-timestamp')}.".encode() + one.content
    for signature in signatures(one):
        kind, _, value = signature.partition(",")
        if kind != "v1a":
            continue
        try:
            key.verify(base64.b64decode(value), signed)
        except InvalidSignature:
            return False
        return True
    return False


def newest(who: Stage, ear: Ear) -> Received:
    """One more webhook."""
    sms_id = who.incoming("one more", id=f"marker-{len(ear.received)}")["sms_id"]
    [one] = eventually(lambda: ear.of(sms_id))
    return one


def test_every_webhook_is_verified(house: Server, ear: Ear) -> None:
    who = stage(house, ear.url)
    sent = who.good_life("Grüße 😀 \u2028 <&>")
    for status in (8, 9, 10, 11, 12, 100, 101):
        failing = who.send()
        who.poll()
        who.report(failing, status)
    who.incoming("שלום")
    assert who.picture(picture())[0] == 200
    for sample in ("status", "text", "img"):
        assert who.api("POST", f"/v1/endpoints/{who.endpoint()}/test", {"sample": sample})["succeeded"]
    received = eventually(lambda: ear.received if len(ear.received) >= 4 + 7 * 2 + 2 + 3 else [])
    assert len(received) == 4 + 7 * 2 + 2 + 3
    assert ear.statuses(sent) == [3, 2, 6, 7]
    for one in received:
        assert verifies(who.secret(), one), one.text
        assert kinds(one) == ["v1"]
        assert one.header("content-type") == "application/json"
        assert (one.header("user-agent") or "").startswith("Ringback/")
    ids = [one.webhook_id for one in received]
    assert len(set(ids)) == len(ids)


def test_what_is_not_ours_is_not_verified(house: Server, ear: Ear) -> None:
    who, other = stage(house, ear.url), stage(house, ear.url)
    one = newest(who, ear)
    assert verifies(who.secret(), one)
    assert not verifies(other.secret(), one)
    forged = Webhook(who.secret())
    with pytest.raises(WebhookVerificationError):
        forged.verify(one.content.replace(b"one more", b"one less"), one.headers)
    with pytest.raises(WebhookVerificationError):
        forged.verify(one.content, {**one.headers, "webhook-id": "evt_1_0"})
    with pytest.raises(WebhookVerificationError):
        forged.verify(one.content, {**one.headers, "webhook-timestamp": "1"})


def test_a_repeat_is_signed_anew_under_the_same_id(house: Server, ear: Ear) -> None:
    who = stage(house, ear.url)
    ear.misbehave(status=503, times=1)
    sms_id = who.incoming()["sms_id"]
    first, second = eventually(lambda: ear.of(sms_id) if len(ear.of(sms_id)) >= 2 else [])
    assert first.webhook_id == second.webhook_id
    assert first.content == second.content
    assert (first.attempt, second.attempt) == (1, 2)
    assert int(second.header("webhook-timestamp") or 0) > int(first.header("webhook-timestamp") or 0)
    assert verifies(who.secret(), first)
    assert verifies(who.secret(), second)


def by_command(who: Stage, overlap: float) -> str:
    hours = f"{overlap / 3600:.6f}"
    return str(ringback(who.server, "endpoint", "rotate", str(who.endpoint()), "--overlap", hours)["secret"])


def by_api(who: Stage, overlap: float) -> str:
    return str(who.api("POST", f"/v1/endpoints/{who.endpoint()}/secret", {"overlap": overlap})["secret"])


Rotate = Callable[[Stage, float], str]


@pytest.mark.parametrize("rotate", [by_command, by_api], ids=["command", "api"])
class TestRotation:
    def test_both_secrets_verify(self, house: Server, ear: Ear, rotate: Rotate) -> None:
        who = stage(house, ear.url)
        old = who.secret()
        assert verifies(old, newest(who, ear))
        new = rotate(who, 3600)
        assert new != old
        one = eventually(lambda: _with(newest(who, ear), ["v1", "v1"]))
        assert verifies(new, one)
        assert verifies(old, one)
        assert who.endpoint_now()["rotating_until"] is not None

    def test_the_old_one_ends_with_the_overlap(self, house: Server, ear: Ear, rotate: Rotate) -> None:
        who = stage(house, ear.url)
        new = rotate(who, 1)
        one = eventually(lambda: _with(newest(who, ear), ["v1"], verified_by=new))
        assert verifies(new, one)
        assert not verifies(who.secret(), one)
        assert who.endpoint_now()["rotating_until"] is None

    def test_at_once_where_no_overlap_is_wanted(self, house: Server, ear: Ear, rotate: Rotate) -> None:
        who = stage(house, ear.url)
        new = rotate(who, 0)
        one = eventually(lambda: _with(newest(who, ear), ["v1"], verified_by=new))
        assert not verifies(who.secret(), one)

    def test_the_second_rotation_ends_the_first_secret(self, house: Server, ear: Ear, rotate: Rotate) -> None:
        who = stage(house, ear.url)
        middle, newest_secret = rotate(who, 3600), rotate(who, 3600)
        one = eventually(lambda: _with(newest(who, ear), ["v1", "v1"], verified_by=newest_secret))
        assert verifies(middle, one)
        assert not verifies(who.secret(), one)


def _with(one: Received, wanted: list[str], verified_by: str | None = None) -> Received | None:
    """That webhook, if it is signed like this already: what another process writes is heard of within a moment."""
    fits = kinds(one) == wanted and (verified_by is None or verifies(verified_by, one))
    return one if fits else None


def sign_by_command(who: Stage) -> str:
    return str(ringback(who.server, "endpoint", "sign", str(who.endpoint()))["public_key"])


def sign_by_api(who: Stage) -> str:
    return str(who.api("POST", f"/v1/endpoints/{who.endpoint()}/signing-key")["public_key"])


@pytest.mark.parametrize("sign", [sign_by_command, sign_by_api], ids=["command", "api"])
def test_ed25519(house: Server, ear: Ear, sign: Callable[[Stage], str]) -> None:
    who = stage(house, ear.url)
    public_key = sign(who)
    one = eventually(lambda: _with(newest(who, ear), ["v1", "v1a"]))
    assert verifies_ed25519(public_key, one)
    assert verifies(who.secret(), one)  # the official package is not disturbed by the second kind
    assert who.endpoint_now()["ed25519"] is True
    stranger = stage(house, ear.url)
    assert not verifies_ed25519(sign(stranger), one)
    # And during a rotation all three.
    new = by_api(who, 3600)
    one = eventually(lambda: _with(newest(who, ear), ["v1", "v1", "v1a"]))
    assert verifies(new, one)
    assert verifies(who.secret(), one)
    assert verifies_ed25519(public_key, one)
