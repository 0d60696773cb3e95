"""Looking numbers up: found, or confirmed none; "cannot tell" is an exception."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from leadline_server.clock import Clock
from leadline_server.contacts.directory import Account
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.numbers.matching import match_number
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.ledger import Claims

_ASKABLE = (NumberKind.DIALABLE, NumberKind.EXTENSION)

_log = structlog.get_logger(__name__)


class FoundContacts(NamedTuple):
    """Who has some numbers, as the CRM knew it at `as_of`. Nobody: it is confirmed."""

    matches: tuple[ContactMatch, ...]
    as_of: datetime


class ContactLookup:
    """Asks an account's CRM, and keeps what really matches."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        self._claims = claims
        self._clock = clock

    async def find(self, account: Account, numbers: Sequence[PhoneNumber]) -> tuple[ContactMatch, ...]:
        """The contacts that have one of `numbers`: in the order of the numbers, then the strongest match, then id.

        The CRM is asked after this is called: decisions rest on it. Never writes to the CRM. Empty means confirmed:
        nobody has them. Withheld and unusable numbers are nobody's.

        Raises:
            CrmError: cannot tell.
        """
        return (await self.answer(account, numbers, may_be_remembered=False)).matches

    async def answer(
        self, account: Account, numbers: Sequence[PhoneNumber], *, may_be_remembered: bool
    ) -> FoundContacts:
        """What `find` returns; with `may_be_remembered`, perhaps as the CRM answered a moment ago.

        Whoever leadline has made a contact since then is in it.

        Raises:
            CrmError: cannot tell.
        """
        # Taken before the CRM looks: what it cannot show yet at that moment is what leadline has to remember.
        asked_at = self._clock.now()
        askable = [number for number in numbers if number.kind in _ASKABLE]
        if not askable:
            return FoundContacts((), asked_at)
        if may_be_remembered and account.remembered is not None:
            found, as_of = await account.remembered.find(askable)
        else:
            found, as_of = await account.crm.find_contacts(askable), asked_at
        contacts = {contact.id: contact for contact in found}
        if as_of < asked_at or account.crm.capabilities.search_lag:
            contacts.update(await self._not_shown_yet(account, askable, contacts, as_of))
        rules = account.settings.numbering
        matches = tuple(match for number in askable for match in matches_of(number, contacts.values(), rules))
        return FoundContacts(matches, as_of)

    async def _not_shown_yet(
        self, account: Account, numbers: Sequence[PhoneNumber], found: Mapping[str, Contact], as_of: datetime
    ) -> dict[str, Contact]:
        """Contacts that leadline made, in any process, since the CRM was asked or its search index showed last."""
        since = as_of - account.crm.capabilities.search_lag
        remembered = await self._claims.remembered(account.id, [number.key for number in numbers])
        contacts = {}
        for number_key, (contact_id, time) in remembered.items():
            if time < since or contact_id in found or contact_id in contacts:
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


def matches_of(number: PhoneNumber, contacts: Iterable[Contact], rules: RulesOrRegion) -> list[ContactMatch]:
    """The contacts among `contacts` that really have `number`, each by its strongest match."""
    matches = []
    for contact in contacts:
        found = [match for stored in contact.phone_numbers if (match := match_number(number, stored, rules))]
        if found:
            best = min(found)
            matches.append(ContactMatch(contact, number.text, best.kind, is_respelled=best.is_respelled))
    matches.sort(key=lambda match: (match.kind, match.is_respelled, match.contact.id))
    return matches
