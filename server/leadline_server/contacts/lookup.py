"""Looking numbers up: found, or confirmed none; "cannot tell" is an exception."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from leadline_server.clock import Clock
from leadline_server.contacts.directory import Account
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.matching import match_kind
from leadline_server.domain.phone import NumberKind, PhoneNumber
from leadline_server.ports.ledger import Claims

_ASKABLE = (NumberKind.DIALABLE, NumberKind.EXTENSION)


class ContactLookup:
    """Asks an account's CRM, and keeps what really matches."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        self._claims = claims
        self._clock = clock

    async def find(self, account: Account, numbers: Sequence[PhoneNumber]) -> tuple[ContactMatch, ...]:
        """The contacts that have one of `numbers`: in the order of the numbers, then the strongest match, then id.

        Never writes. Empty means confirmed: nobody has them. Withheld and unusable numbers are nobody's.

        Raises:
            CrmError: cannot tell.
        """
        askable = [number for number in numbers if number.kind in _ASKABLE]
        if not askable:
            return ()
        contacts = {contact.id: contact for contact in await account.crm.find_contacts(askable)}
        contacts.update(await self._not_indexed_yet(account, askable, contacts))
        region = account.settings.default_region
        return tuple(match for number in askable for match in matches_of(number, contacts.values(), region))

    async def _not_indexed_yet(
        self, account: Account, numbers: Sequence[PhoneNumber], found: dict[str, Contact]
    ) -> dict[str, Contact]:
        """Contacts that leadline made just now, where the CRM's search index may not show them yet."""
        lag = account.crm.capabilities.search_lag
        if not lag:
            return {}
        since: datetime = self._clock.now() - lag
        remembered = await self._claims.remembered(account.id, [number.key for number in numbers])
        fresh = {r.contact_id for r in remembered.values() if r.time >= since and r.contact_id not in found}
        contacts = [await account.crm.get_contact(contact_id) for contact_id in sorted(fresh)]
        return {contact.id: contact for contact in contacts if contact is not None}


def matches_of(number: PhoneNumber, contacts: Iterable[Contact], region: str) -> list[ContactMatch]:
    """The contacts among `contacts` that really have `number`, each by its strongest match."""
    matches = []
    for contact in contacts:
        kinds = [kind for stored in contact.phone_numbers if (kind := match_kind(number, stored, region)) is not None]
        if kinds:
            matches.append(ContactMatch(contact, number.text, min(kinds)))
    matches.sort(key=lambda match: (match.kind, match.contact.id))
    return matches
