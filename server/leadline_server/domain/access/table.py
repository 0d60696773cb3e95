"""The table of roles. Every RPC has a row; `docs/access.md` and the matrix of tests are generated from it.

A new RPC needs a row: without one the server does not start, and a test fails.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from leadline_server.domain.access.principals import Role


class Extent(StrEnum):
    """The accounts and users that a role may call an RPC for."""

    NONE = "-"
    ANY_ACCOUNT = "A"
    ANY_ACCOUNT_IF_GRANTED = "A*"
    OWN_ACCOUNT = "o"
    OWN_ACCOUNT_IN_PART = "o*"
    ANY_USER = "U"
    ANY_USER_IF_GRANTED = "U*"
    OWN_USER = "S"
    OWN_REPORTS = "R"


BY_HAND: Final = "LogCall by hand"
"""The row of a LogCall that is MANUAL, names a contact or only validates. It reads more than a report does."""

METRICS: Final = "/metrics"
"""The row of the page with the metrics, which is no RPC. It belongs to no account."""

ROLES: Final = tuple(Role)

# platform, account admin, service, reporter, user, auditor, monitor
_ROWS: Final[Mapping[str, str]] = {
    "FindContact": "A* o U - S - -",
    "SearchContacts": "A* o U - S - -",
    "CreateContact": "A* o U - S - -",
    "LogCall": "A o U U S - -",
    BY_HAND: "A* o U - S - -",
    "GetCallLog": "A* o U R S - -",
    "RetryCallLog": "A* o U - S - -",
    "ListCallLogs": "A* o U - S - -",
    "WatchCallLogs": "A* o U - S - -",
    "CountCallLogs": "A* o U - S - -",
    "GetPreferences": "A o U - S o -",
    "UpdatePreferences": "A o U* - S - -",
    "GetAccountSettings": "A o o - o* o -",
    "UpdateAccountSettings": "A o - - - - -",
    "GetUser": "A o U - S o -",
    "ListUsers": "A o o - - o -",
    "UpsertUser": "A o - - - - -",
    "DeleteUser": "A o - - - - -",
    "ListCrmUsers": "A o - - - - -",
    "ListPlaceholders": "A* o o - - - -",
    "RemovePlaceholder": "A o - - - - -",
    "OpenReplay": "A o o - - - -",
    "CreateAccount": "A - - - - - -",
    "GetAccount": "A o - - - o -",
    "ListAccounts": "A - - - - - -",
    "UpdateAccount": "A o - - - - -",
    "DisableAccount": "A - - - - - -",
    "DeleteAccount": "A - - - - - -",
    "ExportAccount": "A o - - - - -",
    "GetConnection": "A o - - - o -",
    "SetConnection": "A o - - - - -",
    "CheckConnection": "A o - - - - -",
    "IssueKey": "A o - - - - -",
    "ListKeys": "A o - - - o -",
    "RotateKey": "A o - - - - -",
    "RevokeKey": "A o - - - - -",
    "DenyTokens": "A o - - - - -",
    "ListAuditEntries": "A o - - - o -",
    METRICS: "- - - - - - o",
}

ACCESS: Final[Mapping[str, Mapping[Role, Extent]]] = {
    rpc: dict(zip(ROLES, map(Extent, row.split()), strict=True)) for rpc, row in _ROWS.items()
}
"""The extent of each role, by the RPC's name."""

MEANINGS: Final[Mapping[Extent, str]] = {
    Extent.ANY_ACCOUNT: "any account",
    Extent.ANY_ACCOUNT_IF_GRANTED: "any account, if the credential has the grant `call_data`",
    Extent.OWN_ACCOUNT: "its own account",
    Extent.OWN_ACCOUNT_IN_PART: "its own account, without the lists of numbers",
    Extent.ANY_USER: "any user of its own account",
    Extent.ANY_USER_IF_GRANTED: "any user of its own account, if the credential has the grant `update_preferences`",
    Extent.OWN_USER: "its own user alone; an empty `user_id` means that user",
    Extent.OWN_REPORTS: "calls that it reported itself",
    Extent.NONE: "PERMISSION_DENIED in its own account, NOT_FOUND in another",
}
"""The meaning of each extent, for documents."""
