"""The audit trail in a SQLite file: statements that would change it fail, and a file that was written to is found."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from leadline_server.domain.audit import LEADLINE, AuditAction, AuditEvent
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.audit_export import audit_snapshot
from leadline_server.storage.read_only import read_only


@pytest.fixture
async def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    async with open_sqlite_ledger(path) as opened:
        events = [AuditEvent.of(LEADLINE, "acme", AuditAction.KEY_ISSUED, f"k{number}") for number in range(5)]
        await opened.audit.append(events)
        await opened.audit.chain(100)
        await opened.audit.append(events[:1])
    return path


def problems(path: Path, known: dict[str, dict[int, bytes]] | None = None) -> list[str]:
    with read_only(path) as connection, audit_snapshot(connection) as snapshot:
        return list(snapshot.problems(known or {}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET document = '{}' WHERE sequence = 2",
        "UPDATE audit SET document = '{}' WHERE sequence IS NULL",
        "UPDATE audit SET hash = NULL, sequence = NULL WHERE sequence = 5",
        "DELETE FROM audit WHERE sequence = 5",
        "DELETE FROM audit WHERE sequence IS NULL",
    ],
)
def test_a_statement_that_changes_an_entry_fails(ledger: Path, statement: str) -> None:
    with closing(sqlite3.connect(ledger)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert problems(ledger) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET document = '{}' WHERE sequence = 2", "acme: entry 2 was changed, or the one before it"),
        ("UPDATE audit SET account_id = 'other' WHERE sequence = 2", "acme: entry 2 is missing"),
        ("DELETE FROM audit WHERE sequence = 2", "acme: entry 2 is missing; entry 3 follows 1"),
        ("DELETE FROM audit WHERE sequence = 5", "acme: the chain ends at entry 4; entry 5 was its last"),
        ("UPDATE audit SET sequence = 7 - sequence WHERE sequence IN (3, 4)", "acme: entry 3 was changed"),
        ("DELETE FROM audit_chains", "acme: it has entries and no chain"),
    ],
)
def test_a_file_that_was_written_to_is_found(ledger: Path, statement: str, found: str) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("DROP TRIGGER audit_never_changes")
        connection.execute("DROP TRIGGER audit_is_kept")
        connection.execute("DROP INDEX audit_by_sequence")
        connection.execute(statement)
        connection.commit()
    assert any(problem.startswith(found) for problem in problems(ledger)), problems(ledger)


async def test_a_ledger_that_was_replaced_by_an_older_one_is_found_by_an_anchor(ledger: Path, tmp_path: Path) -> None:
    old = Path(shutil.copy(ledger, tmp_path / "old.db"))
    async with open_sqlite_ledger(ledger) as opened:
        await opened.audit.chain(100)
        anchors = {anchor.account_id: {anchor.sequence: anchor.hash} for anchor in await opened.audit.anchors()}
    assert problems(ledger, anchors) == []
    assert problems(old) == []
    assert problems(old, anchors) == ["acme: entry 6 was exported, and is gone"]
