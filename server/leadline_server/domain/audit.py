"""The audit trail: who changed what, who was refused, which contacts leadline created, and who read in bulk.

An entry has ids and reasons. It never has a value that was written, an explanation, a phone number, a name or a secret.

Example: key 4f2c of account acme turned logging off for its user alice:

    AuditEvent(account_id="acme", action=AuditAction.PREFERENCES_UPDATED, actor="key:4f2c", on_behalf_of="alice",
               subject="alice", fields=("auto_log_calls",))
"""

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from leadline_server.domain.fast_init import fast_init

SERVER: Final = ""
"""The account id of entries that belong to no account, such as a failed authentication."""


class AuditAction(StrEnum):
    """The kinds of entries. Exports have the values, so they never change."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_EXPORTED = "account.exported"
    SETTINGS_UPDATED = "settings.updated"
    PREFERENCES_UPDATED = "preferences.updated"
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_DELETED = "user.deleted"
    KEY_ISSUED = "key.issued"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    TOKENS_DENIED = "tokens.denied"
    SESSION_STARTED = "session.started"
    SESSION_ENDED = "session.ended"
    CONNECTION_CREATED = "connection.created"
    CONNECTION_UPDATED = "connection.updated"
    CONNECTION_DELETED = "connection.deleted"
    SECRETS_ROTATED = "secrets.rotated"
    AUTHENTICATION_FAILED = "authentication.failed"
    PLACEHOLDER_CREATED = "placeholder.created"
    PLACEHOLDER_REMOVED = "placeholder.removed"
    REPLAY_OPENED = "replay.opened"
    READ_IN_BULK = "read.in_bulk"
    LEDGER_MADE_LIVE = "ledger.made_live"


class Actor(NamedTuple):
    """Who acts, and for which user.

    Attributes:
        id: the kind and the id, such as `key:4f2c`, `jwt:https://issuer/subject`, `tls:spiffe://acme/pbx`; or one of
            the words below.
        on_behalf_of: the user that a service acts for; empty: itself.
    """

    id: str
    on_behalf_of: str = ""

    def acting_for(self, user_id: str) -> "Actor":
        """The same actor, acting for a user."""
        return Actor(self.id, user_id)


LEADLINE: Final = Actor("leadline")
"""leadline itself: a delivery, or retention."""

OPERATOR: Final = Actor("operator")
"""A person who runs a command on the server's files, such as `leadline keys bootstrap`."""

SETTINGS_FILE: Final = Actor("settings")
"""The server's settings: accounts and connections that they name."""


@fast_init
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One entry, before the ledger gives it a time and a place in its account's chain.

    Attributes:
        account_id: whose entry it is; SERVER: of none.
        action: what was done.
        actor, on_behalf_of: as in Actor.
        subject: the id of what was changed or read: a user, contact, key or connection; the RPC of a bulk read.
        fields: the names of the changed fields, without their values.
        reason: why, as a word: `PLACEHOLDER_CREATED`, `KEY_EXPIRED`.
        call_id: the call that caused it.
        count: how many times; the records read, of a bulk read.
    """

    account_id: str
    action: AuditAction
    actor: str
    on_behalf_of: str = ""
    subject: str = ""
    fields: tuple[str, ...] = ()
    reason: str = ""
    call_id: str = ""
    count: int = 1

    @classmethod
    def of(cls, by: Actor, account_id: str, action: AuditAction, subject: str = "", **others: Any) -> "AuditEvent":
        """An entry by an actor; `others` are further attributes."""
        actor, user_id = by
        return cls(account_id=account_id, action=action, actor=actor, on_behalf_of=user_id, subject=subject, **others)

    def times(self, count: int) -> "AuditEvent":
        """The same, with another count."""
        return replace(self, count=count)

    @property
    def document(self) -> bytes:
        """Its canonical form, which the chain's hashes are made of: JSON with sorted keys and without empty fields."""
        written = [f'"{name}":{_json(value)}' for name in _DOCUMENTED if (value := getattr(self, name))]
        return f"{{{','.join(written)}}}".encode()


class AuditFilter(NamedTuple):
    """Which entries are wanted.

    Attributes:
        start, end: those from a time on, and before a time; None: all.
        action: the value of an AuditAction; empty: every one.
    """

    start: datetime | None = None
    end: datetime | None = None
    action: str = ""


def canonical(document: dict[str, Any]) -> bytes:
    """JSON in UTF-8 with sorted keys and no spaces. Example: `{"action":"key.revoked","actor":"operator"}`."""
    return _CANONICAL.encode(document).encode()


_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_DOCUMENTED: Final = sorted(field.name for field in fields(AuditEvent) if field.name != "account_id")


def _json(value: str | int | tuple[str, ...]) -> str:
    """A value in canonical form. `_CANONICAL` takes 27,000 instructions to begin a document."""
    if isinstance(value, str):
        return encode_basestring(value)
    return str(value) if isinstance(value, int) else _CANONICAL.encode(value)


def changed_fields(before: Any, after: Any, within: str = "") -> tuple[str, ...]:
    """The names of fields in which two dataclasses differ: `locked`, `defaults.placeholder_name`."""
    found: list[str] = []
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        name = f"{within}{field.name}"
        found += changed_fields(old, new, f"{name}.") if is_dataclass(new) and type(old) is type(new) else [name]
    return tuple(found)
