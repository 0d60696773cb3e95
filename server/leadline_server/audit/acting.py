"""Who acts in the present request. The transport sets it once the caller is known; commands read it.

It belongs to the request's task, so concurrent requests do not see each other's. Background tasks name their actor.
"""

from contextvars import ContextVar
from typing import Final

from leadline_server.domain.audit import LOOPBACK, Actor

_ACTOR: Final[ContextVar[Actor]] = ContextVar("leadline_actor", default=LOOPBACK)


def acting() -> Actor:
    """The actor of this request; LOOPBACK while no authentication is configured."""
    return _ACTOR.get()


def act_as(actor: Actor) -> None:
    """From now on `actor` acts in this request."""
    _ACTOR.set(actor)
