"""JWTs that are accepted, and the zoo of those that are not."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from joserfc.jwk import RSAKey
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.auth.signing_keys import MOST_BYTES, KeysUnreadable, keys_in
from leadline_server.auth.tokens import JwtVerifier
from leadline_server.domain.access.principals import Role, VerifiedToken
from leadline_server.domain.errors import Unauthenticated
from pydantic import ValidationError
from support.tokens import (
    AUDIENCE,
    EC,
    ISSUER,
    OKP,
    RSA,
    SMALL,
    KeyServer,
    claims,
    encoded,
    key_server,
    key_set,
    signed,
    signed_as_told,
)

STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"}, auto_kid=False)


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys() -> AsyncIterator[KeyServer]:
    async with key_server() as shown:
        yield shown


@pytest.fixture
def verifier(keys: KeyServer, clock: Clock) -> JwtVerifier:
    issuer = IssuerConfig(issuer=ISSUER, audiences=(AUDIENCE,), jwks_url=keys.url)
    other = IssuerConfig(issuer=f"{ISSUER}.evil", audiences=(AUDIENCE,), jwks_url=keys.url, account="evil")
    return JwtVerifier({"id": issuer, "evil": other}, clock.monotonic)


async def verified(verifier: JwtVerifier, token: str, now: float = 0.0) -> VerifiedToken:
    at = datetime.fromtimestamp(now or time.time(), UTC)
    return await verifier.verified(token, at)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "Ed25519"])
async def test_a_good_token_is_accepted(verifier: JwtVerifier, algorithm: str) -> None:
    found = await verified(verifier, signed(algorithm=algorithm))
    assert (found.role, found.account_id, found.user_id, found.subject) == (Role.USER, "acme", "alice", "alice")


SOON = int(time.time()) + 3600  # later than the longest run of all tests, which are collected at its start


@pytest.mark.parametrize(
    "said",
    [
        claims(aud=["other", AUDIENCE]),
        claims(nbf=int(time.time()) - 1, iat=int(time.time()) - 1, jti="t1"),
        claims(exp=SOON + 0.5),
        claims(leadline_role="user"),
    ],
)
async def test_claims_that_are_accepted(verifier: JwtVerifier, said: Any) -> None:
    assert (await verified(verifier, signed(said))).account_id == "acme"


BAD_CLAIMS = {
    "expired": claims(exp=int(time.time()) - 1),
    "no exp": claims(exp=None),
    "exp a text": claims(exp="9999999999"),
    "exp true": claims(exp=True),
    "exp endless": claims(exp=1e300),
    "not yet": claims(nbf=SOON),
    "nbf a text": claims(nbf="0"),
    "issued in the future": claims(iat=SOON),
    "no aud": claims(aud=None),
    "another aud": claims(aud="leadline2"),
    "prefix of aud": claims(aud="lead"),
    "empty aud list": claims(aud=[]),
    "aud list of others": claims(aud=["a", "b"]),
    "aud list with a number": claims(aud=[AUDIENCE, 1]),
    "aud an object": claims(aud={AUDIENCE: 1}),
    "no iss": claims(iss=None),
    "prefix of iss": claims(iss=ISSUER[:-1]),
    "iss with a slash": claims(iss=f"{ISSUER}/"),
    "iss a list": claims(iss=[ISSUER]),
    "no sub": claims(sub=None),
    "sub a number": claims(sub=7),
    "sub of a megabyte": claims(sub="x" * 6000),
    "sub with a line feed": claims(sub="alice\nbob"),
    "no account": claims(leadline_account=None),
    "account a list": claims(leadline_account=["acme"]),
    "role above": claims(leadline_role="platform"),
    "role unknown": claims(leadline_role="root"),
    "role a list": claims(leadline_role=["user"]),
    "jti a number": claims(jti=1),
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
async def test_the_zoo_of_claims_is_refused(verifier: JwtVerifier, keys: KeyServer, name: str) -> None:
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed(BAD_CLAIMS[name]))


def forged(header: Any, said: Any = None, signature: bytes = b"x") -> str:
    return f"{encoded(header)}.{encoded(claims() if said is None else said)}.{encoded(signature)}"


def hs256_with_the_public_key() -> str:
    head = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{encoded(claims())}"
    made = hmac.HMAC(RSA.as_pem(private=False), hashes.SHA256())
    made.update(head.encode())
    return f"{head}.{encoded(made.finalize())}"


GOOD = signed()
HEAD = encoded({"alg": "RS256", "kid": "rsa"})
TWICE, NAN = encoded(b'{"iss":"a","iss":"b"}'), encoded(b'{"exp": NaN}')
BAD_TOKENS = {
    "alg none": forged({"alg": "none", "typ": "JWT"}),
    "alg none, no signature": forged({"alg": "none"}).rpartition(".")[0] + ".",
    "alg NoNe": forged({"alg": "NoNe"}),
    "alg a list": forged({"alg": ["RS256"]}),
    "no alg": forged({"typ": "JWT"}),
    "HS256 with the public key": hs256_with_the_public_key(),
    "crit": signed_as_told({"crit": ["exp"], "exp": 1}),
    "crit of nothing known": signed_as_told({"crit": ["bork"], "bork": 1}),
    "jku": signed_as_told({"jku": "https://evil.example/jwks"}),
    "x5u": signed_as_told({"x5u": "https://evil.example/cert"}),
    "jwk": signed_as_told({"jwk": RSA.as_dict(private=False)}),
    "b64 false": signed_as_told({"b64": False}),
    "typ of another use": signed_as_told({"typ": "secevent+jwt"}),
    "kid traversal": signed(header={"kid": "../../../../etc/passwd"}),
    "kid with SQL": signed(header={"kid": "rsa' OR 1=1 --"}),
    "kid a number": signed_as_told({"kid": 1}),
    "kid very long": signed_as_told({"kid": "k" * 400}),
    "header twice": f"{TWICE}.{encoded(claims())}.eA",
    "another's key with the same kid": signed(key=STRANGER),
    "kid of a key of another kind": signed(header={"kid": "ec"}),
    "a key that is too short": signed(key=SMALL),
    "signature cut": GOOD[:-10],
    "signature of other claims": ".".join([GOOD.split(".")[0], encoded(claims(sub="bob")), GOOD.split(".")[2]]),
    "claims twice": f"{HEAD}.{TWICE}.eA",
    "claims a list": forged({"alg": "RS256", "kid": "rsa"}, [1]),
    "claims no JSON": f"{HEAD}.{encoded(b'not json')}.eA",
    "claims NaN": f"{HEAD}.{NAN}.eA",
    "nested": f"{HEAD}.{encoded(b'[' * 3000)}.eA",
    "five parts (JWE)": "a.b.c.d.e",
    "two parts": "a.b",
    "empty": "",
    "dots": "..",
    "base64 with blanks": GOOD.replace(".", " .", 1),
    "not ASCII": "é" + GOOD,
    "a megabyte": forged({"alg": "RS256", "kid": "rsa", "pad": "x" * 1024 * 1024}),
    "issuer that is known, key of another": signed(claims(iss=f"{ISSUER}.evil"), key=STRANGER),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_the_zoo_of_tokens_is_refused(verifier: JwtVerifier, name: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await verified(verifier, BAD_TOKENS[name])
    assert "eyJ" not in caught.value.message


async def test_a_thousand_random_key_ids_cause_one_fetch(verifier: JwtVerifier, keys: KeyServer) -> None:
    tokens = [signed(header={"kid": f"random-{index}"}) for index in range(1000)]
    answers = await asyncio.gather(*(verified(verifier, token) for token in tokens), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unauthenticated}
    assert keys.asked == 1
    assert (await verified(verifier, signed())).subject == "alice"
    assert keys.asked == 1


async def test_a_new_key_is_found_and_a_withdrawn_one_is_refused(
    verifier: JwtVerifier, keys: KeyServer, clock: Clock
) -> None:
    keys.body = key_set(RSA)
    assert (await verified(verifier, signed())).subject == "alice"
    keys.body = key_set(EC)
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed(algorithm="ES256"))
    clock.ahead += 31
    assert (await verified(verifier, signed(algorithm="ES256"))).subject == "alice"
    assert keys.asked == 2
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed())


async def test_a_withdrawn_key_is_refused_after_five_minutes(
    verifier: JwtVerifier, keys: KeyServer, clock: Clock
) -> None:
    assert (await verified(verifier, signed())).subject == "alice"
    keys.body = key_set(EC)
    clock.ahead += 301
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (302, key_set()),
        (200, b"{}"),
        (200, b'{"keys": []}'),
        (200, b"[" * 100_000),
        (200, b" " * (MOST_BYTES + 1)),
    ],
)
async def test_old_keys_stay_if_reading_fails(
    verifier: JwtVerifier, keys: KeyServer, clock: Clock, status: int, body: bytes
) -> None:
    assert (await verified(verifier, signed())).subject == "alice"
    keys.status, keys.body = status, body
    clock.ahead += 301
    assert (await verified(verifier, signed())).subject == "alice"
    assert keys.asked == 2


async def test_without_any_keys_tokens_are_refused(verifier: JwtVerifier, keys: KeyServer) -> None:
    keys.status = 500
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed())


async def test_keys_come_from_a_file_too(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "keys.json"
    issuer = IssuerConfig(
        issuer=ISSUER,
        audiences=(AUDIENCE,),
        jwks_file=file,
        account="acme",
        roles=(Role.SERVICE, Role.ACCOUNT_ADMIN),
    )
    verifier = JwtVerifier({"id": issuer}, clock.monotonic)
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed())
    file.write_bytes(key_set(OKP))
    clock.ahead += 31
    found = await verified(
        verifier, signed(claims(leadline_account="globex"), algorithm="Ed25519", header={"kid": None})
    )
    assert (found.account_id, found.role, found.user_id) == ("acme", Role.SERVICE, "")
    admin = await verified(verifier, signed(claims(leadline_role="account_admin"), algorithm="Ed25519"))
    assert admin.role is Role.ACCOUNT_ADMIN


def test_only_public_parts_of_usable_keys_are_kept() -> None:
    private = json.dumps({"keys": [RSA.as_dict(private=True), {"kty": "oct", "k": "c2VjcmV0"}, 7, {"kty": "RSA"}]})
    [key] = keys_in(private.encode())
    assert not key.is_private
    with pytest.raises(KeysUnreadable):
        keys_in(json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).encode())
    with pytest.raises(KeysUnreadable):
        keys_in(json.dumps({"keys": [RSA.as_dict(private=False)] * 101}).encode())


@pytest.mark.parametrize(
    "wrong",
    [
        {"jwks_url": "http://id.example/jwks"},
        {"jwks_url": "file:///etc/passwd"},
        {"jwks_url": ""},
        {"jwks_file": "keys.json"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"audiences": []},
        {"roles": ["root"]},
        {"roles": ["platform"], "account": "acme"},
        {"leeway": 60},
    ],
)
def test_settings_of_an_issuer_that_are_refused(wrong: Any) -> None:
    right = {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_url": "https://id.example/jwks"}
    IssuerConfig.model_validate(right)
    with pytest.raises(ValidationError):
        IssuerConfig.model_validate(right | wrong)
