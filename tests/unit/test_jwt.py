"""JWTs that are accepted, and the zoo of those that are not."""

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from joserfc.jwk import RSAKey
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.auth.token_claims import MOST_CHARACTERS
from leadline_server.auth.tokens import JwtVerifier
from leadline_server.domain.access.principals import Role
from leadline_server.domain.access_errors import Unauthenticated
from pydantic import ValidationError
from support.tokens import AUDIENCE, ISSUER, RSA, SMALL, KeyServer, claims, encoded, key_server, signed, signed_as_told
from unit.jwt_clocks import Clock, verified, verifier_of

STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"}, auto_kid=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys() -> AsyncIterator[KeyServer]:
    async with key_server() as shown:
        yield shown


@pytest.fixture
def verifier(keys: KeyServer, clock: Clock) -> JwtVerifier:
    return verifier_of(keys, clock)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "Ed25519"])
async def test_a_good_token_is_accepted(verifier: JwtVerifier, algorithm: str) -> None:
    found = await verified(verifier, signed(algorithm=algorithm))
    assert (found.role, found.account_id, found.user_id, found.subject) == (Role.USER, "acme", "alice", "alice")


SOON = int(time.time()) + 3600  # later than the longest run of all tests, which are collected at its start


@pytest.mark.parametrize(
    "said",
    [
        partial(claims, aud=["other", AUDIENCE]),
        partial(claims, nbf=int(time.time()) - 1, iat=int(time.time()) - 1, jti="t1"),
        partial(claims, exp=SOON + 0.5),
        partial(claims, leadline_role="user"),
    ],
)
async def test_claims_that_are_accepted(verifier: JwtVerifier, said: Any) -> None:
    assert (await verified(verifier, signed(said()))).account_id == "acme"


BAD_CLAIMS = {
    "expired": partial(claims, exp=int(time.time()) - 1),
    "no exp": partial(claims, exp=None),
    "exp a text": partial(claims, exp="9999999999"),
    "exp true": partial(claims, exp=True),
    "exp endless": partial(claims, exp=1e300),
    "not yet": partial(claims, nbf=SOON),
    "nbf a text": partial(claims, nbf="0"),
    "issued in the future": partial(claims, iat=SOON),
    "no aud": partial(claims, aud=None),
    "another aud": partial(claims, aud="leadline2"),
    "prefix of aud": partial(claims, aud="lead"),
    "empty aud list": partial(claims, aud=[]),
    "aud list of others": partial(claims, aud=["a", "b"]),
    "aud list with a number": partial(claims, aud=[AUDIENCE, 1]),
    "aud an object": partial(claims, aud={AUDIENCE: 1}),
    "no iss": partial(claims, iss=None),
    "prefix of iss": partial(claims, iss=ISSUER[:-1]),
    "iss with a slash": partial(claims, iss=f"{ISSUER}/"),
    "iss a list": partial(claims, iss=[ISSUER]),
    "no sub": partial(claims, sub=None),
    "sub a number": partial(claims, sub=7),
    "sub of 6,000 characters": partial(claims, sub="x" * 6000),
    "sub with a line feed": partial(claims, sub="alice\nbob"),
    "no account": partial(claims, leadline_account=None),
    "account a list": partial(claims, leadline_account=["acme"]),
    "role above": partial(claims, leadline_role="platform"),
    "role unknown": partial(claims, leadline_role="root"),
    "role a list": partial(claims, leadline_role=["user"]),
    "jti a number": partial(claims, jti=1),
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
async def test_the_zoo_of_claims_is_refused(verifier: JwtVerifier, keys: KeyServer, name: str) -> None:
    with pytest.raises(Unauthenticated):
        await verified(verifier, signed(BAD_CLAIMS[name]()))
    assert keys.asked <= 1


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


def padded(length: int) -> str:
    """A good token of `length` characters, or up to 3 fewer."""
    pad = (length - len(signed(claims(pad="")))) * 3 // 4
    return next(token for more in range(4, -5, -1) if len(token := signed(claims(pad="x" * (pad + more)))) <= length)


async def test_a_good_token_has_8192_characters_at_most(verifier: JwtVerifier, keys: KeyServer) -> None:
    await verified(verifier, padded(MOST_CHARACTERS))
    asked = keys.asked
    with pytest.raises(Unauthenticated):
        await verified(verifier, padded(MOST_CHARACTERS + 4))
    assert keys.asked == asked


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
async def test_the_zoo_of_tokens_is_refused(verifier: JwtVerifier, keys: KeyServer, name: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await verified(verifier, BAD_TOKENS[name])
    assert "eyJ" not in caught.value.message
    assert keys.asked <= 1


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
