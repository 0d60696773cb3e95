"""A ledger of each release opens with this version and goes on; released migrations stay as they are."""

import asyncio
import json
import shutil
import sqlite3
import tomllib
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

import freeze
import pytest
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.testing.ledger_samples import call_log, put
from support.released_ledgers import check

KEPT: Final = sorted(freeze.LEDGERS.glob("*.db"))
DIGESTS: Final = freeze.LEDGERS / "migrations.json"


@pytest.mark.parametrize("kept", [None, *KEPT], ids=lambda file: file.stem if file else "this version")
async def test_a_ledger_of_a_release_has_everything_and_goes_on(kept: Path | None, tmp_path: Path) -> None:
    if kept is None:  # what the next release will keep
        kept = tmp_path / "kept.db"
        await _keep(kept)
    data = tmp_path / "data"
    data.mkdir()
    shutil.copyfile(kept, data / "ledger.db")
    await check(data)


async def test_a_server_of_a_release_that_runs_on_logs_and_prunes_beside_this_version(tmp_path: Path) -> None:
    """Its statements as they were in 0.1.0, prepared before this version changes the schema."""
    file = tmp_path / "ledger.db"
    shutil.copyfile(freeze.LEDGERS / "0.1.0.db", file)
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        before = old.execute(_OLDEST, (0, 100)).fetchall()
        old.execute(_INSERT, ("older", 1_001))
        async with open_sqlite_ledger(file) as ledger:
            old.execute(_INSERT, ("beside", 1_002))
            found = old.execute(_OLDEST, (0, 100)).fetchall()
            assert [sequence for _, sequence, _ in found] == [*(row[1] for row in before), 1_001, 1_002]
            old.execute("DELETE FROM call_logs WHERE id = ? AND body = ?", (found[-1][0], found[-1][2]))
            await put(ledger, call_log("newer"))
            assert len(old.execute(_OLDEST, (0, 100)).fetchall()) == len(before) + 2
        query = "SELECT (length(body) + 4095) / 4096 FROM call_logs UNION ALL SELECT -blocks FROM stored_blocks"
        others = "SELECT (length(body) + 4095) / 4096 FROM preferences"
        assert sum(blocks for (blocks,) in old.execute(f"{query} UNION ALL {others}")) == 0


_OLDEST: Final = "SELECT id, sequence, body FROM call_logs WHERE sequence > ? ORDER BY sequence LIMIT ?"
_INSERT: Final = """
    INSERT INTO call_logs (account_id, call_id, user_id, direction, number_key, start_time, shown_state, reason,
        update_state, contact_id, next_attempt_time, sequence, body)
    SELECT account_id, ?, user_id, direction, number_key, start_time, shown_state, reason, update_state, contact_id,
        next_attempt_time, ?, body FROM call_logs WHERE call_id = 'known'
"""


async def _keep(file: Path) -> None:
    """In a thread: the tool has an event loop of its own."""
    await asyncio.to_thread(freeze.keep_ledger, file)


def test_released_migrations_are_unchanged() -> None:
    released = json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}
    assert freeze.digests(freeze.MIGRATIONS).items() >= released.items()
    assert bool(KEPT) == DIGESTS.exists() == bool(list(freeze.RELEASES.glob("*.binpb")))


def test_a_changed_migration_has_another_digest(tmp_path: Path) -> None:
    folder = tmp_path / "sqlite"
    folder.mkdir()
    file = folder / "0001_ledger.sql"
    file.write_text("CREATE TABLE one (a);")
    before = freeze.digests(tmp_path)
    file.write_text("CREATE TABLE one (a, b);")
    assert list(before) == ["sqlite/0001_ledger.sql"]
    assert freeze.digests(tmp_path) != before


@pytest.mark.parametrize("version", ["0.1.0.dev0", "0.1.0"])
def test_a_version_of_development_and_a_frozen_one_are_not_frozen(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0.1.0.binpb").touch()
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    monkeypatch.setattr(freeze, "RELEASES", tmp_path)
    monkeypatch.setattr("sys.argv", ["freeze.py", version])
    assert freeze.main() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["0.1.0.binpb"]


def test_a_release_has_its_version_and_its_section_of_the_changelog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Path("deploy") / "kubernetes" / "kustomization.yaml"
    (tmp_path / manifest).parent.mkdir(parents=True)
    for name in ("pyproject.toml", "CHANGELOG.md", manifest):
        shutil.copyfile(freeze.ROOT / name, tmp_path / name)
    before = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    freeze.name_release("0.9.7", date(2026, 12, 1))
    assert tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == "0.9.7"
    assert "    newTag: 0.9.7\n" in (tmp_path / manifest).read_text(encoding="utf-8")
    after = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    assert after == before.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.9.7] - 2026-12-01\n")
    assert after != before
