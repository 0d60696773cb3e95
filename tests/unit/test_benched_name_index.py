"""Counts of instructions begin with an index of names that does not tell how fast the import was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from bench import workload
from leadline_server.crm.embedded import importing
from support.contact_imports import crm_database, records, run


async def _imported(folder: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> Path:
    """A book of 3,000 contacts, of which an import took so many rows a commit."""
    monkeypatch.setattr(importing, "_CHUNK", rows)
    async with crm_database(folder) as database:
        await run(database, records(3_000))
    return folder / "crm.db"


def _read(path: Path, query: str) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def test_a_rebuilt_index_is_the_same_after_slow_and_quick_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Record 10 is the index's structure. It begins with a number of 4 bytes that counts changes of its settings.
    index = "SELECT id, iif(id = 10, substr(block, 5), block) FROM crm_contact_names_data ORDER BY id"
    paths = [await _imported(tmp_path / str(rows), monkeypatch, rows) for rows in (70, 1_000)]
    slow, quick = (_read(path, index) for path in paths)
    assert slow != quick
    for path in paths:
        workload.rebuild_name_index(path)
    slow, quick = (_read(path, index) for path in paths)
    assert len(slow) > 10
    assert slow == quick


async def test_a_rebuilt_index_leaves_later_commits_no_merge_of_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, segments = await _imported(tmp_path / "book", monkeypatch, 70), "SELECT segid FROM crm_contact_names_idx"
    assert len(set(_read(path, segments))) > 1
    workload.rebuild_name_index(path)
    assert len(set(_read(path, segments))) == 1
