"""Who calls, and whether they may: asked once a call, for gRPC and HTTP alike.

the principal          by the credential, before anything of the message is read
the account charged    the principal's own, whatever the request names
the table of roles     asked with the decoded account and user
"""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor
from leadline.v1.call_log_pb2 import LOG_TRIGGER_MANUAL

from leadline_server.audit.acting import act_as
from leadline_server.auth.authenticator import Authenticator
from leadline_server.auth.call_head import Authenticated
from leadline_server.domain.access.principals import EVERYONE, Principal, Role
from leadline_server.domain.access.rules import Permission, allowed
from leadline_server.domain.access.table import ACCESS, BY_HAND, Extent
from leadline_server.domain.access_errors import PermissionDenied
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.errors import LeadlineError

PRINCIPAL: Final[ContextVar[Principal]] = ContextVar("principal", default=EVERYONE)
"""The principal of the call in progress. Servicers read it, and give it to commands as an argument."""


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

    def permit(self, who: Authenticated, request: Any) -> None:
        """Ask whether the call may go on, and tell the servicer who calls.

        A request of a user's credential that names no user is that user's.

        Raises:
            PermissionDenied: the principal may not do this in its own account.
            AccountNotFound: the account is another's, or does not exist.
        """
        principal = who.principal
        row = BY_HAND if self._can_be_by_hand and is_by_hand(request) else self._rpc
        has_user = principal.role in self._by_user
        user_id = request.user_id if has_user else ""
        verdict = allowed(principal, row, request.account_id, user_id)
        if verdict is not _ALLOWED:
            raise self._refusal(verdict, row, principal, request.account_id)
        if has_user and not user_id:
            request.user_id = principal.user_id
        PRINCIPAL.set(principal)
        act_as(principal.id)

    def _refusal(self, verdict: Permission, row: str, principal: Principal, account_id: str) -> LeadlineError:
        if verdict is Permission.HIDDEN:
            return AccountNotFound(account_id)
        sentence = f"The role {principal.role} may not do this here: {row}."
        return PermissionDenied(sentence, rpc=self._rpc, role=principal.role)


def _roles_by_user(rpc: str) -> Iterator[Role]:
    """The roles that may call an RPC for one user alone."""
    rows = (rpc, BY_HAND) if rpc == "LogCall" else (rpc,)
    return (role for row in rows for role, extent in ACCESS[row].items() if extent is Extent.OWN_USER)


def is_by_hand(request: Any) -> bool:
    """Whether a LogCall is a person's: MANUAL, with a chosen contact, or a question what would happen."""
    return bool(request.contact_id) or request.trigger == LOG_TRIGGER_MANUAL or request.validate_only


def check_row(method: MethodDescriptor) -> None:
    """Raise ValueError if an RPC has no row in the table of roles: then it is not decided who may call it."""
    if method.name not in ACCESS:
        raise ValueError(f"{method.full_name} has no row in leadline_server/domain/access/table.py.")
