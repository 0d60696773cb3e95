"""A restored copy of a ledger: its mark, what it refuses, and which of its new calls may be in the CRM already."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from leadline_server.crm.wrappers.standby import StandbyCrm
from leadline_server.delivery.copy_watch import CopyWatch
from leadline_server.domain.ledger_errors import KeyMissing, StandbyLedger
from leadline_server.domain.request_not_sent import CrmNotUsed
from leadline_server.encryption.cipher import new_key
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.backup import back_up_ledger
from leadline_server.ledger.sqlite.secrets import read_secrets_state
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.ports.ledger import CopyState, SecretsState
from leadline_server.testing.ledger_samples import call_log
from support.operations import OPERATIONS, create, memory_crm
from support.secrets_keys import key_file, keys_with

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = new_key()


async def restored(tmp_path: Path) -> Path:
    """A copy of a ledger with an encrypted token."""
    async with open_sqlite_ledger(tmp_path / "first.db", keys_with(KEY)) as ledger:
        await ledger.tokens.put("sales", "me", b"a token")
        assert await ledger.copy_mark.state() == CopyState()
    back_up_ledger(tmp_path / "first.db", tmp_path / "copy.db", overwrite=False)
    return tmp_path / "copy.db"


async def test_a_copy_leases_no_tokens_until_it_is_live(tmp_path: Path) -> None:
    async with open_sqlite_ledger(await restored(tmp_path)) as ledger:
        assert await ledger.copy_mark.state() == CopyState(is_standby=True)
        with pytest.raises(StandbyLedger):
            await ledger.tokens.acquire("sales", "me", NOW, NOW + MINUTE)
        assert await ledger.copy_mark.make_live(NOW)
        assert await ledger.copy_mark.state() == CopyState(live_since=NOW)
        assert await ledger.tokens.acquire("sales", "me", NOW, NOW + MINUTE)
        assert not await ledger.copy_mark.make_live(NOW + MINUTE)
        assert await ledger.copy_mark.state() == CopyState(live_since=NOW)
        [entry] = await ledger.audit.chain(10)
        assert json.loads(entry.document) == {"action": "ledger.made_live", "actor": "operator", "count": 1}


async def test_a_running_server_of_a_standby_notices_that_the_copy_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.delivery.copy_watch.ASK_SECONDS", 0.01)
    async with open_sqlite_ledger(await restored(tmp_path)) as ledger:
        watch = CopyWatch(ledger.copy_mark, await ledger.copy_mark.state())
        running = asyncio.create_task(watch.run())
        assert not (await asyncio.wait({running}, timeout=0.1))[0]
        assert (watch.was_restored, watch.is_standby()) == (True, True)
        await ledger.copy_mark.make_live(NOW)
        await asyncio.wait_for(running, 10)
        assert (watch.was_restored, watch.is_standby()) == (True, False)
        calls = [call_log(call_id, start_time=NOW + after) for call_id, after in (("old", -MINUTE), ("new", MINUTE))]
        assert [watch.may_lack(log) for log in calls] == [True, False]


async def test_a_ledger_says_which_keys_it_needs_and_drops_what_they_encrypt(tmp_path: Path) -> None:
    path = await restored(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert read_secrets_state(connection) == SecretsState(KEY.id, frozenset({KEY.id}))
    async with open_sqlite_ledger(path, keys_with(KEY)) as ledger:
        await ledger.copy_mark.make_live(NOW, forget=["0" * 16])
        assert await ledger.tokens.get("sales") is not None
        await ledger.copy_mark.make_live(NOW, forget=[KEY.id])
        assert await ledger.tokens.get("sales") is None
        assert await ledger.secrets.state() == SecretsState("", frozenset())


@pytest.mark.parametrize(
    ("state", "start", "may_lack"),
    [
        (CopyState(), None, False),
        (CopyState(is_standby=True), NOW, True),
        (CopyState(live_since=NOW), None, True),
        (CopyState(live_since=NOW), NOW - MINUTE, True),
        (CopyState(live_since=NOW), NOW + MINUTE, False),
    ],
)
def test_a_call_from_before_a_copy_was_live_may_be_in_the_crm(
    state: CopyState, start: datetime | None, *, may_lack: bool
) -> None:
    assert state.may_lack(start) is may_lack


WRITES = {CrmMethod.CREATE_CONTACT, CrmMethod.CREATE_CALL_LOG, CrmMethod.UPDATE_CALL_LOG, CrmMethod.DELETE_CONTACT}


@pytest.mark.parametrize("method", sorted(WRITES))
async def test_a_standby_writes_nothing_to_a_crm(method: CrmMethod) -> None:
    with pytest.raises(CrmNotUsed, match="restored copy"):
        await OPERATIONS[method](StandbyCrm(memory_crm(), lambda: True))


@pytest.mark.parametrize("method", sorted(OPERATIONS.keys() - WRITES - {CrmMethod.SEARCH_CONTACTS}))
async def test_a_standby_reads(method: CrmMethod) -> None:
    await OPERATIONS[method](StandbyCrm(memory_crm(), lambda: True))


async def test_a_standby_that_is_live_now_writes() -> None:
    is_standby = True
    crm = StandbyCrm(memory_crm(), lambda: is_standby)
    is_standby = False
    assert (await create(crm)).id


async def test_where_a_key_is_missing_no_other_is_made(tmp_path: Path) -> None:
    keys = key_file(tmp_path / "secrets.key")
    async with open_sqlite_ledger(await restored(tmp_path), SecretsKeys(keys)) as ledger:
        with pytest.raises(KeyMissing, match=f"The key {KEY.id} is missing"):
            await ledger.tokens.put("support", "me", b"another")
        with pytest.raises(KeyMissing):
            await ledger.tokens.get("sales")
        assert await ledger.tokens.get("support") is None  # nothing is stored, so no key is needed
    assert not keys.path.exists()
