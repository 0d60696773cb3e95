"""A CRM adapter that is asked for a number's other spellings too."""

from collections.abc import Iterator, Sequence

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.numbers.spellings import spellings


class SpelledCrm(CrmWrapper):
    """`inner`, which searches for what was written: +2290197123456 is also asked for as +22997123456.

    Most countries have one spelling, so most lookups are passed on as they are.
    """

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, in whatever spelling."""
        return await self._inner.find_contacts([form for number in numbers for form in _forms(number)])


def _forms(number: PhoneNumber) -> Iterator[PhoneNumber]:
    """The number, and its spellings in which its own digits do not stand: a search for those finds the others."""
    yield number
    yield from (form for form in spellings(number)[1:] if number.significant not in form.significant)
