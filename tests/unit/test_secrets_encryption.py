"""Secrets at rest: a document opens in its own place only, and with the right key only."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.ledger_errors import KeyMissing, LedgerUnavailable, SecretDamaged
from leadline_server.encryption import keys as keys_module
from leadline_server.encryption.cipher import CannotOpen, Place, decrypt, encrypt, key_of, new_key
from leadline_server.encryption.key_ring import KeyRing, parse_keys, write_keys
from leadline_server.encryption.key_sources import KeyCommand, KeyFile, KeyText
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.sqlite import open_sqlite_ledger
from support.secrets_keys import key_file, keys_with

PLACE: Final = Place("connection:sales", "tokens")


class TestDocuments:
    @given(st.binary(max_size=200))
    def test_a_document_comes_back_as_it_was(self, document: bytes) -> None:
        key = new_key()
        assert decrypt(key, PLACE, encrypt(key, PLACE, document)) == document

    def test_the_same_document_is_never_encrypted_alike(self) -> None:
        key = new_key()
        assert encrypt(key, PLACE, b"a token") != encrypt(key, PLACE, b"a token")

    @pytest.mark.parametrize(
        "place",
        [
            Place("connection:support", "tokens"),
            Place("connection:sales", "secrets"),
            Place("connection:salest", "okens"),  # the parts have lengths
            Place("account:sales", "tokens"),
        ],
    )
    def test_a_document_opens_in_no_other_place(self, place: Place) -> None:
        key = new_key()
        with pytest.raises(CannotOpen):
            decrypt(key, place, encrypt(key, PLACE, b"a token"))

    def test_no_other_key_opens_a_document(self) -> None:
        with pytest.raises(CannotOpen):
            decrypt(new_key(), PLACE, encrypt(new_key(), PLACE, b"a token"))

    def test_a_document_with_any_bit_changed_does_not_open(self) -> None:
        key = new_key()
        encrypted = encrypt(key, PLACE, b"a token")
        for index in range(len(encrypted)):
            changed = bytearray(encrypted)
            changed[index] ^= 1
            with pytest.raises(CannotOpen):
                decrypt(key, PLACE, bytes(changed))

    @pytest.mark.parametrize("length", [0, 1, 17, 28, 29, 44])
    def test_a_document_that_is_cut_off_does_not_open(self, length: int) -> None:
        key = new_key()
        with pytest.raises(CannotOpen):
            decrypt(key, PLACE, encrypt(key, PLACE, b"a token")[:length])

    def test_a_key_is_not_shown(self) -> None:
        key = new_key()
        shown = f"{key!r} {KeyRing((key,))!r} {KeyText(write_keys(KeyRing((key,))))!r}"
        assert repr(key.value) not in shown
        assert write_keys(KeyRing((key,))).strip() not in shown


class TestKeysAsText:
    def test_keys_are_read_as_they_were_written(self) -> None:
        ring = KeyRing((new_key(), new_key()))
        assert parse_keys(write_keys(ring)) == ring

    def test_separators_comments_and_padding_do_not_matter(self) -> None:
        one, two = (write_keys(KeyRing((new_key(),))).strip() for _ in range(2))
        assert len(parse_keys(f"# a comment\n{one}, {two.rstrip('=')}  {one} # again\n").keys) == 2

    @pytest.mark.parametrize("text", ["no-key", "AAAA", "A" * 45, "ä" * 44, "A" * 44 + " AAAA"])
    def test_what_is_no_key_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a key") as caught:
            parse_keys(text)
        assert text not in str(caught.value)

    def test_too_many_keys_are_refused(self) -> None:
        with pytest.raises(ValueError, match="more than 100"):
            parse_keys("A" * 44 + ("\n" + "A" * 44) * 100)


class TestSources:
    def test_a_file_is_created_once_for_its_owner_alone_and_says_so(self, tmp_path: Path) -> None:
        said: list[Path] = []
        source = KeyFile(tmp_path / "new" / "secrets.key", tmp_path / "data", said.append)
        assert not source.load()
        ring = source.create()
        assert source.create() == source.load() == ring
        assert said == [source.path]
        assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(source.path.parent.stat().st_mode) == 0o700
        assert [entry.name for entry in source.path.parent.iterdir()] == ["secrets.key"]

    def test_a_file_in_the_data_directory_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "data")
        (tmp_path / "data").mkdir()
        for folder in ("data", "data/inner", "link"):
            with pytest.raises(LedgerUnavailable, match="is in the data directory"):
                KeyFile(tmp_path / folder / "k", tmp_path / "data", lambda _: None).create()
        assert list((tmp_path / "data").iterdir()) == []

    @pytest.mark.parametrize("place", ["folder", "file/secrets.key"])
    def test_a_place_where_no_key_can_be_says_what_to_do(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("")
        with pytest.raises(LedgerUnavailable, match="cannot be used"):
            key_file(tmp_path / place).load()

    def test_a_file_with_something_else_says_what_to_do(self, tmp_path: Path) -> None:
        (tmp_path / "secrets.key").write_text("something else")
        with pytest.raises(LedgerUnavailable, match="Restore it"):
            key_file(tmp_path / "secrets.key").load()

    def test_a_command_prints_the_keys(self, tmp_path: Path) -> None:
        ring = KeyRing((new_key(),))
        (tmp_path / "printed").write_text(write_keys(ring))
        assert KeyCommand(f"cat '{tmp_path / 'printed'}'").load() == ring

    @pytest.mark.parametrize("command", ["false", "/no/such/program", "'", "echo nothing-useful"])
    def test_a_command_that_fails_says_so_and_shows_nothing(self, command: str) -> None:
        with pytest.raises(LedgerUnavailable, match="secrets_key_command") as caught:
            KeyCommand(command).load()
        assert "nothing-useful" not in caught.value.message


def swap(path: Path, table: str, owner: str, one: str, other: str) -> None:
    """Swap the documents of two rows, as somebody might who can write to the file."""
    with closing(sqlite3.connect(path)) as connection:
        select = f"SELECT document FROM {table} WHERE {owner} = ?"  # noqa: S608 - constants
        [(first,)], [(second,)] = (connection.execute(select, (name,)).fetchall() for name in (one, other))
        update = f"UPDATE {table} SET document = ? WHERE {owner} = ?"  # noqa: S608 - constants
        connection.executemany(update, [(second, one), (first, other)])
        connection.commit()


class TestLedger:
    @pytest.mark.parametrize(
        ("table", "owner", "one", "other"),
        [
            ("tokens", "connection", "sales", "account:acme"),
            ("envelope_keys", "owner", "connection:sales", "account:acme"),
        ],
    )
    async def test_rows_that_were_swapped_never_open(
        self, tmp_path: Path, table: str, owner: str, one: str, other: str
    ) -> None:
        path = tmp_path / "ledger.db"
        async with open_sqlite_ledger(path, keys_with(key_of(bytes(32)))) as ledger:
            await ledger.tokens.put("sales", "me", b"of sales")
            await ledger.tokens.put("account:acme", "me", b"of acme")
            swap(path, table, owner, one, other)
            for connection in ("sales", "account:acme"):
                with pytest.raises(SecretDamaged):
                    await ledger.tokens.get(connection)
            swap(path, table, owner, one, other)
            assert await ledger.tokens.get("sales") == b"of sales"

    async def test_both_rows_swapped_together_do_not_open_either(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        async with open_sqlite_ledger(path, keys_with()) as ledger:
            await ledger.tokens.put("sales", "me", b"of sales")
            await ledger.tokens.put("support", "me", b"of support")
            swap(path, "tokens", "connection", "sales", "support")
            swap(path, "envelope_keys", "owner", "connection:sales", "connection:support")
            for connection in ("sales", "support"):
                with pytest.raises(SecretDamaged, match=f"connection:{connection}"):
                    await ledger.tokens.get(connection)

    async def test_new_tokens_replace_damaged_ones(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        async with open_sqlite_ledger(path, keys_with()) as ledger:
            await ledger.tokens.put("sales", "me", b"of sales")
            await ledger.tokens.put("support", "me", b"of support")
            swap(path, "tokens", "connection", "sales", "support")
            await ledger.tokens.put("sales", "me", b"granted again")
            assert await ledger.tokens.get("sales") == b"granted again"

    async def test_a_key_that_another_process_added_is_read_when_it_is_met(self, tmp_path: Path) -> None:
        source = key_file(tmp_path / "secrets.key")
        path = tmp_path / "ledger.db"
        async with (
            open_sqlite_ledger(path, SecretsKeys(source)) as one,
            open_sqlite_ledger(path, SecretsKeys(source)) as other,
        ):
            await one.tokens.put("sales", "one", b"first")
            assert await other.tokens.get("sales") == b"first"
            source.replace(KeyRing((new_key(),)).joined(source.load()))
            await other.secrets.use(source.load().first.id)
            await one.tokens.put("support", "one", b"second")
            assert await other.tokens.get("support") == b"second"
            assert (await one.secrets.state()).needed == source.load().ids

    async def test_without_keys_nothing_encrypted_is_used(self, tmp_path: Path) -> None:
        async with open_sqlite_ledger(tmp_path / "ledger.db") as ledger:
            assert await ledger.tokens.get("sales") is None
            with pytest.raises(LedgerUnavailable):
                await ledger.tokens.put("sales", "me", b"a token")

    async def test_a_missing_key_is_not_looked_for_at_every_call(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "ledger.db"
        async with open_sqlite_ledger(path, keys_with()) as ledger:
            await ledger.tokens.put("sales", "me", b"a token")
        monkeypatch.setattr(keys_module, "AGAIN_SECONDS", 3600.0)
        source = key_file(tmp_path / "secrets.key")
        loads = 0

        class Counted:
            name = "a file"

            def load(self) -> KeyRing:
                nonlocal loads
                loads += 1
                return source.load()

        async with open_sqlite_ledger(path, SecretsKeys(Counted())) as ledger:
            for _ in range(5):
                with pytest.raises(KeyMissing):
                    await ledger.tokens.get("sales")
        assert loads == 1
