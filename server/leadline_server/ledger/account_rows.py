"""Rows of accounts, of their connections and of checks, for every ledger."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from leadline_server.domain.accounts import AccountRecord, AccountState, ConnectionCheck, OwnConnection
from leadline_server.domain.audit import Actor, AuditAction, AuditEvent
from leadline_server.ledger.codec import SETTINGS, from_microseconds

BLOCK_BYTES: Final = 4096
"""Stored documents are counted in blocks of this size."""


def blocks_of(document: bytes) -> int:
    """How many blocks a document counts as."""
    return (len(document) + BLOCK_BYTES - 1) // BLOCK_BYTES


def account_of(row: Sequence[Any]) -> AccountRecord:
    """An account: id, settings, title, state, times, the revision of its connection, and the settings version."""
    account_id, body, title, state, created_at, updated_at, revision, version = row
    return AccountRecord(
        account_id=account_id,
        settings=SETTINGS.decode(body),
        title=title,
        state=AccountState(state),
        connection_revision=revision,
        create_time=from_microseconds(created_at),
        update_time=from_microseconds(updated_at),
        settings_version=version,
    )


def administered(by: Actor, before: AccountRecord, after: AccountRecord) -> Iterator[AuditEvent]:
    """The entries of a change of an account's title or state."""
    account_id = after.account_id
    if after.title != before.title:
        yield AuditEvent.of(by, account_id, AuditAction.ACCOUNT_UPDATED, account_id, fields=("title",))
    if after.state != before.state:
        is_active = after.state is AccountState.ACTIVE
        action = AuditAction.ACCOUNT_ENABLED if is_active else AuditAction.ACCOUNT_DISABLED
        yield AuditEvent.of(by, account_id, action, account_id)


def connection_of(row: Sequence[Any], secrets: dict[str, str]) -> OwnConnection:
    """A connection: adapter, options, names of secrets, encrypted secrets, revision, time."""
    adapter, options, secret_names, _, revision, updated_at = row
    return OwnConnection(
        adapter=adapter,
        options=json.loads(options),
        secrets=secrets,
        secret_names=tuple(json.loads(secret_names)),
        revision=revision,
        update_time=from_microseconds(updated_at),
    )


def connection_changes(before: OwnConnection | None, after: OwnConnection) -> tuple[str, ...]:
    """The names of what changes. All secrets count as changed: the old ones are not read."""
    known = before or OwnConnection(adapter="")
    names = {name for name in {*known.options, *after.options} if known.options.get(name) != after.options.get(name)}
    changed = [*(f"options.{name}" for name in names), *(f"secrets.{name}" for name in after.secrets)]
    changed += [f"secrets.{name}" for name in known.secret_names if name not in after.secrets]
    if after.adapter != known.adapter:
        changed.append("adapter")
    return tuple(sorted(changed))


def check_of(row: Sequence[Any]) -> ConnectionCheck:
    """A check: connection, times of the last one, success and failure, and the last error."""
    connection, checked_at, succeeded_at, failed_at, error = row
    return ConnectionCheck(
        connection=connection,
        check_time=from_microseconds(checked_at),
        success_time=None if succeeded_at is None else from_microseconds(succeeded_at),
        failure_time=None if failed_at is None else from_microseconds(failed_at),
        error=error,
    )
