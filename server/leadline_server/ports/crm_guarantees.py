"""The abilities and guarantees of a CRM."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from leadline_server.domain.limits import MOST_RECORDS
from leadline_server.domain.numbers.phone_number import PhoneNumber

MOST_NUMBERS: Final = 16
"""The most numbers that one `CrmAdapter.find_contacts` is asked for."""


def most_read(numbers: Sequence[PhoneNumber]) -> int:
    """How many contacts an adapter reads at most to look up `numbers`: one more than leadline takes, to notice more."""
    return MOST_RECORDS * len(numbers) + 1


class CrmMethod(StrEnum):
    """A method of `CrmAdapter`, `ListsUsers`, `ContactDeleter` or `CallLogReader`."""

    FIND_CONTACTS = "find_contacts"
    GET_CONTACT = "get_contact"
    SEARCH_CONTACTS = "search_contacts"
    CREATE_CONTACT = "create_contact"
    CREATE_CALL_LOG = "create_call_log"
    UPDATE_CALL_LOG = "update_call_log"
    FIND_CALL_LOG = "find_call_log"
    CHECK = "check"
    LIST_USERS = "list_users"
    DELETE_CONTACT = "delete_contact"
    GET_CALL_LOG = "get_call_log"


ALL_METHODS: Final = frozenset(CrmMethod) - {CrmMethod.LIST_USERS, CrmMethod.DELETE_CONTACT, CrmMethod.GET_CALL_LOG}
"""The methods of `CrmAdapter`. Not every adapter has `list_users` (`ListsUsers`) and `get_call_log` (`CallLogReader`).

`delete_contact` is a method of `ContactDeleter`, and has a capability of its own."""

WRITES: Final = frozenset(
    {CrmMethod.CREATE_CONTACT, CrmMethod.CREATE_CALL_LOG, CrmMethod.UPDATE_CALL_LOG, CrmMethod.DELETE_CONTACT}
)
"""Methods that may have taken effect although they failed. The others change nothing."""


class LookupRecall(StrEnum):
    """Whether `CrmAdapter.find_contacts` finds every contact with a number, however people wrote it into the CRM.

    FORMS_ASKED: the CRM searches the text as it is stored, so it finds the forms that leadline asks for, and may miss
    others. COMPLETE: it misses none. Example: a CRM that compares digits finds `41 55 55 01 23`; one that searches for
    `415 555 0123` does not.
    """

    FORMS_ASKED = "forms_asked"
    COMPLETE = "complete"


class NameSearch(StrEnum):
    """Which part of a name `CrmAdapter.search_contacts` finds.

    NONE: nothing is promised. WORDS: words of the name, or their beginnings. SUBSTRING: any part, literally.
    """

    NONE = "none"
    WORDS = "words"
    SUBSTRING = "substring"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `requests` in `seconds`. It counts the requests of one `scope`, or all of them if that is empty.

    Example: HubSpot allows 100 requests in 10 seconds, and of these 5 searches a second:
    `RateLimit(100, 10.0)` and `RateLimit(5, 1.0, "search")`.
    """

    requests: int
    seconds: float
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The guarantees of an adapter. Delivery relies on them, so an adapter must not declare more than holds.

    Attributes:
        finds_log_by_key: `find_call_log` finds a log that an earlier write made, even if its answer was lost.
        enforces_unique_key: the CRM itself makes one record of two writes with the same key.
        moves_log: `update_call_log` can attach an existing log to another contact.
        search_lag: how long `find_contacts` may miss a new contact.
        settle_time: how long a request may still take effect after its sender gave up on it.
        contact_types: the values of `ContactDraft.type` that are accepted, the default first; empty: no types.
        rate_limits: what the vendor allows one connection, by its documentation.
        numbers_per_lookup: how many numbers `find_contacts` looks up about as cheaply as one, 1 to MOST_NUMBERS.
            leadline combines concurrent lookups up to this count. With 1 it combines none.
        lookup_recall: whether `find_contacts` finds a number however it is stored. Where it does not, leadline says so
            before it creates contacts for numbers that it did not find.
        follows_moved_contacts: `get_contact` returns the contact that another one was merged into or converted to.
        methods: the methods that the adapter implements. The others raise CrmRejected. Without `create_call_log`
            leadline logs no call, and creates no contact for one unless the account asks for it.
        deletes_contacts: the adapter is a `ContactDeleter` too.
        reads_contacts: `get_contact` reads every contact of the CRM. Without it, only those that it showed lately.
        searches: which part of a name `search_contacts` finds.
        has_subject: the CRM's logs keep the subject of a call.
        has_company: the CRM's contacts keep the name of a company.
        has_fixed_fields: some fields of a log cannot change after it was created, so calls are best logged once, when
            they are over. leadline says so when it starts (`wait_until_final`).
        in_ledger: the CRM's tables can be in the ledger's database (`InLedgerCrm`). Then a call is accepted, decided,
            logged and recorded in one transaction.
    """

    finds_log_by_key: bool
    enforces_unique_key: bool
    moves_log: bool
    search_lag: timedelta = timedelta(0)
    settle_time: timedelta = timedelta(0)
    contact_types: tuple[str, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    numbers_per_lookup: int = 1
    lookup_recall: LookupRecall = LookupRecall.FORMS_ASKED
    follows_moved_contacts: bool = False
    methods: frozenset[CrmMethod] = ALL_METHODS
    deletes_contacts: bool = False
    reads_contacts: bool = True
    searches: NameSearch = NameSearch.SUBSTRING
    has_subject: bool = True
    has_company: bool = True
    has_fixed_fields: bool = False
    in_ledger: bool = False
