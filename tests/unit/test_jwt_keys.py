"""Keys that JWTs are signed with: when they are read again, and which are kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.auth.signing_keys import MOST_BYTES, KeysUnreadable, keys_in
from leadline_server.auth.tokens import JwtVerifier
from leadline_server.domain.access.principals import Role
from leadline_server.domain.access_errors import Unauthenticated
from support.tokens import AUDIENCE, EC, ISSUER, OKP, RSA, KeyServer, claims, key_server, key_set, signed
from unit.jwt_clocks import Clock, verified, verifier_of


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


async def test_a_thousand_random_key_ids_cause_one_fetch(verifier: JwtVerifier, keys: KeyServer) -> None:
    tokens = [signed(header={"kid": f"random-{index}"}) for index in range(1000)]
    answers = await asyncio.gather(*(verified(verifier, token) for token in tokens), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unauthenticated}
    assert keys.asked == 1
    assert (await verified(verifier, signed())).subject == "alice"
    assert keys.asked == 1


async def test_tokens_that_come_while_the_keys_are_read_first_wait_for_them(
    verifier: JwtVerifier, keys: KeyServer
) -> None:
    found = await asyncio.gather(*(verified(verifier, signed()) for _ in range(8)))
    assert {token.subject for token in found} == {"alice"}
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
