"""Tokens at rest: what is on disk opens nothing without the key, and there is one key for all who look for it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from leadline_server.crm.token_encryption import EncryptedTokens
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.encryption import load_key
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.ledger import TokenStore


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[TokenStore]:
    """The documents on disk."""
    async with open_sqlite_ledger(tmp_path / "ledger.db") as ledger:
        yield ledger.tokens


async def test_a_document_comes_back_as_it_was_and_is_not_to_be_read_on_disk(kept: TokenStore) -> None:
    key = Fernet.generate_key()
    await EncryptedTokens(kept, lambda: key).put("sales", "me", b"a token")
    assert await EncryptedTokens(kept, lambda: key).get("sales") == b"a token"
    assert b"token" not in (await kept.get("sales") or b"token")


async def test_a_document_of_another_key_is_none(kept: TokenStore) -> None:
    await EncryptedTokens(kept, Fernet.generate_key).put("sales", "me", b"a token")
    assert await EncryptedTokens(kept, Fernet.generate_key).get("sales") is None


async def test_where_nothing_is_kept_no_key_is_asked_for(kept: TokenStore) -> None:
    def no_key() -> bytes:
        raise AssertionError

    encrypted = EncryptedTokens(kept, no_key)
    assert await encrypted.get("sales") is None
    await encrypted.release("sales", "me")


async def test_leases_are_those_of_the_store(kept: TokenStore) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    until = now + timedelta(seconds=30)
    encrypted = EncryptedTokens(kept, Fernet.generate_key)
    assert await encrypted.acquire("sales", "me", now, until)
    assert not await kept.acquire("sales", "you", now, until)
    assert not await encrypted.acquire("sales", "you", now, until)
    await encrypted.release("sales", "me")
    assert await kept.acquire("sales", "you", now, until)


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token.key"
    key = load_key(path)
    assert load_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["token.key"]


def test_a_file_that_holds_no_key_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    path.write_text("not a key")
    with pytest.raises(LedgerUnavailable, match="Restore it from a backup"):
        load_key(path)


def test_of_two_who_make_the_key_at_once_both_have_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token.key"
    monkeypatch.setattr(Path, "exists", lambda _: False)  # each of them looked before the other had made it
    assert load_key(path) == load_key(path) == path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["token.key"]


@pytest.mark.parametrize("place", ["folder", "file/token.key"])
def test_a_place_where_no_key_can_be_says_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match="cannot be used"):
        load_key(tmp_path / place)
