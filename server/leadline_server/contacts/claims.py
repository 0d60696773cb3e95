"""One contact a number: creating goes through the number's claim, whoever wants it and however many at once."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from leadline_server.clock import Clock
from leadline_server.contacts.directory import Account
from leadline_server.contacts.keyed_locks import KeyedLocks
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.domain.contact import Contact, ContactDraft, ContactMatch
from leadline_server.domain.errors import CrmRejected
from leadline_server.domain.phone import PhoneNumber
from leadline_server.ports.ledger import Claims


class NumberClaims:
    """Hands out the claims of numbers, one holder at a time."""

    def __init__(self, claims: Claims, lookup: ContactLookup, clock: Clock) -> None:
        self._claims = claims
        self._lookup = lookup
        self._clock = clock
        self._locks = KeyedLocks()

    @asynccontextmanager
    async def hold(self, account: Account, number: PhoneNumber) -> AsyncIterator["HeldClaim"]:
        """Hold the claim of a number while looking it up afresh and, perhaps, creating its contact."""
        async with self._locks.hold((account.id, number.key)):
            yield HeldClaim(account, number, self._claims, self._lookup, self._clock)


class HeldClaim:
    """What only the holder of a number's claim may do."""

    def __init__(
        self, account: Account, number: PhoneNumber, claims: Claims, lookup: ContactLookup, clock: Clock
    ) -> None:
        self._account = account
        self._number = number
        self._claims = claims
        self._lookup = lookup
        self._clock = clock

    async def look_again(self) -> tuple[ContactMatch, ...]:
        """Who has the number by now. Raises CrmError: cannot tell."""
        return await self._lookup.find(self._account, (self._number,))

    async def create(self, draft: ContactDraft) -> Contact:
        """Create the number's contact, where `look_again` found nobody.

        That a creation begins is on disk before the CRM is asked, with the key that the CRM is given: whoever comes
        after a crash uses the same key, and a CRM that enforces keys answers with the contact made before it.

        Raises:
            CrmError: it was not created, or nobody can tell whether it was.
        """
        account_id, number_key = self._account.id, self._number.key
        key = await self._claims.begin(account_id, number_key, uuid.uuid4().hex, self._clock.now())
        try:
            contact = await self._account.crm.create_contact(draft, key)
        except CrmRejected:
            await self._claims.abandon(account_id, number_key)
            raise
        await self._claims.finish(account_id, number_key, contact.id, self._clock.now())
        return contact

    async def create_another(self, draft: ContactDraft) -> Contact:
        """Create one more contact for the number, whoever has it already."""
        contact = await self._account.crm.create_contact(draft, uuid.uuid4().hex)
        await self._claims.finish(self._account.id, self._number.key, contact.id, self._clock.now())
        return contact
