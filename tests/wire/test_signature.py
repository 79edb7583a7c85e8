"""Signatures: the vectors of contracts/webhooks.md section 4, judged by the official package too."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from ringback.wire import signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1_614_265_330
BODY = b'{"test": 2432232314}'
VECTORS = [
    pytest.param(BODY, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", id="JSON"),
    pytest.param(b"", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=", id="empty body"),
    pytest.param(
        '{"text":"héllo 😀"}'.encode(), "v1,SZLD2gGjiB8YCsOvbRhSCSAO459syHTZBXDVojE2pKc=", id="not ASCII"
    ),
]
KEYS = st.binary(min_size=24, max_size=64)


@pytest.mark.parametrize(("body", "expected"), VECTORS)
def test_vectors(body: bytes, expected: str) -> None:
    assert signature.sign(signature.secret_bytes(SECRET), ID, TIMESTAMP, body) == expected


@pytest.mark.parametrize(("body", "expected"), VECTORS)
def test_the_official_package_signs_the_same(body: bytes, expected: str) -> None:
    at = datetime.fromtimestamp(TIMESTAMP, UTC)
    assert Webhook(SECRET).sign(ID, at, body.decode()) == expected


def headers(webhook_signature: str, timestamp: int) -> dict[str, str]:
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhook_signature,
    }


def test_the_official_package_verifies_with_either_secret_of_a_rotation() -> None:
    now = int(time.time())
    body = json.dumps({"text": "héllo 😀"}, ensure_ascii=False).encode()
    old, new = signature.new_secret(), signature.new_secret()
    private, _ = signature.new_signing_key()
    keys = [signature.secret_bytes(old), signature.secret_bytes(new)]
    sent = headers(signature.header(keys, [private], ID, now, body), now)
    for secret in (old, new):
        assert Webhook(secret).verify(body, sent) == {"text": "héllo 😀"}
    with pytest.raises(WebhookVerificationError):
        Webhook(signature.new_secret()).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", sent)


@given(KEYS, st.text(), st.integers(0, 2**33), st.text())
def test_the_official_package_agrees_on_anything(
    key: bytes, webhook_id: str, timestamp: int, text: str
) -> None:
    secret = signature.SECRET_PREFIX + base64.b64encode(key).decode()
    at = datetime.fromtimestamp(timestamp, UTC)
    expected = Webhook(secret).sign(webhook_id, at, text)
    assert signature.sign(signature.secret_bytes(secret), webhook_id, timestamp, text.encode()) == expected


def public_key(public: str) -> Ed25519PublicKey:
    raw = base64.b64decode(public.removeprefix("whpk_"), validate=True)
    return Ed25519PublicKey.from_public_bytes(raw)


def test_ed25519_is_verified_by_the_public_key() -> None:
    private, public = signature.new_signing_key()
    version, _, encoded = signature.sign_ed25519(private, ID, TIMESTAMP, BODY).partition(",")
    signed = f"{ID}.{TIMESTAMP}.".encode() + BODY
    assert version == "v1a"
    public_key(public).verify(base64.b64decode(encoded, validate=True), signed)
    with pytest.raises(InvalidSignature):
        public_key(public).verify(base64.b64decode(encoded, validate=True), signed + b" ")


def test_ed25519_of_rfc_8032() -> None:
    """Section 7.1, test 1: which public key belongs to which seed."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    private = "whsk_" + base64.b64encode(seed).decode()
    assert signature.public_key(private) == "whpk_" + base64.b64encode(public).decode()


@pytest.mark.parametrize(
    ("secrets", "signing_keys", "versions"),
    [
        pytest.param(0, 0, [], id="none"),
        pytest.param(1, 0, ["v1"], id="one secret"),
        pytest.param(2, 0, ["v1", "v1"], id="rotation"),
        pytest.param(0, 1, ["v1a"], id="one key"),
        pytest.param(2, 2, ["v1", "v1", "v1a", "v1a"], id="rotation of both"),
    ],
)
def test_header(secrets: int, signing_keys: int, versions: list[str]) -> None:
    value = signature.header(
        [signature.secret_bytes(signature.new_secret()) for _ in range(secrets)],
        [signature.new_signing_key()[0] for _ in range(signing_keys)],
        ID,
        TIMESTAMP,
        BODY,
    )
    signatures = value.split(" ") if value else []
    assert [one.partition(",")[0] for one in signatures] == versions
    assert len(set(signatures)) == len(signatures)


def test_new_secrets_and_keys_are_new() -> None:
    assert len({signature.new_secret() for _ in range(100)}) == 100
    private, public = signature.new_signing_key()
    assert (private, public) != signature.new_signing_key()
    assert private.startswith("whsk_")
    assert public.startswith("whpk_")
    assert len(signature.secret_bytes(signature.new_secret())) == 24


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param(SECRET, 24, id="with prefix"),
        pytest.param(SECRET.removeprefix("whsec_"), 24, id="without prefix"),
        pytest.param("whsec_" + base64.b64encode(bytes(64)).decode(), 64, id="the longest"),
        pytest.param("whsec_" + base64.b64encode(bytes(25)).decode(), 25, id="padded"),
        pytest.param("whsec_" + base64.b64encode(bytes(25)).decode().rstrip("="), 25, id="padding left out"),
    ],
)
def test_secret_bytes(secret: str, expected: int) -> None:
    assert len(signature.secret_bytes(secret)) == expected


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        pytest.param("", "has 0 bytes", id="empty"),
        pytest.param("whsec_", "has 0 bytes", id="prefix only"),
        pytest.param("whsec_" + base64.b64encode(bytes(23)).decode(), "has 23 bytes", id="short"),
        pytest.param("whsec_" + base64.b64encode(bytes(65)).decode(), "has 65 bytes", id="long"),
        pytest.param("whsec_whsec_" + SECRET, "not base64", id="prefix twice"),
        pytest.param(SECRET + "!", "not base64", id="a mark in it"),
        pytest.param("whsec_" + "-_" * 16, "not base64", id="the other alphabet"),
        pytest.param("whsec_" + "A" * 33, "not base64", id="impossible length"),
        pytest.param("whsec_" + "й" * 32, "not base64", id="not ASCII"),
        pytest.param(SECRET + "\n", "not base64", id="line end"),
    ],
)
def test_secret_bytes_refuses(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        signature.secret_bytes(secret)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("private", "words"),
    [
        pytest.param("whsk_" + base64.b64encode(bytes(31)).decode(), "has 31 bytes", id="short"),
        pytest.param(
            "whsk_" + base64.b64encode(bytes(64)).decode(), "has 64 bytes", id="seed and public key"
        ),
        pytest.param("whsk_?", "not base64", id="junk"),
    ],
)
def test_signing_key_refused(private: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        signature.sign_ed25519(private, ID, TIMESTAMP, BODY)


@given(st.one_of(st.text(), st.text("whsec_AZaz09+/=")))
def test_junk_is_a_value_error(text: str) -> None:
    for read in (signature.secret_bytes, signature.public_key):
        try:
            read(text)
        except ValueError as exc:
            assert len(text) < 4 or text not in str(exc)  # noqa: PT017 -- either end is fine, a leak is not
