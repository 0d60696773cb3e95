"""Looking numbers up: found, or confirmed none; "cannot tell" is an exception."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from leadline_server.clock import Clock
from leadline_server.contacts.directory import Account
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.matching import match_kind
from leadline_server.domain.phone import NumberKind, PhoneNumber
from leadline_server.ports.ledger import Claims

_ASKABLE = (NumberKind.DIALABLE, NumberKind.EXTENSION)

_log = structlog.get_logger(__name__)


class ContactLookup:
    """Asks an account's CRM, and keeps what really matches."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        self._claims = claims
        self._clock = clock

    async def find(self, account: Account, numbers: Sequence[PhoneNumber]) -> tuple[ContactMatch, ...]:
        """The contacts that have one of `numbers`: in the order of the numbers, then the strongest match, then id.

        Never writes to the CRM. Empty means confirmed: nobody has them. Withheld and unusable numbers are nobody's.

        Raises:
            CrmError: cannot tell.
        """
        askable = [number for number in numbers if number.kind in _ASKABLE]
        if not askable:
            return ()
        # Taken before the CRM looks: what it cannot show yet at that moment is what leadline has to remember.
        asked_at = self._clock.now()
        contacts = {contact.id: contact for contact in await account.crm.find_contacts(askable)}
        contacts.update(await self._not_indexed_yet(account, askable, contacts, asked_at))
        region = account.settings.default_region
        return tuple(match for number in askable for match in matches_of(number, contacts.values(), region))

    async def _not_indexed_yet(
        self, account: Account, numbers: Sequence[PhoneNumber], found: Mapping[str, Contact], asked_at: datetime
    ) -> dict[str, Contact]:
        """Contacts that leadline made just now, in any process, where the CRM's search index may not show them yet."""
        lag = account.crm.capabilities.search_lag
        if not lag:
            return {}
        remembered = await self._claims.remembered(account.id, [number.key for number in numbers])
        contacts = {}
        for number_key, (contact_id, time) in remembered.items():
            if time < asked_at - lag or contact_id in found or contact_id in contacts:
                continue
            contact = await account.crm.get_contact(contact_id)
            if contact is None:
                await self._forget(account, number_key, contact_id)
            else:
                contacts[contact_id] = contact
        return contacts

    async def _forget(self, account: Account, number_key: str, contact_id: str) -> None:
        """Spare later lookups the question. The answer to this one is right without it."""
        try:
            await self._claims.forget(account.id, number_key, contact_id)
        except LedgerUnavailable as error:
            _log.warning("contact not forgotten", account_id=account.id, error=type(error).__name__)


def matches_of(number: PhoneNumber, contacts: Iterable[Contact], region: str) -> list[ContactMatch]:
    """The contacts among `contacts` that really have `number`, each by its strongest match."""
    matches = []
    for contact in contacts:
        kinds = [kind for stored in contact.phone_numbers if (kind := match_kind(number, stored, region)) is not None]
        if kinds:
            matches.append(ContactMatch(contact, number.text, min(kinds)))
    matches.sort(key=lambda match: (match.kind, match.contact.id))
    return matches
