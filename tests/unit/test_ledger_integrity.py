"""The integrity check of a SQLite ledger names each kind of damage in a sentence."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.integrity import check_files, check_ledger, problems_of
from leadline_server.ledger.sqlite.settings_cache import settings_version_path
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, call_log, put

CLAIM: Final = "INSERT INTO claims (account_id, number_key, contact_id, recorded_at, reservation, creation_key) VALUES"
DAMAGE: Final = {
    "UPDATE call_logs SET body = substr(body, 1, 40)": "documents: acme/call-1: its document cannot be read",
    "UPDATE call_logs SET contact_id = 'c_other', user_id = 'bob'": "columns: acme/call-1: user_id, contact_id",
    "UPDATE call_logs SET next_attempt_time = NULL, body = replace(CAST(body AS TEXT),"
    ' \'"next_attempt_time":"2026\', \'"next_attempt_time":null,"was":"2026\')': "due: acme/call-1: it waits",
    "UPDATE ledger SET call_log_sequence = 0": "sequences: calls have sequences from 1 to 1, the counter says 0",
    "UPDATE ledger SET pruned_through = 9": "sequences: calls are pruned through 9, the counter says 1",
    "DROP INDEX call_logs_by_key; CREATE TEMP TABLE copy AS SELECT * FROM call_logs; UPDATE copy SET id = id + 1;"
    " INSERT INTO call_logs SELECT * FROM copy": "keys: acme/call-1: 2 rows",
    "UPDATE call_links SET call_id = 'gone'": "links: acme/call-1: it finds no log, or a log beside its own",
    "UPDATE accounts SET body = '{'": "settings: accounts: the document of acme cannot be read",
    "INSERT INTO preferences VALUES ('none', 'u', '{}')": "settings: a row of preferences has no account",
    f"{CLAIM} ('acme', 'n', 'c_1', NULL, NULL, NULL)": "claims: 1 have a contact without a time",
    f"{CLAIM} ('acme', 'n', NULL, NULL, 'account', NULL)": "claims: 1 have taken a placeholder from the limits",
    "INSERT INTO requests VALUES ('acme', 'r', 0, 'f', '{')": "requests: requests: the document of acme/r cannot be",
    "UPDATE stored_blocks SET blocks = blocks + 1": "stored bytes: acme: -1 blocks are not counted",
    "UPDATE ledger SET secret = x'00'": "secret: the row with the 32 bytes",
    "UPDATE schema_migrations SET version = version - 1": "schema: version 1 is older than this leadline's",
    "INSERT INTO schema_migrations VALUES (99, 'future', '')": "schema: version 99 belongs to a newer leadline",
    "DROP TABLE claims": "claims: cannot be read: no such table",
    "DROP TABLE call_links": "calls: cannot be read: no such table",
}


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """The file of a ledger with one call that waits, and settings of its account."""
    file = tmp_path / "ledger.db"
    async with open_sqlite_ledger(file) as ledger:
        await put(ledger, call_log("call-1", next_attempt_time=NOW))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT OR IGNORE INTO accounts (account_id, body) VALUES (?, '{}')", (ACCOUNT,))
        connection.execute("INSERT OR IGNORE INTO call_links VALUES (1, ?, 'call-1', 'call-1', '')", (ACCOUNT,))
    return file


def found(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(problems_of(check_ledger(connection)))


def test_a_ledger_without_damage_has_no_problem(path: Path) -> None:
    assert found(path) == []


@pytest.mark.parametrize("statements", DAMAGE)
def test_damage_is_named(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    said = found(path)
    assert [sentence for sentence in said if sentence.startswith(DAMAGE[statements].replace("acme", ACCOUNT))], said


async def test_of_many_problems_the_first_five_are_named_and_the_others_counted(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        for number in range(2, 9):
            await put(ledger, call_log(f"call-{number}", next_attempt_time=NOW))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE call_logs SET contact_id = 'c_other'")
    columns = [sentence for sentence in found(path) if sentence.startswith("columns: ")]
    assert len(columns) == 6
    assert columns[-1] == "columns: ... and 3 more"


def test_the_files_beside_it_are_looked_at(path: Path) -> None:
    version = settings_version_path(path)
    path.chmod(0o644)
    with closing(sqlite3.connect(path)) as connection:
        access, settings = check_files(path, connection)
        assert access.summary == "mode 0644; it holds secrets: chmod 600"
        assert settings.summary == "as committed"
        version.write_bytes(bytes([7]) * 16)
        assert check_files(path, connection)[1].summary.startswith("differs from the committed version")
        version.write_bytes(b"")
        assert check_files(path, connection)[1].problems == (f"{version.name} is cut off",)
        version.unlink()
        assert check_files(path, connection)[1].summary == "no file yet; the next start creates it"
