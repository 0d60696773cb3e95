"""The answer of the table of roles. Pure functions: no I/O, no clock."""

from enum import Enum, auto
from typing import Final

from leadline_server.domain.access.principals import Grant, Principal, Role
from leadline_server.domain.access.table import ACCESS, Extent


class Permission(Enum):
    """Whether a call may go on.

    DENIED is PERMISSION_DENIED. HIDDEN is the answer for an account that does not exist, so that a caller cannot find
    out which accounts exist.
    """

    ALLOWED = auto()
    DENIED = auto()
    HIDDEN = auto()


_GRANTS: Final = {
    Extent.ANY_ACCOUNT_IF_GRANTED: Grant.CALL_DATA,
    Extent.ANY_USER_IF_GRANTED: Grant.UPDATE_PREFERENCES,
}

# Every call is asked here. As global names, members of an enum are read 15 times faster.
_PLATFORM: Final = Role.PLATFORM
_NONE: Final = Extent.NONE
_ANY_USER: Final = Extent.ANY_USER
_OWN_ACCOUNT: Final = Extent.OWN_ACCOUNT
_OWN_USER: Final = Extent.OWN_USER
_ALLOWED: Final = Permission.ALLOWED


def allowed(principal: Principal, rpc: str, account_id: str, user_id: str) -> Permission:
    """Whether a principal may call an RPC for a user of an account.

    Args:
        principal: who calls.
        rpc: the row of the table: `FindContact`.
        account_id: the account that the request names.
        user_id: the user that the request names; empty: none.
    """
    role = principal.role
    if role is not _PLATFORM and account_id != principal.account_id:
        return Permission.HIDDEN
    extent = ACCESS[rpc][role]
    if extent is _ANY_USER or extent is _OWN_ACCOUNT:
        return _ALLOWED
    if extent is _NONE:
        return Permission.DENIED
    if (grant := _GRANTS.get(extent)) is not None and grant not in principal.grants:
        return Permission.DENIED
    if extent is _OWN_USER and user_id not in ("", principal.user_id):
        return Permission.DENIED
    return _ALLOWED


def rpcs_of(principal: Principal) -> list[str]:
    """The rows of the table that a principal may call for its own account and user; for any account, if it has none."""
    own = principal.account_id, principal.user_id
    return [rpc for rpc in ACCESS if allowed(principal, rpc, *own) is _ALLOWED]


def may_open(principal: Principal, rpc: str, owner: str, reporters: tuple[str, ...]) -> bool:
    """Whether a principal may call an RPC for a call log of its own account.

    Args:
        principal: who calls.
        rpc: the row of the table: `GetCallLog`.
        owner: the log's user, as the ledger has it.
        reporters: the ids of the principals that reported the call, as the ledger has them.
    """
    extent = ACCESS[rpc][principal.role]
    if extent is Extent.OWN_USER:
        return owner == principal.user_id
    if extent is Extent.OWN_REPORTS:
        return principal.id in reporters
    return True
