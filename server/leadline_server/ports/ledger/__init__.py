"""The port to the ledger: leadline's own durable state, with one file for each part.

Obligations of every implementation:

- A method that changes something returns only when the change would survive a power loss.
- The changes of one method are all kept or not at all.
- A `change` function is pure. It may be called again with newer state before its last result is kept.
- Failures are LedgerUnavailable or LedgerFull, and then nothing was changed.

Leases on claims, tokens and pruning work alike. A lease belongs to one process (`lease_owner`) until a time
(`lease_until`). Another process can acquire it when it was released, or when that time is past, so a process that died
does not block others for long. The ledger puts all acquisitions in one order, so a lease has one owner at a time.
Example: process "a1" acquires a claim at 12:00:00 until 12:00:10 and dies. Process "b2" can acquire it at 12:00:10.
"""

from leadline_server.ports.ledger.accounts import Accounts, PreferencesInForce, PreferenceStore, SettingsVersions
from leadline_server.ports.ledger.accounts_admin import AccountConnections, AccountData, ConnectionChecks
from leadline_server.ports.ledger.audit import AuditPage, AuditTrail
from leadline_server.ports.ledger.call_logs import (
    CallKey,
    CallLogFilter,
    CallLogGroup,
    CallLogPage,
    CallLogs,
    Change,
    new_call_key,
)
from leadline_server.ports.ledger.claims import Claimed, Claims, HeldByAnother, Remembered
from leadline_server.ports.ledger.copy_mark import CopyMark, CopyState
from leadline_server.ports.ledger.credentials import Credentials
from leadline_server.ports.ledger.ledger import Ledger
from leadline_server.ports.ledger.placeholders import Placeholders
from leadline_server.ports.ledger.quarantine import Quarantine, QuarantinedEvent
from leadline_server.ports.ledger.replicas import Replica, Replicas
from leadline_server.ports.ledger.requests import RecordedAnswer, Requests
from leadline_server.ports.ledger.retention import Pruned, Retention
from leadline_server.ports.ledger.secrets import Secrets, SecretsState
from leadline_server.ports.ledger.tokens import ACCOUNT_PREFIX, TokenStore, account_owner, connection_owner
from leadline_server.ports.ledger.transactions import (
    CallLogsInTransaction,
    LedgerTransaction,
    PlaceholderCounts,
    Transactions,
)
from leadline_server.ports.ledger.users import Users

__all__ = [
    "ACCOUNT_PREFIX",
    "AccountConnections",
    "AccountData",
    "Accounts",
    "AuditPage",
    "AuditTrail",
    "CallKey",
    "CallLogFilter",
    "CallLogGroup",
    "CallLogPage",
    "CallLogs",
    "CallLogsInTransaction",
    "Change",
    "Claimed",
    "Claims",
    "ConnectionChecks",
    "CopyMark",
    "CopyState",
    "Credentials",
    "HeldByAnother",
    "Ledger",
    "LedgerTransaction",
    "PlaceholderCounts",
    "Placeholders",
    "PreferenceStore",
    "PreferencesInForce",
    "Pruned",
    "Quarantine",
    "QuarantinedEvent",
    "RecordedAnswer",
    "Remembered",
    "Replica",
    "Replicas",
    "Requests",
    "Retention",
    "Secrets",
    "SecretsState",
    "SettingsVersions",
    "TokenStore",
    "Transactions",
    "Users",
    "account_owner",
    "connection_owner",
    "new_call_key",
]
