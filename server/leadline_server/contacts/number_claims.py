"""Creates at most one contact for a number: every creation, in every process, needs the number's claim.

A claim is a row of the ledger (`ports.ledger.Claims`). One process holds it at a time, and a process that dies loses it
when its lease ends. No lease can stop a write that is on its way to the CRM. So a creation with an unknown end stays in
the row, and the next holder settles it first:

- A contact has the number by now: the creation is assumed to have made it.
- No contact has it, and the CRM enforces unique keys: ask it again with the same key. It returns a contact that exists.
- No contact has it, and the CRM enforces no keys: "cannot tell" until the write has settled and the search index shows
  it (`settle_time` and `search_lag` after its sender stopped). If no contact shows then, nothing was made.

Example: process "a1" sends a creation for +12025550101 with key 9f3c and dies. Process "b2" acquires the claim ten
seconds later and finds key 9f3c in it. HubSpot enforces no keys, so "b2" answers "cannot tell" for some seconds more.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.concurrency.keyed_locks import KeyedLocks
from leadline_server.concurrency.lease import LeaseKeeper
from leadline_server.contacts.claim_row import ClaimRow, likeliest, pause
from leadline_server.contacts.held_numbers import HeldNumber
from leadline_server.contacts.lookup import ContactLookup, FoundContacts, matches_of
from leadline_server.contacts.settling_time import unsettled_for
from leadline_server.domain.audit import Actor
from leadline_server.domain.contact import Contact, ContactDraft, ContactMatch
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmRateLimited, CrmRejected
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ports.ledger import Claims

_MADE_NOTHING: Final = (CrmRejected, CrmRateLimited, CrmAuthFailed)
"""Errors after which certainly nothing was created. After any other error that is unknown."""

_log = structlog.get_logger(__name__)


class NumberClaims:
    """Gives out the claims of numbers, to one holder at a time.

    Tasks of this process that want the same number queue here first, so only one of them asks the ledger at a time.
    """

    def __init__(self, claims: Claims, lookup: ContactLookup, leases: LeaseKeeper) -> None:
        self._claims = claims
        self._lookup = lookup
        self._leases = leases
        self._locks = KeyedLocks()
        self._handed_on: dict[tuple[str, str], FoundContacts] = {}
        self._releases: set[asyncio.Task[None]] = set()

    def hold(
        self,
        account: Account,
        number: PhoneNumber,
        key: str = "",
        reservation: Reservation | None = None,
        by: Actor | None = None,
    ) -> AbstractAsyncContextManager["HeldClaim"]:
        """Hold the claim of a number to look it up again and perhaps create its contact.

        Entering this and `look_again` may wait for other holders; the caller limits the time. The claim is released in
        every case, in the background.

        Args:
            account: the account with the CRM.
            number: the number.
            key: names the creation, so that it is recognised after a crash; empty: it is never repeated.
            reservation: what the creation of a placeholder takes of the limits; None: the limits do not apply.
            by: who has a contact made without a reservation, for the audit trail.
        """
        return self._queued(account, number, number.key, key, reservation, by)

    def hold_request(self, account: Account, number: PhoneNumber, key: str) -> AbstractAsyncContextManager["HeldClaim"]:
        """Hold the claim on one creation, named by `key`, for `create_requested`. Contacts may have the number.

        Hold it before the claim on the number, never after it: all holders use the same order.
        """
        return self._queued(account, number, f"{number.key};request={key}", key)

    @asynccontextmanager
    async def _queued(
        self,
        account: Account,
        number: PhoneNumber,
        number_key: str,
        key: str,
        reservation: Reservation | None = None,
        by: Actor | None = None,
    ) -> AsyncIterator["HeldClaim"]:
        claim_key, asked_at = (account.id, number_key), self._leases.clock.now()
        try:
            had_to_wait = await self._locks.acquire(claim_key)
        except BaseException:
            self._forget_unwanted(claim_key)
            raise
        handed_on = self._handed_on.pop(claim_key, None)
        row = ClaimRow(self._claims, claim_key, key or uuid.uuid4().hex, self._leases, reservation, by)
        try:
            claim = HeldClaim(account, number, row, self._lookup, had_to_wait=had_to_wait)
            if had_to_wait and handed_on is not None and handed_on.as_of >= asked_at:
                claim.handed_on = handed_on
            yield claim
            if claim.handed_on is not None and self._locks.users(claim_key) > 1:
                self._handed_on[claim_key] = claim.handed_on
        finally:
            row.lease.end()
            if row.may_be_held:
                # The next task of this process goes on when the ledger has released the claim, so it finds it free.
                task = asyncio.create_task(self._release(row))
                self._releases.add(task)
                task.add_done_callback(self._releases.discard)
            else:
                self._free(claim_key)

    async def _release(self, row: "ClaimRow") -> None:
        try:
            # A call that has its contact stores its outcome in a moment: the release goes along with that.
            await row.release(may_wait=self._locks.users(row.key) == 1)
        except LedgerUnavailable as error:
            _log.warning("claim not released; its lease will end", error=type(error).__name__)
        finally:
            self._free(row.key)

    def _free(self, claim_key: tuple[str, str]) -> None:
        self._locks.release(claim_key)
        self._forget_unwanted(claim_key)

    def _forget_unwanted(self, claim_key: tuple[str, str]) -> None:
        if not self._locks.users(claim_key):
            self._handed_on.pop(claim_key, None)


class HeldClaim:
    """The operations that only the holder of a number's claim may do."""

    is_unchanged = False  # another process may have created a contact before this one acquired the claim

    def __init__(
        self, account: Account, number: PhoneNumber, row: ClaimRow, lookup: ContactLookup, *, had_to_wait: bool
    ) -> None:
        self._account = account
        self._number = number
        self._row = row
        self._lookup = lookup
        self._had_to_wait = had_to_wait
        self.handed_on: FoundContacts | None = None
        """The contacts that the holder before this one found or created; later, those of this one. The next holder in
        this process may use them if it began to wait before: they are newer than its question."""
        self.has_adopted = False
        """Whether `create` returned a contact that an earlier creation made."""

    async def was_free_since(self, looked_up: datetime) -> bool:
        """See ClaimRow. False if a task of this process held the claim, or a second lookup shows what people added."""
        may_stand = bool(self._account.capabilities.search_lag) and not self._had_to_wait
        return may_stand and await self._row.was_free_since(looked_up)

    async def look_again(self) -> FoundContacts:
        """The contacts that have the number now. If there are none, no other process is about to create one.

        Raises:
            CrmError: cannot tell. If the end of an earlier creation is unknown, CrmUnavailable has `retry_after`.
        """
        if self.handed_on is not None:  # the task that held the claim before has found or created it
            return self.handed_on
        if self._had_to_wait and (found := await self._look()).matches:
            return found  # a lookup needs no claim
        claimed = await self._row.acquire()
        while True:
            asked_at = self._row.clock.now()
            found = await self._look()
            if found.matches:
                if claimed.given_up is not None and claimed.creation_key != self._row.own_key and not found.is_cut_off:
                    self._row.made(likeliest([match.contact for match in found.matches]).id, claimed.creation_key)
                return found
            unsettled = unsettled_for(claimed, self._account.capabilities, asked_at)
            if not unsettled:
                return found
            await pause(unsettled)

    async def made_before(self, matches: Sequence[ContactMatch], draft: ContactDraft) -> Contact | None:
        """The one of `matches`, found by `look_again`, that an earlier attempt of this same creation made.

        None if all contacts were made otherwise. A placeholder was, if the draft is not one.
        """
        claimed = await self._row.acquire()
        contacts = [m.contact for m in matches if draft.is_placeholder or not m.contact.is_placeholder]
        if claimed.contact_key == self._row.own_key:
            return next((contact for contact in contacts if contact.id == claimed.contact_id), None)
        if not contacts or claimed.given_up is None or claimed.creation_key != self._row.own_key:
            return None
        contact = likeliest(contacts, draft.name)
        self._row.made(contact.id, claimed.creation_key, is_placeholder=draft.is_placeholder)
        return contact

    async def create(self, draft: ContactDraft) -> Contact:
        """Create the number's contact. Call this only if `look_again` found none.

        The ledger has the start of the creation, with the key that the CRM gets, before the CRM is asked. So the next
        holder finds it after a crash. Its end is recorded when the claim is released.

        Raises:
            CrmError: the contact was not created, or that is unknown.
        """
        claimed = await self._row.acquire()
        own = key = self._row.own_key
        if claimed.given_up is not None and self._account.capabilities.enforces_unique_key:
            key = claimed.creation_key
        elif claimed.creation_key != own:
            await self._row.begin_own()
        contact = await self._ask_crm(draft, key)
        self.has_adopted = key != own and contact.name != draft.name  # the CRM had the contact of an earlier creation
        made_by, is_placeholder = (key, False) if self.has_adopted else (own, draft.is_placeholder)
        self._row.made(contact.id, made_by, is_placeholder=is_placeholder)
        matches = matches_of((self._number,), (contact,), self._account.rules)
        self.handed_on = FoundContacts(matches, self._row.clock.now()) if matches else None
        return contact

    async def limit_reached(self) -> LimitReached | None:
        """The limit that has no room for the placeholder which the claim was held for; None: it has room.

        The room is given back when the claim is released, if the CRM certainly made nothing. After a
        crash, the next holder takes the creation over together with what it took.
        """
        return (await self._row.acquire()).limit_reached

    async def create_another(self, draft: ContactDraft) -> Contact:
        """Create one more contact for the number, even if others have it.

        The number's claim has the start of this creation too. So if its end is unknown, a call of the number waits
        until the contact would show, and makes no second one.

        Raises:
            CrmError: the contact was not created, or that is unknown.
        """
        claimed = await self._row.acquire()
        contact = await self._ask_crm(draft, self._row.own_key)
        if claimed.creation_key == self._row.own_key:
            self._row.made(contact.id, self._row.own_key, is_placeholder=draft.is_placeholder)
        else:  # the end of an earlier creation is still unknown, so the claim keeps it
            self._row.made_nothing()
            await self._row.record(self._number.key, contact.id, is_placeholder=draft.is_placeholder)
        await self.let_go()
        return contact

    async def create_requested(self, draft: ContactDraft, number: HeldNumber) -> Contact:
        """Create one more contact for the number, or return the one that the same creation made before.

        A CRM without unique keys repeats a creation whose end is unknown: there, leadline cannot tell which creation
        made a contact.

        Args:
            draft: the contact.
            number: the claim on the number itself; this one is on the request.

        Raises:
            CrmError: the contact was not created, or that is unknown.
        """
        claimed = await self._row.acquire()
        if claimed.contact_key and (made := await self._account.crm.get_contact(claimed.contact_id)):
            return made
        self._row.asks_crm()
        try:
            contact = await number.create_another(draft)
        except _MADE_NOTHING:
            self._row.made_nothing()
            raise
        self._row.made(contact.id, self._row.own_key)
        await self.let_go()
        return contact

    async def let_go(self) -> None:
        """Release the claim now, and return when the ledger has stored that."""
        if self._row.may_be_held:
            self._row.lease.end()
            await self._row.release()
            self._row.may_be_held = False

    async def _look(self) -> FoundContacts:
        found = await self._lookup.find(self._account, (self._number,))
        self.handed_on = found if found.matches else None
        return found

    async def _ask_crm(self, draft: ContactDraft, key: str) -> Contact:
        self._row.asks_crm()
        try:
            async with self._row.lease.bounding():
                return await self._account.crm.create_contact(draft, key)
        except _MADE_NOTHING:
            self._row.made_nothing()
            raise
