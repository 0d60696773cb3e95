"""Who acts in the present request. The transport says it once the caller is known; servicers and commands ask.

It belongs to the request's task, so concurrent requests do not see each other's. Background tasks name their actor.
"""

from contextvars import ContextVar
from typing import Final

from leadline_server.domain.access.principals import EVERYONE, Principal
from leadline_server.domain.audit import Actor

PRINCIPAL: Final[ContextVar[Principal]] = ContextVar("leadline_principal", default=EVERYONE)
"""The principal of the call in progress; EVERYONE while authentication is off. It is set once a call: one variable more
would cost each call with a credential as much as its role does."""


def acting() -> Actor:
    """The actor of this request: its principal, such as `key:0123456789abcdef`; `everyone` without authentication."""
    return Actor(PRINCIPAL.get().id)
