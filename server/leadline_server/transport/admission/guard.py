"""Who calls, and whether they may: asked once a call, for gRPC and HTTP alike.

the principal          by the credential, before anything of the message is read
the account charged    the principal's own, whatever the request names
the table of roles     asked with the decoded account and user
"""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor
from leadline.v1.call_log_pb2 import LOG_TRIGGER_MANUAL

from leadline_server.audit.acting import PRINCIPAL
from leadline_server.auth.authenticator import Authenticator
from leadline_server.auth.call_head import Authenticated
from leadline_server.domain.access.principals import WITHOUT_ACCOUNT, Principal, Role
from leadline_server.domain.access.rules import Permission, allowed
from leadline_server.domain.access.table import ACCESS, BY_HAND, Extent
from leadline_server.domain.access_errors import PermissionDenied
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.errors import LeadlineError

_ALLOWED: Final = Permission.ALLOWED  # a global name is read faster


class Guard:
    """Guards one RPC.

    Args:
        authenticator: finds principals.
        method: the RPC. It needs a row in the table of roles.

    Raises:
        ValueError: it has no row.
    """

    def __init__(self, authenticator: Authenticator, method: MethodDescriptor) -> None:
        self.at_once: Final = authenticator.at_once
        self.authenticate: Final = authenticator.authenticate
        self.still: Final = authenticator.still
        self._rpc = method.name
        has_user = "user_id" in method.input_type.fields_by_name
        # Of these roles the request's user matters. For others it is not read.
        self._by_user = frozenset({Role.USER, *_roles_by_user(method.name)} if has_user else ())
        self._can_be_by_hand = method.name == "LogCall"
        # Of these roles a call for their own account is allowed whatever else the request has.
        self._in_own_account = frozenset(role for role in Role if _may_all_in_own_account(role, method.name))

    def permit(self, who: Authenticated, request: Any, account_id: str) -> None:
        """Ask whether the call may go on, and tell the servicer who calls.

        A request of a user's credential that names no user is that user's. `account_id` is the request's: it was read
        before, and reading a field costs as much as the answer.

        Raises:
            PermissionDenied: the principal may not do this in its own account.
            AccountNotFound: the account is another's, or does not exist.
        """
        principal = who.principal
        if principal.role not in self._in_own_account or account_id != principal.account_id:
            self._ask(principal, request)
        PRINCIPAL.set(principal)

    def _ask(self, principal: Principal, request: Any) -> None:
        row = BY_HAND if self._can_be_by_hand and is_by_hand(request) else self._rpc
        has_user = principal.role in self._by_user
        user_id = request.user_id if has_user else ""
        verdict = allowed(principal, row, request.account_id, user_id)
        if verdict is not _ALLOWED:
            raise self._refusal(verdict, row, principal, request.account_id)
        if has_user and not user_id:
            request.user_id = principal.user_id

    def _refusal(self, verdict: Permission, row: str, principal: Principal, account_id: str) -> LeadlineError:
        if verdict is Permission.HIDDEN:
            return AccountNotFound(account_id)
        sentence = f"The role {principal.role} may not do this here: {row}."
        return PermissionDenied(sentence, rpc=self._rpc, role=principal.role)


def _rows(rpc: str) -> tuple[str, ...]:
    return (rpc, BY_HAND) if rpc == "LogCall" else (rpc,)


def _may_all_in_own_account(role: Role, rpc: str) -> bool:
    """Whether a role may call an RPC for every user of its own account, also by hand."""
    extents = {ACCESS[row][role] for row in _rows(rpc)}
    return role not in WITHOUT_ACCOUNT and extents <= {Extent.ANY_USER, Extent.OWN_ACCOUNT}


def _roles_by_user(rpc: str) -> Iterator[Role]:
    """The roles that may call an RPC for one user alone."""
    return (role for row in _rows(rpc) for role, extent in ACCESS[row].items() if extent is Extent.OWN_USER)


def is_by_hand(request: Any) -> bool:
    """Whether a LogCall is a person's: MANUAL, with a chosen contact, or a question what would happen."""
    return bool(request.contact_id) or request.trigger == LOG_TRIGGER_MANUAL or request.validate_only


def check_row(method: MethodDescriptor) -> None:
    """Raise ValueError if an RPC has no row in the table of roles: then it is not decided who may call it."""
    if method.name not in ACCESS:
        raise ValueError(f"{method.full_name} has no row in leadline_server/domain/access/table.py.")
