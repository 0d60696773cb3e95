"""Signatures agree with the vendors' own Python libraries, on 10,000 random bodies each.

The libraries are in the dependency group `vendors`, which `make soak` installs.
"""

import hashlib
import importlib
import random
import string
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from leadline_server.ingress.authentication import Refused, refusal
from leadline_server.ingress.schemes import Ed25519Scheme, JwtScheme, TwilioScheme
from leadline_server.ingress.webhook import Webhook
from support.webhook_events import FORM, JSON, PUBLIC_URL, SECRET, TELNYX_PUBLIC_KEY, jwt, sign_telnyx

pytestmark = pytest.mark.soak

BODIES: Final = 10_000
_TELNYX: Final = Ed25519Scheme(
    type="ed25519",
    header="telnyx-signature-ed25519",
    timestamp_header="telnyx-timestamp",
    signed="{timestamp}|{body}",
    tolerance=300,
)
_LONG_SECRET: Final = SECRET * 2  # PyJWT warns of a key for HS256 below 32 bytes
_LETTERS: Final = string.printable + "äöü€😀%&=+#?/ "


def text(chance: random.Random, longest: int = 40) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.randrange(longest)))


def changed(chance: random.Random, value: str) -> str:
    """The text, or in half of the cases one with another character."""
    if chance.random() < 0.5 or not value:
        return value
    index = chance.randrange(len(value))
    return value[:index] + chance.choice(string.ascii_letters + string.digits) + value[index + 1 :]


def is_authentic(scheme: Any, secret: str, request: Webhook) -> bool:
    return refusal(scheme, secret, "", request, datetime.now(UTC)) is None


class TestTwilio:
    @pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
    def test_forms(self, algorithm: str) -> None:
        validator = importlib.import_module("twilio.request_validator").RequestValidator(SECRET)
        chance, seen = random.Random(1), set[bool]()
        for _ in range(BODIES):
            fields = {text(chance, 12): text(chance) for _ in range(chance.randrange(12))}
            port = chance.choice(["", ":443", ":8443"])
            query = chance.choice(["", "?a=1", "?b=%20x&c"])
            url = f"https://calls.example.com{port}/ingress/twilio/demo{query}"
            signature = changed(chance, validator.compute_signature(url, fields, algorithm))
            headers = {"content-type": FORM, "x-twilio-signature": signature}
            if algorithm != "HMAC_SHA1" or chance.random() < 0.5:
                headers["x-twilio-webhooks-signature-settings"] = f"key=k1,algorithm={algorithm}"
            ours = is_authentic(
                TwilioScheme(type="twilio"), SECRET, Webhook(url=url, headers=headers, body=urlencode(fields).encode())
            )
            assert ours == validator.validate(url, fields, signature, algorithm)
            seen.add(ours)
        assert seen == {True, False}

    def test_bodies_that_are_not_forms(self) -> None:
        validator = importlib.import_module("twilio.request_validator").RequestValidator(SECRET)
        chance, seen = random.Random(2), set[bool]()
        for _ in range(BODIES):
            body = text(chance, 200)
            digest = changed(chance, hashlib.sha256(body.encode()).hexdigest())
            url = f"{PUBLIC_URL}/ingress/twilio/demo?bodySHA256={digest}"
            signature = changed(chance, validator.compute_signature(url, {}))
            headers = {"content-type": JSON, "x-twilio-signature": signature}
            request = Webhook(url=url, headers=headers, body=body.encode())
            ours = is_authentic(TwilioScheme(type="twilio"), SECRET, request)
            assert ours == validator.validate(url, body, signature)
            seen.add(ours)
        assert seen == {True, False}


def test_telnyx() -> None:
    library = importlib.import_module("telnyx.lib.webhook_verification")
    chance, seen = random.Random(3), set[bool]()
    for _ in range(BODIES):
        body = text(chance, 200).encode()
        headers = dict(sign_telnyx("", body, {}, ago=chance.choice([0, 0, 0, 200, -200, 400, -400])))
        name = chance.choice(list(headers))
        headers[name] = changed(chance, headers[name])
        ours = is_authentic(_TELNYX, TELNYX_PUBLIC_KEY, Webhook(url="", headers=headers, body=body))
        assert ours == _accepts(library, body, headers)
        seen.add(ours)
    assert seen == {True, False}


def _accepts(library: Any, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        library.verify_webhook_signature(body, headers, TELNYX_PUBLIC_KEY)
    except library.WebhookVerificationError:
        return False
    return True


def test_vonage() -> None:
    library = importlib.import_module("vonage_jwt")
    scheme, chance, seen = JwtScheme(type="jwt"), random.Random(4), set[bool]()
    for _ in range(BODIES):
        body = text(chance, 200).encode()
        now = int(time.time())
        claims = {"iat": now, "payload_hash": hashlib.sha256(body).hexdigest(), "jti": text(chance, 8)}
        if chance.random() < 0.5:
            claims["exp"] = now + chance.choice([-60, 60])
        token = changed(chance, jwt(claims, _LONG_SECRET))
        headers = {"authorization": f"Bearer {token}"}
        ours = is_authentic(scheme, _LONG_SECRET, Webhook(url="", headers=headers, body=body))
        assert ours == _verifies(library, token)
        seen.add(ours)
    assert seen == {True, False}


def _verifies(library: Any, token: str) -> bool:
    try:
        return bool(library.verify_signature(token, _LONG_SECRET))
    except library.VonageVerifyJwtError:
        return False


def test_a_body_that_vonage_did_not_hash_is_refused_though_the_token_is_authentic() -> None:
    library = importlib.import_module("vonage_jwt")
    token = jwt({"iat": int(time.time()), "payload_hash": hashlib.sha256(b"{}").hexdigest()}, _LONG_SECRET)
    request = Webhook(url="", headers={"authorization": f"Bearer {token}"}, body=b"{ }")
    assert _verifies(library, token)
    assert refusal(JwtScheme(type="jwt"), _LONG_SECRET, "", request, datetime.now(UTC)) is Refused.FORGED
