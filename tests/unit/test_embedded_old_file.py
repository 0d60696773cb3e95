"""A `crm.db` of an earlier leadline becomes part of the ledger's file, once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from leadline_server.crm.embedded import old_file
from leadline_server.domain.crm_errors import CrmUnavailable
from support.apps import open_harness
from support.databases import rows

NUMBER = "+12025550147"
TABLES = ("books", "contacts", "contact_numbers", "call_logs")


async def an_old_file(folder: Path, name: str = "Ada") -> Path:
    """A `crm.db` with a contact and a call, as leadline once wrote it."""
    first = folder / "first"
    async with open_harness(first) as harness:
        await harness.create(name, NUMBER)
        await harness.log("call-1", NUMBER)
    old = folder / "data" / "crm.db"
    old.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS new", (str(first / "ledger.db"),))
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM new.crm_{table}")  # noqa: S608 - our names
    return old


async def test_contacts_and_logs_of_an_old_file_are_taken_over_once(tmp_path: Path) -> None:
    old = await an_old_file(tmp_path)
    for _ in range(2):
        async with open_harness(tmp_path / "data") as harness:
            assert [match.contact.name for match in await harness.find(NUMBER)] == ["Ada"]
    assert not old.exists()
    assert old.with_name("crm.db.imported").is_file()
    ledger = tmp_path / "data" / "ledger.db"
    assert rows(ledger, "SELECT call_id FROM crm_call_logs") == [("call-1",)]
    assert rows(ledger, "SELECT count(*) FROM crm_contact_names WHERE crm_contact_names MATCH 'ada'") == [(1,)]


async def test_a_crash_before_the_renaming_copies_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await an_old_file(tmp_path)
    kept = old.read_bytes()
    async with open_harness(tmp_path / "data"):
        pass
    old.write_bytes(kept)  # as if it had not been renamed
    async with open_harness(tmp_path / "data") as harness:
        assert len(await harness.find(NUMBER)) == 1
    assert not old.exists()


async def test_an_old_file_beside_new_contacts_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "data") as harness:
        await harness.create("Bo", NUMBER)
    old = await an_old_file(tmp_path)
    with pytest.raises(CrmUnavailable, match=r"Move .*crm\.db away"):
        async with open_harness(tmp_path / "data"):
            pass
    assert old.exists()
    assert old.name == old_file.FILE
