"""CreateContact: a person, or a program for a person, creates a contact."""

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from leadline_server.accounts.registry import Account
from leadline_server.audit.acting import acting
from leadline_server.clock import Clock
from leadline_server.concurrency.keyed_locks import KeyedLocks
from leadline_server.contacts.held_numbers import HeldNumber, HoldNumber, HoldRequest
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.contacts.number_claims import NumberClaims
from leadline_server.contacts.numbers_in_transaction import NumbersContext, hold, hold_request
from leadline_server.domain.audit import Actor
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import ContactAlreadyExists, RequestIdReused
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.unshown import unshown
from leadline_server.ports.ledger import LedgerTransaction, RecordedAnswer, Requests, Transactions

_KEY_LENGTH: Final = 32  # hexadecimal digits; as many as the random keys of other creations have


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCreation:
    """The contact to create. An empty `name` takes the placeholder name. `request_id` makes a repetition safe."""

    user_id: str
    request_id: str
    name: str
    number: PhoneNumber
    contact_type: str
    email: str
    company: str
    allow_duplicate: bool

    @property
    def fingerprint(self) -> bytes:
        """A hash of the request. Two ways to write one number give the same hash."""
        number = self.number
        fields = (
            self.user_id,
            self.name,
            replace(number, e164=number.spelled).key if number.spelled else number.key,
            self.contact_type,
            self.email,
            self.company,
            str(self.allow_duplicate),
        )
        return hashlib.sha256("\0".join(fields).encode()).digest()

    def key(self, account_id: str) -> str:
        """The creation key: every repetition of the request has the same. Empty without `request_id`."""
        if not self.request_id:
            return ""
        named = f"{account_id}\0{self.request_id}\0{self.fingerprint.hex()}"
        return hashlib.sha256(named.encode()).hexdigest()[:_KEY_LENGTH]


class CreateContact:
    """Creates a contact, once for each request."""

    def __init__(
        self, claims: NumberClaims, requests: Requests, transactions: Transactions, lookup: ContactLookup, clock: Clock
    ) -> None:
        self._outside = _Creator(claims.hold, claims.hold_request, requests, clock)
        self._transactions = transactions
        self._lookup = lookup
        self._clock = clock
        self._in_flight = KeyedLocks()

    async def execute(self, account: Account, creation: ContactCreation) -> Contact:
        """Create the contact, or return the one that the same request made before.

        Raises:
            RequestIdReused: the request id was used for another request.
            ContactAlreadyExists: the number has contacts, and no duplicate was asked for.
            CrmError: cannot tell whether it has, or the CRM did not create it.
        """
        by = acting().acting_for(creation.user_id)
        if account.in_ledger is not None:
            return await self._transactions.run(
                account.id,
                lambda transaction: self._within(transaction).create_once(account.within(transaction), creation, by),
            )
        if not creation.request_id:
            return await self._outside.create(account, creation, by)
        async with self._in_flight.hold((account.id, creation.request_id)):
            return await self._outside.create_once(account, creation, by)

    def _within(self, transaction: LedgerTransaction) -> "_Creator":
        """Creates contacts, and remembers the answers, in a transaction: all of it, or nothing."""
        numbers = NumbersContext(transaction, self._lookup, self._clock)
        return _Creator(partial(hold, numbers), partial(hold_request, numbers), transaction.requests, self._clock)


class _Creator:
    """Creates contacts of numbers that it holds, and remembers the answers to requests."""

    def __init__(self, hold_number: HoldNumber, hold_request: HoldRequest, requests: Requests, clock: Clock) -> None:
        self._hold = hold_number
        self._hold_request = hold_request
        self._requests = requests
        self._clock = clock

    async def create_once(self, account: Account, creation: ContactCreation, by: Actor) -> Contact:
        """Create the contact, or return the one that the same request made before. Only one at once for a request."""
        if not creation.request_id:
            return await self.create(account, creation, by)
        answer = await self._requests.get(account.id, creation.request_id, self._clock.now())
        if answer is None:
            contact = await self.create(account, creation, by)
            answer = RecordedAnswer(creation.fingerprint, contact)
            await self._requests.remember(account.id, creation.request_id, answer, self._clock.now())
        if answer.fingerprint != creation.fingerprint:
            raise RequestIdReused(creation.request_id)
        return answer.contact

    async def create(self, account: Account, creation: ContactCreation, by: Actor) -> Contact:
        """Create the contact. Raises ContactAlreadyExists, CrmError."""
        name = creation.name or (await account.preferences(creation.user_id)).effective.placeholder_name
        draft = ContactDraft(
            name=name,
            phone_number=creation.number,
            type=creation.contact_type,
            email=creation.email,
            company=creation.company,
            is_placeholder=not creation.name,
        )
        key = creation.key(account.id)
        if creation.allow_duplicate and key:
            async with (
                self._hold_request(account, creation.number, key) as request,
                self._hold(account, creation.number, key, by=by) as held,
            ):
                return await request.create_requested(draft, held)
        async with self._hold(account, creation.number, key, by=by) as held:
            if creation.allow_duplicate:
                return await held.create_another(draft)
            return await _only(held, draft, may_be_repeated=bool(key))


async def _only(held: HeldNumber, draft: ContactDraft, *, may_be_repeated: bool) -> Contact:
    """Create the number's first contact, or return it if an earlier try of the same request created it."""
    matches = (await held.look_again()).matches
    if matches:
        made = await held.made_before(matches, draft) if may_be_repeated else None
        if made is None:
            await held.let_go()
            raise ContactAlreadyExists([match.contact.id for match in matches])
        return made
    contact = await held.create(draft)
    await held.let_go()
    if held.has_adopted:
        raise ContactAlreadyExists([contact.id])
    return contact
