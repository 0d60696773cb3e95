"""FindContact: who has these numbers."""

from dataclasses import dataclass

from leadline_server.contacts.directory import AccountDirectory
from leadline_server.contacts.lookup import ContactLookup, FoundContacts
from leadline_server.domain.numbers.phone_number import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQuery:
    """The numbers to look up, for a user (empty: for the account). `skip_cache` asks the CRM in any case."""

    account_id: str
    user_id: str
    numbers: tuple[PhoneNumber, ...]
    skip_cache: bool


class FindContact:
    """Looks numbers up; never writes."""

    def __init__(self, directory: AccountDirectory, lookup: ContactLookup) -> None:
        self._directory = directory
        self._lookup = lookup

    async def execute(self, query: ContactQuery) -> FoundContacts:
        """Answer the query.

        Raises:
            AccountNotFound: there is no such account.
            CrmError: cannot tell.
        """
        account = await self._directory.get(query.account_id)
        return await self._lookup.answer(account, query.numbers, may_be_remembered=not query.skip_cache)
