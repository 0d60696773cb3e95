"""Looks numbers up: found, or confirmed none. "Cannot tell" is an exception.

Example: +14155550123 in account demo. The CRM answers with Ann, who has (415) 555-0123, and with Bo, who has 555-0123.
Ann matches EXACT. Bo does not match, so he is left out.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.concurrency.turns import TURN, in_turns
from leadline_server.domain.choosing import are_several
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind, new_contact_match
from leadline_server.domain.crm_errors import CrmTooMuch
from leadline_server.domain.fast_init import maker
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.numbers.matching import match_number
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.domain.unshown import unshown
from leadline_server.ports.ledger import Claims

_LOOKED_UP = (NumberKind.DIALABLE, NumberKind.EXTENSION)

_log = structlog.get_logger(__name__)


@unshown
class FoundContacts(NamedTuple):
    """The contacts that have some numbers, as the CRM had them at `as_of`. No matches: confirmed, none has them.

    `is_cut_off`: the CRM has more contacts than leadline reads. At least two real ones match as well as any can.
    `settings_version`: the account's right after the CRM had answered; 0: not known.
    """

    matches: tuple[ContactMatch, ...]
    as_of: datetime
    is_cut_off: bool = False
    settings_version: int = 0


_new_found: Final = maker(FoundContacts)


class ContactLookup:
    """Looks numbers up in an account's CRM, and keeps the contacts that really match."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        self._claims = claims
        self._clock = clock

    async def find(self, account: Account, numbers: Sequence[PhoneNumber]) -> FoundContacts:
        """The contacts that have one of `numbers`: in the order of the numbers, then the strongest match, then id.

        It always asks the CRM, because decisions rest on the answer. It never writes to the CRM. Withheld and unusable
        numbers match no contact.

        The answer may be cut off if several contacts certainly have the number. Which of them is meant is then for a
        person to say, since a preference might choose one that was not read.

        Raises:
            CrmError: cannot tell.
        """
        asked_at = self._clock.now()
        try:
            return await self.answer(account, numbers, may_be_remembered=False)
        except CrmTooMuch as error:
            matches = await _matches(numbers, error.read, account.rules)
            found = FoundContacts(matches, asked_at, is_cut_off=True)
            only_extensions = all(number.kind is NumberKind.EXTENSION for number in numbers)
            if not are_several(found.matches, MatchKind.EXTENSION if only_extensions else MatchKind.EXACT):
                raise
            return found

    async def answer(
        self, account: Account, numbers: Sequence[PhoneNumber], *, may_be_remembered: bool
    ) -> FoundContacts:
        """As `find`, but never cut off; with `may_be_remembered` the CRM's answer may be one of a moment ago.

        Contacts that leadline has created since that answer are added to it.

        Raises:
            CrmError: cannot tell.
        """
        # Take the time before the query: contacts created after it may be missing from the CRM's answer, so leadline
        # adds the ones that it recorded.
        asked_at = self._clock.now()
        looked_up = [number for number in numbers if number.kind in _LOOKED_UP]
        if not looked_up:
            return FoundContacts((), asked_at)
        if may_be_remembered and account.remembered is not None:
            found, as_of = await account.remembered.find(looked_up)
        else:
            found, as_of = await account.crm.find_contacts(looked_up), asked_at
        search_lag = account.capabilities.search_lag
        contacts, version = {contact.id: contact for contact in found}, 0
        if as_of < asked_at or search_lag:
            more, version = await self._not_shown_yet(account, looked_up, contacts, as_of)
            contacts.update(more)
        matches = await _matches_of(looked_up, tuple(contacts.values()), account.rules)
        return _new_found(matches, as_of, settings_version=version)

    async def answer_now(self, account: Account, numbers: Sequence[PhoneNumber]) -> FoundContacts:
        """As `answer`, with the settings version at that moment. Only if the account's CRM lives in the ledger.

        Without numbers to look up, the version is 0.

        Raises:
            CrmTooMuch: the CRM has more contacts than leadline reads.
            LedgerUnavailable: the storage failed.
        """
        if account.in_ledger is None:
            raise TypeError("the account's CRM is not in the ledger's database")
        asked_at = self._clock.now()
        looked_up = [number for number in numbers if number.kind in _LOOKED_UP]
        found, version = await account.in_ledger.find_now(looked_up)
        matches = await _matches_of(looked_up, found, account.rules)
        return _new_found(matches, asked_at, settings_version=version)

    async def _not_shown_yet(
        self, account: Account, numbers: Sequence[PhoneNumber], found: Mapping[str, Contact], as_of: datetime
    ) -> tuple[dict[str, Contact], int]:
        """Contacts that leadline created, in any process, that the CRM's answer may not have yet.

        And the settings version, if the CRM was not asked once more.
        """
        since = as_of - account.capabilities.search_lag
        remembered, version = await self._claims.remembered_now(account.id, [number.key for number in numbers])
        contacts = {}
        for number_key, (contact_id, time) in remembered.items():
            if time < since or contact_id in found or contact_id in contacts:
                continue
            version = 0
            contact = await account.crm.get_contact(contact_id)
            if contact is None:
                await self._forget(account, number_key, contact_id)
            elif contact.id not in found:  # it may have been merged into one of those
                contacts[contact.id] = contact
        return contacts, version

    async def _forget(self, account: Account, number_key: str, contact_id: str) -> None:
        """Forget a deleted contact, so that later lookups need not ask for it. If that fails, this lookup goes on."""
        try:
            await self._claims.forget(account.id, number_key, contact_id)
        except LedgerUnavailable as error:
            _log.warning("contact not forgotten", account_id=account.id, error=type(error).__name__)


async def _matches_of(
    numbers: Sequence[PhoneNumber], contacts: Sequence[Contact], rules: RulesOrRegion
) -> tuple[ContactMatch, ...]:
    """As `matches_of`; of many contacts in turns with other tasks."""
    if len(contacts) <= TURN:
        return matches_of(numbers, contacts, rules)
    return await _matches(numbers, contacts, rules)


async def _matches(
    numbers: Sequence[PhoneNumber], contacts: Sequence[Contact], rules: RulesOrRegion
) -> tuple[ContactMatch, ...]:
    """As `matches_of`, in turns with other tasks."""
    found: dict[PhoneNumber, list[ContactMatch]] = {number: [] for number in numbers}
    async for some in in_turns(contacts):
        for number in numbers:
            found[number] += _of_number(number, some, rules)
    return tuple(match for number in numbers for match in sorted(found[number], key=_strength))


def matches_of(
    numbers: Sequence[PhoneNumber], contacts: Collection[Contact], rules: RulesOrRegion
) -> tuple[ContactMatch, ...]:
    """The contacts that really have one of `numbers`, each with its strongest match."""
    matches: list[ContactMatch] = []
    for number in numbers:
        matches += _of_number(number, contacts, rules)
    return tuple(matches)


def _of_number(number: PhoneNumber, contacts: Collection[Contact], rules: RulesOrRegion) -> list[ContactMatch]:
    matches = []
    for contact in contacts:
        found = [match for stored in contact.phone_numbers if (match := match_number(number, stored, rules))]
        if found:
            best = min(found)
            matches.append(new_contact_match(contact, number.text, best.kind, is_respelled=best.is_respelled))
    if len(matches) > 1:
        matches.sort(key=_strength)
    return matches


def _strength(match: ContactMatch) -> tuple[MatchKind, bool, str]:
    return match.kind, match.is_respelled, match.contact.id
