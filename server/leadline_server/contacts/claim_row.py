"""One holder's claim on a number in the ledger.

Example: the holder acquires the claim of account `demo` and number `+12025550101`. It creates contact `c_17`, calls
`made("c_17", key)`, and then `release`, which stores the contact and frees the claim in one commit.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from leadline_server.concurrency.lease import LEASE, HeldLease, LeaseKeeper
from leadline_server.domain.audit import Actor
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.placeholders import Reservation
from leadline_server.ports.ledger import Claimed, Claims, HeldByAnother

_RETRY_SECONDS: Final = (0.02, 0.06)
"""How long to wait before trying again to acquire a claim that another process holds, in seconds."""


_LONGEST_WAIT: Final = timedelta(seconds=0.25)
"""A longer wait is an error that tells the caller when to try again."""

RECENT: Final = timedelta(seconds=2)
"""How old a lookup may be before a creation that rests on it."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


class ClaimRow:
    """A claim: acquired when it is first needed, renewed while held, released once.

    Attributes:
        key: the account's id and the number's key.
        own_key: names the holder's own creation.
        lease: the lease of the claim.
        may_be_held: the ledger may have granted the claim, so it must be released.
    """

    def __init__(
        self,
        claims: Claims,
        key: tuple[str, str],
        own_key: str,
        leases: LeaseKeeper,
        reservation: Reservation | None = None,
        by: Actor | None = None,
    ) -> None:
        self.key = key
        self.own_key = own_key
        self.lease = HeldLease(leases, lambda until: claims.renew(*key, leases.process_id, until))
        self.may_be_held = False
        self._had_to_wait = False
        self.clock = leases.clock
        self._claims = claims
        self._owner = leases.process_id
        self._reservation = reservation
        self._by = by
        self._placeholder_by: Actor | None = None
        self._claimed: Claimed | None = None
        self._has_asked = False
        self._made = ("", "")

    async def acquire(self) -> Claimed:
        """Acquire the claim: at once if it is held already; otherwise wait until the other process releases it."""
        while self._claimed is None:
            self.may_be_held = True  # even if this is cancelled: the ledger may have granted it by then
            now = self.clock.now()
            until = now + LEASE
            answer = await self._claims.acquire(*self.key, self._owner, self.own_key, now, until, self._reservation)
            if isinstance(answer, HeldByAnother):
                self._had_to_wait = True
                await asyncio.sleep(random.uniform(*_RETRY_SECONDS))  # noqa: S311 - jitter, no secret
            else:
                self._claimed = answer
                self.lease.begin(until)
        return self._claimed

    async def was_free_since(self, looked_up: datetime) -> bool:
        """Acquire the claim. Whether no creation can have made a contact that a lookup at `looked_up` did not find.

        A creation in any process leaves its contact or its key in the claim. It leaves nothing if it certainly made
        nothing. So if the claim was free and is empty, only people can have created a contact since the lookup.
        """
        claimed = await self.acquire()
        is_first = claimed.creation_key == self.own_key and claimed.given_up is None and not claimed.contact_id
        return is_first and not self._had_to_wait and self.clock.now() - looked_up <= RECENT

    async def begin_own(self) -> None:
        """Record the holder's own creation. An earlier one certainly made nothing.

        Raises:
            CrmUnavailable: the claim ran out.
        """
        keeps = self._reservation is not None
        if not await self._claims.begin(*self.key, self._owner, self.own_key, keeps_reservation=keeps):
            raise _lost()
        self._claimed = Claimed(self.own_key)

    def made(self, contact_id: str, creation_key: str, *, is_placeholder: bool = False) -> None:
        """A creation made this contact. `release` records it."""
        self._made = contact_id, creation_key
        self._placeholder_by = self._by if is_placeholder else None

    def asks_crm(self) -> None:
        """The CRM is asked from now on. Unless `made_nothing` is called, the contact may have been created.

        Raises:
            CrmUnavailable: the claim ran out, so another process may be creating the contact.
        """
        if self.lease.seconds_left <= 0:
            raise _lost()
        self._has_asked = True

    def made_nothing(self) -> None:
        """The CRM refused: nothing was created."""
        self._has_asked = False

    async def release(self, *, may_wait: bool = False) -> None:
        """Release the claim, and record the result of the creation. `may_wait`: as for `Claims.finish`."""
        now, (contact_id, creation_key) = self.clock.now(), self._made
        if contact_id:
            await self._claims.finish(
                *self.key,
                contact_id,
                now,
                lease_owner=self._owner,
                creation_key=creation_key,
                placeholder_by=self._placeholder_by,
                may_wait=may_wait,
            )
        else:
            given_up = now if self._has_asked else None
            await self._claims.release(*self.key, self._owner, given_up, may_wait=may_wait)

    async def record(self, number_key: str, contact_id: str, *, is_placeholder: bool) -> None:
        """Record a number's contact. This claim stays as it is."""
        by = self._by if is_placeholder else None
        await self._claims.finish(self.key[0], number_key, contact_id, self.clock.now(), placeholder_by=by)


def _lost() -> CrmUnavailable:
    return CrmUnavailable("The claim on the number ran out. It will be acquired again.", retry_after=1)


async def pause(unsettled: timedelta) -> None:
    """Wait until a write has settled. Raises CrmUnavailable with the delay if that is too long to wait here."""
    if unsettled > _LONGEST_WAIT:
        raise CrmUnavailable(
            "An earlier attempt to create the number's contact may still take effect.",
            retry_after=unsettled.total_seconds(),
        )
    await asyncio.sleep(unsettled.total_seconds())


def likeliest(contacts: Sequence[Contact], name: str = "") -> Contact:
    """The contact that a creation most likely made: the one with its name, otherwise the newest."""
    return max(contacts, key=lambda contact: (contact.name == name, contact.create_time or _EARLIEST))
