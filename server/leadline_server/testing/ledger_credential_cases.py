"""Obligations of the ledger's credentials: API keys and denied tokens."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadline_server.domain.access.principals import ApiKey, Grant, Role, VerifiedToken
from leadline_server.domain.access_errors import KeyConflict, KeyNotFound, TooManyKeys
from leadline_server.ports.ledger import Ledger
from leadline_server.ports.ledger.credentials import DenialKind, TokenDenial
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, OpenLedger

_MOST = 10
_KEY = ApiKey(
    key_id="00000000000000aa",
    digest=b"a" * 32,
    role=Role.SERVICE,
    account_id=ACCOUNT,
    grants=frozenset({Grant.UPDATE_PREFERENCES}),
    label="office PBX",
    family="00000000000000aa",
    create_time=NOW,
    creator="key:00000000000000ff",
    expire_time=NOW + timedelta(days=1),
)
_TOKEN = VerifiedToken(
    issuer="https://id.example",
    subject="alice",
    token_id="t1",  # noqa: S106 - an id, not a secret
    expire_time=0.0,
    role=Role.USER,
    account_id=ACCOUNT,
    user_id="alice",
)


def _other(letter: str, **changes: Any) -> ApiKey:
    key_id = "00000000000000a" + letter
    return replace(_KEY, **{"key_id": key_id, "digest": letter.encode() * 32, "family": key_id, **changes})


def _denial(**changes: Any) -> TokenDenial:
    denial = TokenDenial(
        account_id=ACCOUNT, issuer=_TOKEN.issuer, kind=DenialKind.TOKEN, value="t1", denied_at=NOW, until=None
    )
    return replace(denial, **changes)


class CredentialCases:
    """API keys and denied tokens."""

    async def test_a_key_comes_back_as_it_was_issued(self, ledger: Ledger) -> None:
        await ledger.credentials.issue(_KEY, _MOST)
        assert await ledger.credentials.find(_KEY.digest) == _KEY
        assert await ledger.credentials.find(b"b" * 32) is None
        assert await ledger.credentials.list(ACCOUNT, "", 10) == [_KEY]
        assert not await ledger.credentials.list("", "", 10)

    async def test_keys_are_listed_by_id_a_page_at_a_time(self, ledger: Ledger) -> None:
        for letter in "cbd":
            await ledger.credentials.issue(_other(letter), _MOST)
        first = await ledger.credentials.list(ACCOUNT, "", 2)
        second = await ledger.credentials.list(ACCOUNT, first[-1].key_id, 2)
        assert [key.digest[:1] for key in (*first, *second)] == [b"b", b"c", b"d"]

    async def test_another_process_sees_a_change_at_its_next_question(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as one, open_ledger() as two:
            await one.credentials.issue(_KEY, _MOST)
            for _ in range(2):
                assert await two.credentials.find(_KEY.digest) == _KEY
            revoked = replace(_KEY, revoke_time=NOW)
            await one.credentials.change(ACCOUNT, _KEY.key_id, lambda _: [revoked], _MOST)
            assert await two.credentials.find(_KEY.digest) == revoked

    async def test_a_change_takes_and_writes_the_keys_of_one_rotation(self, ledger: Ledger) -> None:
        await ledger.credentials.issue(_KEY, _MOST)
        await ledger.credentials.issue(_other("b"), _MOST)
        successor = _other("c", family=_KEY.family)
        seen: list[Sequence[ApiKey]] = []

        def add(family: Sequence[ApiKey]) -> Sequence[ApiKey]:
            seen.append(family)
            return [*family, successor]

        assert await ledger.credentials.change(ACCOUNT, _KEY.key_id, add, _MOST) == [_KEY, successor]
        assert seen[0] == [_KEY]
        await ledger.credentials.change(ACCOUNT, successor.key_id, add, _MOST)
        assert [key.key_id for key in seen[-1]] == [_KEY.key_id, successor.key_id]

    async def test_a_failed_change_writes_nothing(self, ledger: Ledger) -> None:
        await ledger.credentials.issue(_KEY, _MOST)

        def fail(_: Sequence[ApiKey]) -> Sequence[ApiKey]:
            raise KeyConflict("no")

        with pytest.raises(KeyConflict):
            await ledger.credentials.change(ACCOUNT, _KEY.key_id, fail, _MOST)
        assert await ledger.credentials.list(ACCOUNT, "", 10) == [_KEY]

    async def test_a_key_of_another_account_is_not_found(self, ledger: Ledger) -> None:
        await ledger.credentials.issue(_KEY, _MOST)
        for account_id, key_id in (("other", _KEY.key_id), ("", _KEY.key_id), (ACCOUNT, "00")):
            with pytest.raises(KeyNotFound):
                await ledger.credentials.change(account_id, key_id, lambda family: family, _MOST)

    async def test_an_account_has_its_most_keys_without_those_that_ended(self, ledger: Ledger) -> None:
        for letter in "bcd":
            await ledger.credentials.issue(_other(letter), 3)
        with pytest.raises(TooManyKeys):
            await ledger.credentials.issue(_other("e"), 3)
        with pytest.raises(TooManyKeys):
            await ledger.credentials.change(ACCOUNT, _other("b").key_id, lambda family: [*family, _other("f")], 3)
        ended = _other("b", revoke_time=NOW)
        await ledger.credentials.change(ACCOUNT, ended.key_id, lambda _: [ended], 3)
        await ledger.credentials.issue(_other("e"), 3)
        assert await ledger.credentials.find(ended.digest) is None

    async def test_a_name_is_accepted_once_at_a_time(self, ledger: Ledger) -> None:
        await ledger.credentials.issue(_KEY, _MOST)
        again = replace(_other("b"), digest=_KEY.digest)
        with pytest.raises(KeyConflict):
            await ledger.credentials.issue(again, _MOST)
        ended = replace(_KEY, revoke_time=NOW)
        await ledger.credentials.change(ACCOUNT, _KEY.key_id, lambda _: [ended], _MOST)
        await ledger.credentials.issue(again, _MOST)
        assert await ledger.credentials.find(_KEY.digest) == again

    async def test_the_first_key_is_issued_once(self, ledger: Ledger) -> None:
        assert await ledger.credentials.issue_first(_KEY)
        assert not await ledger.credentials.issue_first(_other("b"))
        assert await ledger.credentials.list(ACCOUNT, "", 10) == [_KEY]

    async def test_denied_tokens_are_known_to_every_process(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as one, open_ledger() as two:
            assert not await two.credentials.is_denied(_TOKEN, NOW)
            await one.credentials.deny(_denial())
            assert await two.credentials.is_denied(_TOKEN, NOW)
            assert not await two.credentials.is_denied(replace(_TOKEN, token_id="t2"), NOW)  # noqa: S106 - as above
            assert not await two.credentials.is_denied(replace(_TOKEN, issuer="https://other"), NOW)
            assert not await two.credentials.is_denied(replace(_TOKEN, account_id="other"), NOW)

    async def test_a_subject_is_denied_in_every_account_until_the_denial_ends(self, ledger: Ledger) -> None:
        until = NOW + timedelta(hours=1)
        await ledger.credentials.deny(_denial(account_id="", kind=DenialKind.SUBJECT, value="alice", until=until))
        for token in (_TOKEN, replace(_TOKEN, token_id="", account_id="other")):
            assert await ledger.credentials.is_denied(token, until - timedelta(seconds=1))
            assert not await ledger.credentials.is_denied(token, until)
        assert not await ledger.credentials.is_denied(replace(_TOKEN, subject="bob"), NOW)

    async def test_the_ledger_says_that_it_can_be_reached(self, ledger: Ledger) -> None:
        await ledger.credentials.reach()
