"""FindContact: who has these numbers."""

from dataclasses import dataclass
from datetime import datetime

from leadline_server.clock import Clock
from leadline_server.contacts.directory import AccountDirectory
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.domain.contact import ContactMatch
from leadline_server.domain.phone import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQuery:
    """The numbers to look up, for a user (empty: for the account)."""

    account_id: str
    user_id: str
    numbers: tuple[PhoneNumber, ...]
    skip_cache: bool


@dataclass(frozen=True, slots=True)
class FoundContacts:
    """The contacts that have the numbers, as the CRM knew them at `as_of`; none is confirmed none."""

    matches: tuple[ContactMatch, ...]
    as_of: datetime


class FindContact:
    """Looks numbers up; never writes."""

    def __init__(self, directory: AccountDirectory, lookup: ContactLookup, clock: Clock) -> None:
        self._directory = directory
        self._lookup = lookup
        self._clock = clock

    async def execute(self, query: ContactQuery) -> FoundContacts:
        """Answer the query.

        Raises:
            AccountNotFound: there is no such account.
            CrmError: cannot tell.
        """
        account = await self._directory.get(query.account_id)
        as_of = self._clock.now()
        return FoundContacts(await self._lookup.find(account, query.numbers), as_of)
