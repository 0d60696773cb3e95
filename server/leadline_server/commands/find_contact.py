"""FindContact: looks numbers up."""

from dataclasses import dataclass

from leadline_server.accounts.registry import Account
from leadline_server.contacts.lookup import ContactLookup, FoundContacts
from leadline_server.domain.numbers.phone_number import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQuery:
    """The numbers to look up. `skip_cache` asks the CRM in any case."""

    numbers: tuple[PhoneNumber, ...]
    skip_cache: bool


class FindContact:
    """Looks numbers up; never writes."""

    def __init__(self, lookup: ContactLookup) -> None:
        self._lookup = lookup

    async def execute(self, account: Account, query: ContactQuery) -> FoundContacts:
        """Answer the query.

        Raises:
            CrmError: cannot tell.
        """
        return await self._lookup.answer(account, query.numbers, may_be_remembered=not query.skip_cache)
