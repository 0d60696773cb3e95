"""One holder's claim in the ledger."""

import asyncio
import random
from typing import Final

from leadline_server.clock import Clock
from leadline_server.concurrency.lease import LEASE, Lease
from leadline_server.domain.errors import CrmUnavailable
from leadline_server.ports.ledger import Claimed, Claims, HeldByAnother

_ASK_SECONDS: Final = (0.02, 0.06)
"""How long to wait before asking again for a claim that another process holds, in seconds."""


class ClaimRow:
    """A claim of one holder: acquired when it is first needed, renewed while held, released once.

    Attributes:
        place: the account's id and the number's key.
        own_key: of the holder's creation.
        lease: the time that the claim is held for.
        is_taken: the claim may be the holder's, and is to be released.
    """

    def __init__(self, claims: Claims, place: tuple[str, str], owner: str, key: str, clock: Clock) -> None:
        self.place = place
        self.own_key = key
        self.lease = Lease(lambda until: claims.renew(*place, owner, until), clock)
        self.is_taken = False
        self.clock = clock
        self._claims = claims
        self._owner = owner
        self._claimed: Claimed | None = None
        self._has_asked = False
        self._made = ("", "")

    async def acquire(self) -> Claimed:
        """The claim: at once where it is held already, else as soon as whoever holds it is done, or its time is up."""
        while self._claimed is None:
            self.is_taken = True  # even if this is cancelled: the ledger may have it by then
            now = self.clock.now()
            until = now + LEASE
            answer = await self._claims.acquire(*self.place, self._owner, self.own_key, now, until)
            if isinstance(answer, HeldByAnother):
                await asyncio.sleep(random.uniform(*_ASK_SECONDS))  # noqa: S311 - jitter, no secret
            else:
                self._claimed = answer
                self.lease.begin(until)
        return self._claimed

    async def begin_own(self) -> None:
        """An earlier creation made nothing: the holder's own takes its place.

        Raises:
            CrmUnavailable: the claim ran out.
        """
        if not await self._claims.begin(*self.place, self._owner, self.own_key):
            raise _lost()
        self._claimed = Claimed(self.own_key)

    def made(self, contact_id: str, creation_key: str) -> None:
        """A creation made this contact: recorded when the claim is released, and in the same commit."""
        self._made = contact_id, creation_key

    def asks_crm(self) -> None:
        """From here on, unless `made_nothing`, nobody knows whether the contact was created.

        Raises:
            CrmUnavailable: the claim ran out, so somebody else may be creating.
        """
        if self.lease.seconds_left <= 0:
            raise _lost()
        self._has_asked = True

    def made_nothing(self) -> None:
        """The CRM said no: nothing was created."""
        self._has_asked = False

    async def release(self) -> None:
        """Give the claim up, with what is known of the creation."""
        now, (contact_id, creation_key) = self.clock.now(), self._made
        if contact_id:
            await self._claims.finish(*self.place, contact_id, now, lease_owner=self._owner, creation_key=creation_key)
        else:
            await self._claims.release(*self.place, self._owner, now if self._has_asked else None)

    async def record(self, number_key: str, contact_id: str) -> None:
        """Record a number's contact beside the claim, which stays as it is."""
        await self._claims.finish(self.place[0], number_key, contact_id, self.clock.now())


def _lost() -> CrmUnavailable:
    return CrmUnavailable("The claim on the number ran out; it is taken anew.", retry_after=1)
