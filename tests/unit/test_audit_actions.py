"""The list of audit actions in the documents, the tests that need each of them, and bulk reads."""

import ast
import re
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.message_factory import GetMessageClass
from leadline.v1 import call_log_service_pb2, contact_service_pb2, directory_service_pb2, placeholder_service_pb2
from leadline_server.audit.acting import PRINCIPAL
from leadline_server.audit.observations import Observations
from leadline_server.domain.access.principals import Principal, Role
from leadline_server.domain.access.table import ACCESS
from leadline_server.domain.audit import AuditAction, AuditEvent
from leadline_server.transport.bulk_reads import BULK_READS, note_of

ROOT: Final = Path(__file__).parents[2]
CASES: Final = "server/leadline_server/testing/ledger_audit_cases.py"
OF_ACCOUNTS: Final = f"{CASES}::test_changes_of_an_account_and_of_its_connection_are_recorded"
OF_SETTINGS: Final = f"{CASES}::test_changes_are_recorded_with_their_actor_and_the_names_of_fields"
OF_KEYS: Final = f"{CASES}::test_changes_of_keys_and_denials_are_recorded"
OF_PLACEHOLDERS: Final = f"{CASES}::test_a_placeholder_is_recorded_once_with_its_call"
SIGNED_IN: Final = "tests/e2e/test_sessions.py::test_signing_in_and_out_is_in_the_audit_trail"

NEEDED_BY: Final = {
    AuditAction.ACCOUNT_CREATED: OF_ACCOUNTS,
    AuditAction.ACCOUNT_UPDATED: OF_ACCOUNTS,
    AuditAction.ACCOUNT_DISABLED: OF_ACCOUNTS,
    AuditAction.ACCOUNT_ENABLED: OF_ACCOUNTS,
    AuditAction.ACCOUNT_DELETED: OF_ACCOUNTS,
    AuditAction.ACCOUNT_EXPORTED: "tests/transport/test_accounts.py::test_an_export_has_everything_but_secrets",
    AuditAction.SETTINGS_UPDATED: OF_SETTINGS,
    AuditAction.PREFERENCES_UPDATED: OF_SETTINGS,
    AuditAction.USER_CREATED: OF_SETTINGS,
    AuditAction.USER_UPDATED: OF_SETTINGS,
    AuditAction.USER_DELETED: OF_SETTINGS,
    AuditAction.KEY_ISSUED: OF_KEYS,
    AuditAction.KEY_ROTATED: OF_KEYS,
    AuditAction.KEY_REVOKED: OF_KEYS,
    AuditAction.TOKENS_DENIED: OF_KEYS,
    AuditAction.SESSION_STARTED: SIGNED_IN,
    AuditAction.SESSION_ENDED: SIGNED_IN,
    AuditAction.CONNECTION_CREATED: OF_ACCOUNTS,
    AuditAction.CONNECTION_UPDATED: OF_ACCOUNTS,
    AuditAction.CONNECTION_DELETED: OF_ACCOUNTS,
    AuditAction.SECRETS_ROTATED: f"{CASES}::test_another_secrets_key_is_recorded",
    AuditAction.AUTHENTICATION_FAILED: "tests/transport/test_audited_access.py"
    "::test_who_acted_and_what_was_refused_is_recorded_without_any_key",
    AuditAction.PLACEHOLDER_CREATED: OF_PLACEHOLDERS,
    AuditAction.PLACEHOLDER_REMOVED: OF_PLACEHOLDERS,
    AuditAction.REPLAY_OPENED: OF_SETTINGS,
    AuditAction.READ_IN_BULK: "tests/unit/test_audit_actions.py::test_a_bulk_read_is_noted_with_who_read_how_many",
    AuditAction.LEDGER_MADE_LIVE: "tests/unit/test_copy_mark.py::test_a_copy_leases_no_tokens_until_it_is_live",
}
"""For each action a test that fails if its entry is not written. Ledgers have those of CASES for both databases."""

NOT_IN_BULK: Final = {"FindContact", "ListAccounts", "ListKeys", "ListAuditEntries", "ExportAccount"}
"""They show no contacts, calls or people; or at most those of 16 numbers; or they have an action of their own."""


def test_the_documents_list_every_action_and_no_other() -> None:
    section = (ROOT / "docs/operations.md").read_text().partition("## Audit trail")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", section, re.MULTILINE) == [action.value for action in AuditAction]


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_has_a_test_that_needs_its_entry(action: AuditAction) -> None:
    file, _, name = NEEDED_BY[action].partition("::")
    text = (ROOT / file).read_text()
    assert any(isinstance(node, ast.AsyncFunctionDef) and node.name == name for node in ast.walk(ast.parse(text)))
    assert f'"{action.value}"' in text


class Trail:
    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    async def append(self, events: list[AuditEvent]) -> None:
        self.events += events


@pytest.mark.parametrize("rpc", BULK_READS)
async def test_a_bulk_read_is_noted_with_who_read_how_many(rpc: str) -> None:
    files = (call_log_service_pb2, contact_service_pb2, directory_service_pb2, placeholder_service_pb2)
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]
    [method] = [service.methods_by_name[rpc] for service in services if rpc in service.methods_by_name]
    request, response = GetMessageClass(method.input_type)(account_id="acme"), GetMessageClass(method.output_type)()
    has_records = BULK_READS[rpc] != ""
    if has_records:
        records: Any = getattr(response, BULK_READS[rpc])
        records.add()
        records.add()
    trail: Any = Trail()
    observations = Observations(trail)
    note = note_of(rpc, observations)
    assert note is not None
    PRINCIPAL.set(Principal(id="key:4f2c", role=Role.SERVICE, account_id="acme"))
    note(request, response)
    await observations.store()
    [event] = trail.events
    count = 2 if has_records else 1
    assert event == AuditEvent(
        account_id="acme", action=AuditAction.READ_IN_BULK, actor="key:4f2c", subject=rpc, count=count
    )
    assert event.action == "read.in_bulk"


def test_every_rpc_that_reads_many_records_is_noted_or_named_here() -> None:
    reads = {rpc for rpc in ACCESS if rpc.startswith(("Find", "List", "Search", "Watch", "Export"))}
    assert reads == {*BULK_READS, *NOT_IN_BULK}
