"""Creates contacts in a CRM that lives in the ledger. The transaction keeps others out, so no number is claimed.

Example: two calls of +12025550101 arrive at two processes. The second one's transaction begins when the first one's has
ended, and its lookup finds the contact.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final, NamedTuple

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.contacts.held_numbers import HeldNumber
from leadline_server.contacts.lookup import ContactLookup, FoundContacts
from leadline_server.domain.audit import Actor
from leadline_server.domain.contact import Contact, ContactDraft, ContactMatch
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.fast_init import maker
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ports.ledger import LedgerTransaction


class NumbersContext(NamedTuple):
    """The transaction, and the lookup. The accounts are those of `Account.within`."""

    transaction: LedgerTransaction
    lookup: ContactLookup
    clock: Clock


new_numbers_context: Final = maker(NumbersContext)


def hold(
    context: NumbersContext,
    account: Account,
    number: PhoneNumber,
    key: str = "",
    reservation: Reservation | None = None,
    by: Actor | None = None,
) -> AbstractAsyncContextManager[HeldNumber]:
    """Hold a number until the end of the transaction. Arguments as for `HoldNumber`.

    Without a key the contact gets none, since nothing can be left of an earlier attempt: a search and a random entry of
    an index less.
    """
    return _Number(context, account, number, key, reservation, by)


@asynccontextmanager
async def hold_request(
    context: NumbersContext, account: Account, number: PhoneNumber, key: str
) -> AsyncIterator[HeldNumber]:
    """Nothing to hold: the answer to the request is in the same transaction."""
    yield _Number(context, account, number, key, None, None)


class _Number:
    """A number that the transaction holds. A class is entered with 10,000 instructions less than a generator."""

    has_adopted = False
    is_unchanged = False

    def __init__(
        self,
        context: NumbersContext,
        account: Account,
        number: PhoneNumber,
        key: str,
        reservation: Reservation | None,
        by: Actor | None,
    ) -> None:
        self._context = context
        self._account = account
        self._number = number
        self._key = key
        self._reservation = reservation
        self._by = by
        self._taken = ""

    async def __aenter__(self) -> HeldNumber:
        self.is_unchanged = await self._context.transaction.hold_number(self._account.id, self._number.key)
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def was_free_since(self, looked_up: datetime) -> bool:
        del looked_up  # where that is so, `is_unchanged` says it
        return False

    async def look_again(self) -> FoundContacts:
        return await self._context.lookup.find(self._account, (self._number,))

    async def limit_reached(self) -> LimitReached | None:
        if self._reservation is None:
            return None
        counts = self._context.transaction.placeholders
        taken = await counts.take(self._account.id, self._reservation, self._context.clock.now())
        if isinstance(taken, LimitReached):
            return taken
        self._taken = taken
        return None

    async def create(self, draft: ContactDraft) -> Contact:
        counts = self._context.transaction.placeholders
        try:
            contact = await self._account.crm.create_contact(draft, self._key)
        except CrmError:
            if self._taken:
                await counts.give_back(self._account.id, self._taken)
            raise
        if draft.is_placeholder:
            now = self._context.clock.now()
            await counts.created(self._account.id, contact.id, now, taken=self._taken, by=self._by)
        return contact

    async def create_another(self, draft: ContactDraft) -> Contact:
        return await self.create(draft)

    async def create_requested(self, draft: ContactDraft, number: HeldNumber) -> Contact:
        return await number.create_another(draft)

    async def made_before(self, matches: Sequence[ContactMatch], draft: ContactDraft) -> Contact | None:
        del matches, draft
        return None  # an earlier attempt has left its answer, or nothing

    async def let_go(self) -> None:
        return
