"""Interfaces for the creation of contacts: while a number is held, no one else creates a contact for it.

`NumberClaims` holds numbers by claims in the ledger, for CRMs outside. `numbers_in_transaction` holds them by a
transaction, for a CRM that lives in the ledger.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from leadline_server.accounts.registry import Account
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.audit import Actor
from leadline_server.domain.contact import Contact, ContactDraft, ContactMatch
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.placeholders import LimitReached, Reservation


class HeldNumber(Protocol):
    """The operations that only the holder of a number may do."""

    @property
    def has_adopted(self) -> bool:
        """Whether `create` returned a contact that an earlier creation made."""
        ...

    @property
    def is_unchanged(self) -> bool:
        """Whether no one can have created a contact since the number was looked up for the same attempt."""
        ...

    async def was_free_since(self, looked_up: datetime) -> bool:
        """Whether no one in any process can have created a contact since `looked_up`, or held the number."""
        ...

    async def look_again(self) -> FoundContacts:
        """The contacts that have the number now. If there are none, no one else is about to create one."""
        ...

    async def limit_reached(self) -> LimitReached | None:
        """The limit that has no room for the placeholder which the number was held for; None: it has room."""
        ...

    async def create(self, draft: ContactDraft) -> Contact:
        """Create the number's contact. Call this only if `look_again` found none, or the number was free since."""
        ...

    async def create_another(self, draft: ContactDraft) -> Contact:
        """Create one more contact for the number, even if others have it."""
        ...

    async def create_requested(self, draft: ContactDraft, number: "HeldNumber") -> Contact:
        """Create one more contact, or return the one that the same request made before."""
        ...

    async def made_before(self, matches: Sequence[ContactMatch], draft: ContactDraft) -> Contact | None:
        """The one of `matches` that an earlier attempt of this same creation made; None: none of them."""
        ...

    async def let_go(self) -> None:
        """Let others have the number now."""
        ...


class HoldNumber(Protocol):
    """Holds a number, to look it up again and perhaps create its contact."""

    def __call__(
        self,
        account: Account,
        number: PhoneNumber,
        key: str = "",
        reservation: Reservation | None = None,
        by: Actor | None = None,
    ) -> AbstractAsyncContextManager[HeldNumber]:
        """Hold a number.

        Args:
            account: the account with the CRM.
            number: the number.
            key: names the creation, so that it is recognised when it is repeated; empty: it is never repeated.
            reservation: what the creation of a placeholder takes of the limits; None: the limits do not apply.
            by: who has a contact made without a reservation, for the audit trail.
        """
        ...


class HoldRequest(Protocol):
    """Holds one creation, named by a key, for `HeldNumber.create_requested`."""

    def __call__(self, account: Account, number: PhoneNumber, key: str) -> AbstractAsyncContextManager[HeldNumber]:
        """Hold it, before the number, never after it."""
        ...
