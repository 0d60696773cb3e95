"""Who acts in the present request. The transport says it once the caller is known; commands ask.

It belongs to the request's task, so concurrent requests do not see each other's. Background tasks name their actor.
"""

from contextvars import ContextVar
from typing import Final

from leadline_server.domain.audit import ANYONE, Actor

_ACTOR: Final[ContextVar[str]] = ContextVar("leadline_actor", default=ANYONE.id)


def acting() -> Actor:
    """The actor of this request; ANYONE while authentication is off."""
    return Actor(_ACTOR.get())


act_as: Final = _ACTOR.set  # not a function of its own, because every call with a credential is here
"""From now on this actor acts in this request. The id is that of a principal, such as `key:0123456789abcdef`."""
