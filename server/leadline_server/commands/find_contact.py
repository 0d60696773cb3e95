"""FindContact: looks numbers up."""

from collections.abc import Sequence

from leadline_server.accounts.registry import Account
from leadline_server.contacts.lookup import ContactLookup, FoundContacts
from leadline_server.domain.numbers.phone_number import PhoneNumber


class FindContact:
    """Looks numbers up; never writes."""

    def __init__(self, lookup: ContactLookup) -> None:
        self._lookup = lookup

    async def execute(self, account: Account, numbers: Sequence[PhoneNumber], *, skip_cache: bool) -> FoundContacts:
        """The contacts that have one of `numbers`. `skip_cache` asks the CRM in any case.

        Raises:
            CrmError: cannot tell.
        """
        return await self._lookup.answer(account, numbers, may_be_remembered=not skip_cache)
