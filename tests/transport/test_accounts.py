"""Accounts by API: who owns them, what disabling and deleting do, and how fast other processes see a change."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline.admin.v1 import account_service_pb2 as pb
from leadline.admin.v1.account_pb2 import (
    ACCOUNT_STATE_ACTIVE,
    ACCOUNT_STATE_DISABLED,
    CONNECTION_STATE_WORKING,
    OWNER_API,
    OWNER_SETTINGS_FILE,
)
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_LOGGED, CALL_LOG_STATE_PENDING
from leadline_server.retention.account_removal import KEPT
from support.admin import Administered, administered, refused


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Administered]:
    async with administered(tmp_path) as server:
        yield server


async def get(served: Administered, account_id: str = "acme") -> Any:
    return (await served.accounts.GetAccount(pb.GetAccountRequest(account_id=account_id))).account


async def disable(served: Administered, *, enable: bool = False, account_id: str = "acme") -> Any:
    request = pb.DisableAccountRequest(account_id=account_id, enable=enable)
    return (await served.accounts.DisableAccount(request)).account


async def delete(served: Administered, account_id: str = "acme") -> None:
    await served.accounts.DeleteAccount(pb.DeleteAccountRequest(account_id=account_id))


async def test_an_account_is_created_shown_renamed_and_listed(served: Administered) -> None:
    created = await served.create(title="Acme Ltd", default_region="GB", time_zone="Europe/London")
    assert (created.title, created.state, created.owner) == ("Acme Ltd", ACCOUNT_STATE_ACTIVE, OWNER_API)
    assert await get(served) == created
    renamed = await served.accounts.UpdateAccount(pb.UpdateAccountRequest(account_id="acme", title="Acme"))
    assert renamed.account.title == "Acme"
    listed = await served.accounts.ListAccounts(pb.ListAccountsRequest(page_size=1))
    assert [account.account_id for account in listed.accounts] == ["acme"]
    rest = await served.accounts.ListAccounts(pb.ListAccountsRequest(page_token=listed.next_page_token))
    assert [(account.account_id, account.owner) for account in rest.accounts] == [("filed", OWNER_SETTINGS_FILE)]
    settings = await served.app.ledger.accounts.get("acme")
    assert (settings.default_region, settings.time_zone) == ("GB", "Europe/London")


async def test_a_new_account_logs_calls_in_the_embedded_crm(served: Administered) -> None:
    await served.create()
    await served.create_contact()
    assert (await served.log()).state == CALL_LOG_STATE_LOGGED
    assert (await served.check()).state == CONNECTION_STATE_WORKING


async def test_an_id_is_taken_once_and_the_answer_says_by_whom(served: Administered) -> None:
    await served.create()
    code, reason, _ = await refused(served.create())
    assert (code, reason) == ("ALREADY_EXISTS", "ACCOUNT_ALREADY_EXISTS")
    assert (await refused(served.create("filed")))[:2] == ("ALREADY_EXISTS", "ACCOUNT_ALREADY_EXISTS")


async def test_all_that_is_wrong_with_a_new_account_is_named(served: Administered) -> None:
    code, _, fields = await refused(served.create("", title="x" * 200, default_region="ZZ", time_zone="Mars"))
    assert code == "INVALID_ARGUMENT"
    assert set(fields) == {"account_id", "title", "default_region", "time_zone"}
    assert (await refused(get(served)))[0] == "NOT_FOUND"


async def test_the_settings_file_owns_its_accounts(served: Administered) -> None:
    account_id = "filed"
    assert (await get(served, account_id)).owner == OWNER_SETTINGS_FILE
    for call in (
        served.accounts.UpdateAccount(pb.UpdateAccountRequest(account_id=account_id, title="x")),
        disable(served, account_id=account_id),
        delete(served, account_id),
        served.set_connection("embedded", account_id=account_id),
    ):
        assert (await refused(call))[:2] == ("FAILED_PRECONDITION", "ACCOUNT_NOT_CHANGEABLE")
    connection = await served.accounts.GetConnection(pb.GetConnectionRequest(account_id=account_id))
    assert (connection.connection.name, connection.connection.owner) == ("embedded", OWNER_SETTINGS_FILE)


async def test_a_disabled_account_is_refused_and_its_calls_wait(served: Administered) -> None:
    await served.create()
    await served.create_contact()
    assert (await disable(served)).state == ACCOUNT_STATE_DISABLED
    for call in (served.find(), served.log()):
        assert (await refused(call))[:2] == ("FAILED_PRECONDITION", "ACCOUNT_DISABLED")
    assert (await get(served)).state == ACCOUNT_STATE_DISABLED
    await disable(served, enable=True)
    assert len((await served.find()).matches) == 1
    assert (await served.log("c2")).state == CALL_LOG_STATE_LOGGED


async def test_other_processes_see_a_change_within_a_second(tmp_path: Path, served: Administered) -> None:
    async with administered(tmp_path) as other, asyncio.timeout(10):
        await served.create()
        await served.create_contact()
        assert len((await other.find()).matches) == 1
        await disable(served)
        assert (await refused(other.find()))[1] == "ACCOUNT_DISABLED"
        await disable(other, enable=True)
        assert len((await served.find()).matches) == 1
        await delete(other)
        assert (await refused(served.find()))[1] == "ACCOUNT_NOT_FOUND"


def counts(folder: Path) -> dict[str, int]:
    """How many rows of account acme there are, by table."""
    found = {}
    with closing(sqlite3.connect(folder / "data" / "ledger.db")) as database:
        tables = [table for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
            for column in columns & {"account_id", "connection", "owner"}:
                query = f"SELECT count(*) FROM {table} WHERE {column} IN ('acme', 'account:acme')"  # noqa: S608 - a test
                [(found[table],)] = database.execute(query)
        for table in ("crm_contacts", "crm_call_logs"):
            [(found[table],)] = database.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a test
    return found


async def test_deleting_an_account_removes_its_data_and_frees_its_id(tmp_path: Path, served: Administered) -> None:
    await served.create()
    await served.create_contact()
    for number in range(5):
        await served.log(f"c{number}")
    await served.app.ledger.tokens.put("account:acme", "me", b"a token")
    before = counts(tmp_path)
    assert before["call_logs"] == 5
    assert before["crm_contacts"] == 1
    await delete(served)
    left = {table: count for table, count in counts(tmp_path).items() if count}
    left.pop("audit_chains", None)  # there once the entries were chained, within a second
    assert left == {
        "accounts": 1,  # its id alone, until no request in progress can write any more
        "audit": 3,  # who created, connected and deleted it; the audit trail outlives the account
        "crm_books": 1,  # an empty book
    }
    assert (await refused(get(served)))[1] == "ACCOUNT_NOT_FOUND"
    assert (await refused(served.log()))[1] == "ACCOUNT_NOT_FOUND"
    assert (await refused(served.create()))[:2] == ("FAILED_PRECONDITION", "ACCOUNT_NOT_CHANGEABLE")
    served.clock.advance(KEPT + timedelta(seconds=1))
    from leadline_server.retention.account_removal import AccountRemoval

    async def no_contacts(_: str) -> bool:
        return False

    await AccountRemoval(served.app.ledger.account_data, no_contacts, served.clock).remove_due()
    await served.create()
    assert (await served.find()).matches == []


async def test_an_export_has_everything_but_secrets(served: Administered) -> None:
    await served.create(title="Acme")
    await served.create_contact()
    await served.log()
    await served.set_connection("hubspot", {}, {"token": "pLaNtEd"})
    items = [item async for item in served.accounts.ExportAccount(pb.ExportAccountRequest(account_id="acme"))]
    assert [item.WhichOneof("item") for item in items] == [
        "account",
        "settings",
        "connection",
        "contact",
        "embedded_call_log",
        "call_log",
    ]
    assert "pLaNtEd" not in str(items)
    assert items[2].connection.secret_names == ["token"]
    assert (await refused(served.log("c9", account_id="other")))[1] == "ACCOUNT_NOT_FOUND"
    trail = served.app.ledger.audit
    while await trail.has_new():
        await trail.chain(100)
    actions = [json.loads(entry.document)["action"] for entry in await trail.list("acme", 0, 100)]
    assert actions.count("account.exported") == 1


async def test_calls_of_an_account_whose_crm_was_taken_away_wait(served: Administered) -> None:
    await served.create()
    await served.app.ledger.account_connections.delete("acme")
    assert (await served.log()).state == CALL_LOG_STATE_PENDING
    assert (await refused(served.check()))[1] == "CONNECTION_NOT_FOUND"
