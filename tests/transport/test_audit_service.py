"""The audit trail over gRPC, as an auditor reads it, and as commands do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from leadline import AsyncClient, Client
from leadline.admin.v1 import account_service_pb2, audit_service_pb2
from leadline_server.audit.export import problems
from leadline_server.cli.audit_remote import exported_lines
from leadline_server.domain.access.principals import Role
from leadline_server.domain.account_errors import AccountNotFound
from support.access import MISSING, OTHER, OWN, Guarded, guarded
from transport.serving import read_refusal

LIST: Final = "/leadline.admin.v1.AuditService/ListAuditEntries"
CREATE: Final = "/leadline.admin.v1.AccountService/CreateAccount"
UPDATE: Final = "/leadline.admin.v1.AccountService/UpdateAccount"
DELETE: Final = "/leadline.admin.v1.AccountService/DeleteAccount"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path / "data") as server:
        yield server


async def chained(served: Guarded) -> None:
    while await served.app.ledger.audit.has_new():
        await served.app.ledger.audit.chain(1000)


async def ask(served: Guarded, key: str, **fields: Any) -> audit_service_pb2.ListAuditEntriesResponse:
    await chained(served)
    request = audit_service_pb2.ListAuditEntriesRequest(**fields)
    answer = await served.call(LIST, request, key, audit_service_pb2.ListAuditEntriesResponse)
    assert isinstance(answer, audit_service_pb2.ListAuditEntriesResponse)
    return answer


async def refused(served: Guarded, key: str, **fields: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(served, key, **fields)
    return str(read_refusal(caught.value).info.reason)


async def test_an_auditor_reads_its_account_page_by_page(served: Guarded) -> None:
    auditor = await served.key(Role.AUDITOR)
    issued = [await served.issue(Role.SERVICE) for _ in range(3)]
    await served.app.commands.keys.revoke(OWN, issued[0].key.key_id)
    first = await ask(served, auditor, account_id=OWN, page_size=4)
    rest = await ask(served, auditor, account_id=OWN, page_size=4, page_token=first.next_page_token)
    entries = [*first.entries, *rest.entries]
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert (rest.next_page_token, rest.end.sequence, rest.end.hash) == ("", len(entries), entries[-1].hash)
    assert [json.loads(entry.document)["action"] for entry in entries] == [entry.action for entry in entries]
    revoked = await ask(served, auditor, account_id=OWN, action="key.revoked")
    assert [entry.subject for entry in revoked.entries] == [issued[0].key.key_id]
    later = await ask(served, auditor, account_id=OWN, start_time=datetime.now(UTC) + timedelta(hours=1))
    assert not later.entries


async def test_others_see_no_trail(served: Guarded) -> None:
    auditor, service = await served.key(Role.AUDITOR), await served.key(Role.SERVICE)
    assert await refused(served, service, account_id=OWN) == "PERMISSION_DENIED"
    for account_id in (OTHER, MISSING, ""):
        assert await refused(served, auditor, account_id=account_id) in ("ACCOUNT_NOT_FOUND", "INVALID_REQUEST")
    platform = await served.key(Role.PLATFORM)
    await served.issue(Role.SERVICE)
    token = (await ask(served, platform, account_id=OWN, page_size=1)).next_page_token
    assert await refused(served, platform, account_id=OTHER, page_token=token) == "INVALID_PAGE_TOKEN"
    assert (
        await refused(served, platform, account_id=OWN, page_token=token, action="key.issued") == "INVALID_PAGE_TOKEN"
    )
    assert await refused(served, platform, account_id=OWN, action="no.such") == "INVALID_REQUEST"


async def test_a_platform_reads_what_became_of_a_deleted_account(served: Guarded) -> None:
    platform = await served.issue(Role.PLATFORM)
    key = platform.secret
    await served.call(CREATE, account_service_pb2.CreateAccountRequest(account_id="gone"), key)
    await served.call(UPDATE, account_service_pb2.UpdateAccountRequest(account_id="gone", title="Gone Ltd"), key)
    await served.call(DELETE, account_service_pb2.DeleteAccountRequest(account_id="gone"), key)
    found = await ask(served, key, account_id="gone")
    assert [entry.action for entry in found.entries] == [
        "account.created",
        "connection.created",
        "account.updated",
        "account.deleted",
    ]
    assert {entry.actor for entry in found.entries} == {f"key:{platform.key.key_id}"}
    assert b"Gone Ltd" not in found.SerializeToString()
    assert await refused(served, key, account_id="never-was") == "ACCOUNT_NOT_FOUND"


async def test_the_trail_of_a_deleted_account_is_told_at_once(served: Guarded) -> None:
    key = await served.key(Role.PLATFORM)
    for number in range(3):
        account_id = f"brief{number}"
        await served.call(CREATE, account_service_pb2.CreateAccountRequest(account_id=account_id), key)
        await served.call(DELETE, account_service_pb2.DeleteAccountRequest(account_id=account_id), key)
        with suppress(AccountNotFound):
            while True:  # until it is gone
                await served.app.commands.accounts.get_any(account_id)
                await asyncio.sleep(0.001)
        request = audit_service_pb2.ListAuditEntriesRequest(account_id=account_id)
        found = await served.call(LIST, request, key, audit_service_pb2.ListAuditEntriesResponse)
        assert found.entries


async def test_an_export_over_the_server_is_verified_without_the_ledger(served: Guarded) -> None:
    auditor = await served.key(Role.AUDITOR)
    for _ in range(5):
        await served.issue(Role.SERVICE)
    await chained(served)

    def export() -> list[str]:
        with Client(served.address, account=OWN, api_key=auditor) as client:
            return list(exported_lines(client, OWN))

    lines = await asyncio.to_thread(export)
    assert list(problems(lines, {})) == []
    assert len(lines) >= 9
    lines[3] = lines[3].replace("key.issued", "key.rotated")
    assert list(problems(lines, {}))


async def test_the_client_reads_all_pages(served: Guarded) -> None:
    auditor = await served.key(Role.AUDITOR)
    await served.issue(Role.SERVICE)
    await chained(served)
    async with AsyncClient(served.address, account=OWN, api_key=auditor) as client:
        pages = [page async for page in client.list_audit_entries(page_size=1)]
    assert sum(len(page.entries) for page in pages) >= 2
