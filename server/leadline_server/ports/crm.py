"""The port to a CRM. One adapter instance serves one account."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol, runtime_checkable

from leadline_server.domain.call import Call
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.directory import CrmUser
from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.unshown import unshown
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger.transactions import LedgerTransaction


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Some contacts of a search, and the cursor of the next ones. It is empty on the last page."""

    contacts: tuple[Contact, ...]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class CrmUserPage:
    """Some users of the CRM, and the cursor of the next ones. It is empty on the last page."""

    users: tuple[CrmUser, ...]
    next_cursor: str = ""


@fast_init
@dataclass(frozen=True, slots=True)
class CrmLog:
    """A call log in the CRM.

    Attributes:
        id: its id.
        url: the address of a page that shows it; may be empty.
        contact_id: after an update, the contact that the CRM has the log at; empty: the adapter does not know. People
            may have moved the log, or merged or converted its contact.
    """

    id: str
    url: str = ""
    contact_id: str = field(default="", compare=False)


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """The record of a call that leadline writes to the CRM.

    Attributes:
        call: everything that was reported.
        contact_id: the contact that the log belongs to, as far as leadline knows.
        user_id: leadline's user.
        crm_user_id: the CRM's owner for that user; empty: the CRM's default.
        number: the other party's number, such as `+12025550147`; as it was reported if it has no E.164 form.
        fallback_time: replaces the start time if the phone system reported none.
        moves: whether an update attaches the log to `contact_id`. Else it leaves the log where people have it.
        contact_name: the contact's name as leadline knows it; empty: not known.
        contact_type: the contact's type, one of `Capabilities.contact_types`; empty: not known.
    """

    call: Call
    contact_id: str
    user_id: str
    crm_user_id: str
    number: str
    fallback_time: datetime
    moves: bool = False
    contact_name: str = ""
    contact_type: str = ""


new_crm_log: Final = maker(CrmLog)
new_log_entry: Final = maker(LogEntry)


class CrmAdapter(Protocol):
    """A CRM.

    Every method can be cancelled and called concurrently. The caller limits its time. The only exceptions are those of
    `domain.crm_errors`, and no message contains a secret:

    - CrmUnavailable: cannot tell. The network failed, the time ran out, the CRM answered 5xx, or its answer was
      unreadable, truncated or incomplete. CrmTooMuch: there are more records than leadline reads.
    - CrmRateLimited: wait for the delay that the CRM asks for.
    - CrmRejected: the CRM refuses this request, and repeating it never helps. The message quotes the CRM.
    - CrmAuthFailed: the CRM refuses the credentials.
    - CrmOutcomeUnknown: a write was sent and no answer came.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The guarantees of this adapter. They do not change while the adapter is open.

        An adapter that learns it from another process returns the safest values until it has them. Until then each of
        its methods raises CrmUnavailable. So wrappers read this property each time, and never store it.
        """
        ...

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers` (1 to MOST_NUMBERS of kind DIALABLE or EXTENSION).

        It never writes. It may return contacts with other numbers, which leadline drops. It must not return too few: it
        raises CrmUnavailable if a number, a kind of record or a page is missing. No match is an empty sequence.

        Some CRMs show the main number only, and say in another way that a contact has the number that was asked for.
        Then the adapter adds that number to `Contact.phone_numbers`: leadline drops a contact that shows none of them.

        leadline takes at most MOST_RECORDS contacts a number (`domain.limits`), so an adapter may stop reading after
        `most_read(numbers)`. If it stops earlier, it raises CrmTooMuch with those that it read.
        """
        ...

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id. None if the CRM has none: it was never there, or was deleted.

        For a contact that was merged into another one, or converted to one, it returns the other one with its own id
        if the adapter declares `follows_moved_contacts`, and None if it does not.
        """
        ...

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Up to `limit` contacts whose name contains `name`, by name, then id. An empty `cursor` is the first page.

        Raises CrmInvalidCursor if this adapter did not make the cursor.
        """
        ...

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact. With `enforces_unique_key`, a second call with the same `key` returns the first contact."""
        ...

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. With `enforces_unique_key`, a second call with the same `key` returns the first log.

        Raises CrmRejected if the contact does not exist.
        """
        ...

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change an existing log to say what `entry` says. Fields that leadline does not own stay as people left them.

        With `entry.moves` it also attaches the log to `entry.contact_id`; leadline sets that only with `moves_log`.
        Without it, the contact is a field of people: the log stays where it is, also if `entry.contact_id` is gone.
        Raises CrmRejected if the log is gone.
        """
        ...

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`, or None. leadline calls it only with `finds_log_by_key`."""
        ...

    async def check(self) -> None:
        """Return if the CRM answers and accepts the credentials; else raise. It writes nothing."""
        ...


class ContactUse(Enum):
    """Whether people or other programs have used a contact since it was created."""

    UNUSED = auto()
    USED = auto()
    UNKNOWN = auto()
    """The CRM does not tell."""


@runtime_checkable
class ContactDeleter(Protocol):
    """A CRM that can delete a contact which no one has used. Optional; see `Capabilities.deletes_contacts`."""

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete the contact if it is UNUSED, and return what it was.

        It is USED if the CRM shows an edit, or a record that belongs to it other than the call logs `log_ids`, which
        leadline wrote: a note, a task, an e-mail, a deal, a call. If the CRM does not show all of these, it is UNKNOWN,
        unless something shows that it is USED. leadline compares name, numbers, type, e-mail, company and title itself.

        A contact that is gone is UNUSED. The CRM may delete the call logs of a deleted contact too.

        Args:
            contact_id: the contact.
            log_ids: the ids of leadline's own logs of this contact, at most 100.
            only_check: delete nothing.
        """
        ...


@runtime_checkable
class ListsUsers(Protocol):
    """An adapter whose CRM can list its users. It declares `CrmMethod.LIST_USERS`."""

    async def list_users(self, cursor: str) -> CrmUserPage:
        """A page of the CRM's users, active or not, in any order. An empty `cursor` is the first page.

        Raises as `CrmAdapter`; CrmInvalidCursor if this adapter did not make the cursor. CrmAuthFailed if the
        credentials may not list users, also if they may do all the rest.
        """
        ...


@runtime_checkable
class InLedgerCrm(Protocol):
    """An adapter whose CRM's tables may be in the ledger's database. It declares `Capabilities.in_ledger`."""

    @property
    def is_in_ledger(self) -> bool:
        """Whether its tables are in the ledger's database. It does not change while the adapter is open."""
        ...

    def within(self, transaction: LedgerTransaction) -> CrmAdapter:
        """The same CRM as a transaction of the ledger sees and changes it.

        Its methods read and write at once, and wait for nothing else. An error of the storage is not translated.
        `create_contact` takes an empty key there, if no earlier attempt can have left a contact.
        """
        ...

    async def find_now(self, numbers: Sequence[PhoneNumber]) -> tuple[Sequence[Contact], int]:
        """As `CrmAdapter.find_contacts`, with the account's settings version at that moment.

        The version is 0 if it is not known. An error of the storage is not translated.
        """
        ...


def in_ledger(adapter: CrmAdapter) -> InLedgerCrm | None:
    """The adapter, if its CRM lives in the ledger's database.

    Its class must say so: a wrapper that only passes attributes on would have no part in transactions.
    """
    if not hasattr(type(adapter), "within") or not isinstance(adapter, InLedgerCrm):
        return None
    return adapter if adapter.is_in_ledger else None


def in_transaction(adapter: CrmAdapter, transaction: LedgerTransaction) -> CrmAdapter:
    """The adapter within a transaction. Only for one whose CRM lives in the ledger's database."""
    crm = in_ledger(adapter)
    if crm is None:
        raise TypeError("the CRM is not in the ledger's database")
    return crm.within(transaction)


class LookupAnswer(NamedTuple):
    """The contacts that may have some numbers, as the CRM knew them at `as_of`."""

    contacts: Sequence[Contact]
    as_of: datetime


class RememberedAnswers(Protocol):
    """Recent answers to lookups, for callers that accept them. A decision never does."""

    async def find(self, numbers: Sequence[PhoneNumber]) -> LookupAnswer:
        """The answer of `CrmAdapter.find_contacts`, from now or from a short time ago.

        `as_of` is the time of the oldest part. It raises what `find_contacts` raises. A failure is not remembered, and
        an expired answer never replaces one that cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class CrmConnection:
    """An account's connection to its CRM.

    Attributes:
        crm: the adapter with its wrappers. Every request goes through it.
        adapter: the adapter itself, which says what it guarantees.
        remembered: its remembered answers; None: it remembers none.
        is_connected: whether the connection could be opened. If not, it is tried again later.
        check: asks the CRM itself whether it can be used, whatever is remembered; None: as `crm.check`.
        in_ledger: the CRM if it lives in the ledger's database; None: it does not.
    """

    crm: CrmAdapter
    adapter: CrmAdapter
    remembered: RememberedAnswers | None = None
    is_connected: bool = True
    check: Callable[[], Awaitable[None]] | None = None
    in_ledger: InLedgerCrm | None = None
