"""One contact a number: creating goes through the number's claim, whoever wants it, in whatever process.

A claim is a row of the ledger (`ports.ledger.Claims`): one process holds it at a time, and one that dies loses it when
its lease runs out. What no lease can do is stop a write that is on its way to the CRM, so a creation whose end is
unknown stays in the row, and whoever takes the claim next deals with it first:

- somebody has the number by now: the creation is taken to have made that contact;
- nobody has, and the CRM enforces unique keys: it is asked once more with the same key, and adopts what was made;
- nobody has, and the CRM enforces none: "cannot tell" until the write has settled and the search index shows what it
  made (`settle_time` and `search_lag` after its sender stopped). Nobody by then: nothing was made.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.contacts.claim_row import ClaimRow
from leadline_server.contacts.directory import Account
from leadline_server.contacts.keyed_locks import KeyedLocks
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.domain.contact import Contact, ContactDraft, ContactMatch
from leadline_server.domain.errors import CrmAuthFailed, CrmRateLimited, CrmRejected, CrmUnavailable, LedgerUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import Capabilities
from leadline_server.ports.ledger import Claimed, Claims

_MOMENT: Final = timedelta(seconds=0.25)
"""What is waited for on the spot; for anything longer the caller is told when to come back."""

_MADE_NOTHING: Final = (CrmRejected, CrmRateLimited, CrmAuthFailed)
"""Answers to a creation by which nothing was created for certain. After any other failure nobody knows."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)

_log = structlog.get_logger(__name__)


class NumberClaims:
    """Hands out the claims of numbers, one holder at a time.

    Those who want one number in this process queue here first, so a process asks the ledger for it once at a time.
    """

    def __init__(self, claims: Claims, lookup: ContactLookup, clock: Clock, *, owner: str = "") -> None:
        self._claims = claims
        self._lookup = lookup
        self._clock = clock
        self._owner = owner or uuid.uuid4().hex
        self._locks = KeyedLocks()
        self._releases: set[asyncio.Task[None]] = set()

    def hold(self, account: Account, number: PhoneNumber, key: str = "") -> AbstractAsyncContextManager["HeldClaim"]:
        """Hold the claim of a number while looking it up afresh and, perhaps, creating its contact.

        Whoever holds it may wait for other holders, here and in `look_again`; the caller bounds that. On every way out
        the claim is released, without the caller waiting for it.

        Args:
            account: whose CRM.
            number: the number.
            key: names the creation, so that it is known again after a crash; empty: one that nobody repeats.
        """
        return self._queued(account, number, number.key, key)

    def hold_request(self, account: Account, number: PhoneNumber, key: str) -> AbstractAsyncContextManager["HeldClaim"]:
        """Hold the claim on one creation, named by `key`, whoever has the number: for `create_requested` alone."""
        return self._queued(account, number, f"{number.key};request={key}", key)

    @asynccontextmanager
    async def _queued(
        self, account: Account, number: PhoneNumber, number_key: str, key: str
    ) -> AsyncIterator["HeldClaim"]:
        place = (account.id, number_key)
        had_to_wait = await self._locks.acquire(place)
        row = ClaimRow(self._claims, place, self._owner, key or uuid.uuid4().hex, self._clock)
        try:
            yield HeldClaim(account, number, row, self._lookup, had_to_wait=had_to_wait)
        finally:
            row.lease.end()
            if row.is_taken:
                # The next in this process goes on when the ledger has it, so that it finds the claim free.
                task = asyncio.create_task(self._release(row))
                self._releases.add(task)
                task.add_done_callback(self._releases.discard)
            else:
                self._locks.release(place)

    async def _release(self, row: "ClaimRow") -> None:
        try:
            await row.release()
        except LedgerUnavailable as error:
            _log.warning("claim not released; it runs out by itself", error=type(error).__name__)
        finally:
            self._locks.release(row.place)


class HeldClaim:
    """What only the holder of a number's claim may do."""

    def __init__(
        self, account: Account, number: PhoneNumber, row: ClaimRow, lookup: ContactLookup, *, had_to_wait: bool
    ) -> None:
        self._account = account
        self._number = number
        self._row = row
        self._lookup = lookup
        self._had_to_wait = had_to_wait
        self.has_adopted = False
        """Whether `create` returned a contact that another creation had made."""

    async def look_again(self) -> tuple[ContactMatch, ...]:
        """Who has the number by now. None: nobody, and nobody else is about to create a contact for it.

        Raises:
            CrmError: cannot tell. With CrmUnavailable.retry_after where an earlier creation's end is still unknown.
        """
        if self._had_to_wait and (matches := await self._look()):
            return matches  # whoever was before us here created it; finding somebody needs no claim
        claimed = await self._row.acquire()
        while True:
            asked_at = self._row.clock.now()
            if matches := await self._look():
                if claimed.given_up is not None and claimed.creation_key != self._row.own_key:
                    self._row.made(_likeliest([match.contact for match in matches]).id, claimed.creation_key)
                return matches
            unsettled = unsettled_for(claimed, self._account.crm.capabilities, asked_at)
            if not unsettled:
                return ()
            await _pause(unsettled)

    async def made_before(self, matches: Sequence[ContactMatch], draft: ContactDraft) -> Contact | None:
        """The one of `matches`, which `look_again` found, that an earlier try of this very creation made.

        None if the contacts are others' work. A placeholder is, where the draft names somebody.
        """
        claimed = await self._row.acquire()
        contacts = [m.contact for m in matches if draft.is_placeholder or not m.contact.is_placeholder]
        if claimed.contact_key == self._row.own_key:
            return next((contact for contact in contacts if contact.id == claimed.contact_id), None)
        if not contacts or claimed.given_up is None or claimed.creation_key != self._row.own_key:
            return None
        contact = _likeliest(contacts, draft.name)
        self._row.made(contact.id, claimed.creation_key)
        return contact

    async def create(self, draft: ContactDraft) -> Contact:
        """Create the number's contact, where `look_again` found nobody.

        That a creation begins is on disk before the CRM is asked, with the key that the CRM is given: whoever comes
        after a crash finds it there. That it has ended is recorded when the claim is released.

        Raises:
            CrmError: it was not created, or nobody can tell whether it was.
        """
        claimed = await self._row.acquire()
        own = key = self._row.own_key
        if claimed.given_up is not None and self._account.crm.capabilities.enforces_unique_key:
            key = claimed.creation_key
        elif claimed.creation_key != own:
            await self._row.begin_own()
        contact = await self._ask_crm(draft, key)
        # A CRM that adopts an earlier creation answers with what that one asked for.
        self.has_adopted = key != own and contact.name != draft.name
        self._row.made(contact.id, key if self.has_adopted else own)
        return contact

    async def create_another(self, draft: ContactDraft) -> Contact:
        """Create one more contact for the number, whoever has it already.

        Raises:
            CrmError: it was not created, or nobody can tell whether it was.
        """
        contact = await self._account.crm.create_contact(draft, self._row.own_key)
        await self._row.record(self._number.key, contact.id)
        return contact

    async def create_requested(self, draft: ContactDraft) -> Contact:
        """Create one more contact for the number, or return the one that the same creation made before.

        In a CRM without unique keys a creation whose end is unknown is done again: whose the number's contacts are
        cannot be told there.

        Raises:
            CrmError: it was not created, or nobody can tell whether it was.
        """
        claimed = await self._row.acquire()
        if claimed.contact_key and (made := await self._account.crm.get_contact(claimed.contact_id)):
            return made
        key = self._row.own_key
        contact = await self._ask_crm(draft, key)
        self._row.made(contact.id, key)
        # Two writes at once share a commit.
        await asyncio.gather(self.let_go(), self._row.record(self._number.key, contact.id))
        return contact

    async def let_go(self) -> None:
        """Give the claim up at once, and return when the ledger has it: what the caller is told next is so."""
        if self._row.is_taken:
            self._row.lease.end()
            await self._row.release()
            self._row.is_taken = False

    async def _look(self) -> tuple[ContactMatch, ...]:
        return await self._lookup.find(self._account, (self._number,))

    async def _ask_crm(self, draft: ContactDraft, key: str) -> Contact:
        self._row.asks_crm()
        try:
            async with self._row.lease.bounding():
                return await self._account.crm.create_contact(draft, key)
        except _MADE_NOTHING:
            self._row.made_nothing()
            raise


def unsettled_for(claimed: Claimed, capabilities: Capabilities, asked_at: datetime) -> timedelta:
    """How much longer "nobody has it" says nothing, because an earlier creation may still show; zero: it is conclusive.

    Args:
        claimed: the claim.
        capabilities: of the CRM. One that enforces unique keys needs no time: it is asked again with the same key.
        asked_at: when the lookup that found nobody began.
    """
    if claimed.given_up is None or capabilities.enforces_unique_key:
        return timedelta(0)
    return max(timedelta(0), claimed.given_up + capabilities.settle_time + capabilities.search_lag - asked_at)


async def _pause(unsettled: timedelta) -> None:
    if unsettled > _MOMENT:
        raise CrmUnavailable(
            "An earlier attempt to create the number's contact may still take effect.",
            retry_after=unsettled.total_seconds(),
        )
    await asyncio.sleep(unsettled.total_seconds())


def _likeliest(contacts: Sequence[Contact], name: str = "") -> Contact:
    """The contact that a creation made, among those that have its number by now: so named, else the newest."""
    return max(contacts, key=lambda contact: (contact.name == name, contact.create_time or _EARLIEST))
