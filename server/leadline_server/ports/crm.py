"""The port to a CRM. One adapter instance serves one account's connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from leadline_server.domain.call import Call
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber

MOST_NUMBERS: Final = 16
"""The numbers that one `CrmAdapter.find_contacts` may be asked for."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `requests` in `seconds`; of all requests, or of those of one `scope` that the CRM counts apart."""

    requests: int
    seconds: float
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can promise. The promises of delivery are derived from it, so it must never flatter.

    Attributes:
        finds_log_by_key: `find_call_log` finds a log that an earlier write made, even if that write's answer was lost.
        enforces_unique_key: writing a contact or a log twice with one key makes one, in the CRM itself.
        moves_log: `update_call_log` can attach an existing log to another contact.
        search_lag: how long a new contact may stay invisible to `find_contacts`.
        settle_time: how long a write that was sent may still take effect after its sender gave up on it.
        contact_types: the words accepted as `ContactDraft.type`, the default first; empty where the CRM has no types.
        rate_limits: what the CRM allows one connection, as documented by its vendor.
        numbers_per_lookup: how many numbers one `find_contacts` asks for about as cheaply as one, 1 to MOST_NUMBERS.
            Lookups at the same time are put together to as many; 1: nothing is gained, each is asked by itself.
    """

    finds_log_by_key: bool
    enforces_unique_key: bool
    moves_log: bool
    search_lag: timedelta = timedelta(0)
    settle_time: timedelta = timedelta(0)
    contact_types: tuple[str, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    numbers_per_lookup: int = 1


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Some contacts of a search, and where the next ones begin (empty after the last)."""

    contacts: tuple[Contact, ...]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class CrmLog:
    """A call log that the CRM has: its id, and a page that shows it (empty where there is none)."""

    id: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """What the CRM is asked to keep of a call.

    `contact_id` is whose log it is, `number` the other party's (E.164 where it is known, else as written),
    `crm_user_id` the CRM's owner for leadline's `user_id` (empty: the CRM's default), `fallback_time` stands in where
    the phone system gave no start time.
    """

    call: Call
    contact_id: str
    user_id: str
    crm_user_id: str
    number: str
    fallback_time: datetime


class CrmAdapter(Protocol):
    """A CRM.

    Every method is safe to cancel and to call concurrently; the caller bounds its time. Failures are exceptions of
    `domain.errors` and nothing else: CrmUnavailable for whatever may pass (network, timeout, 5xx, an answer that is
    garbage, truncated or covers only a part; CrmTooMuch where it is more than can be read), CrmRateLimited with the
    delay asked for, CrmRejected with the CRM's own words where repeating never helps, CrmAuthFailed, and for writes
    CrmOutcomeUnknown once the request was sent and no answer came. No message of theirs holds a secret.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can promise. Constant over its life.

        An adapter that learns it from another process gives what is safest until it has, and answers nothing else: each
        of its methods raises CrmUnavailable. So a wrapper reads it anew each time, and never keeps it.
        """
        ...

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers` (1 to MOST_NUMBERS, DIALABLE or EXTENSION).

        Never writes. May answer loosely (the core keeps what really matches), but never too little: an answer that
        leaves out a number, a kind of record or a page raises CrmUnavailable. None is an empty sequence.
        """
        ...

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id; None if the CRM says that there is none, deleted and merged-away ones included."""
        ...

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Up to `limit` contacts with `name` in their name, ordered by name, then id, from `cursor` on ("" = start)."""
        ...

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact. With `enforces_unique_key`, a second call with the same `key` returns the first's."""
        ...

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. With `enforces_unique_key`, a second call with the same `key` returns the first's log.

        A contact that is not there raises CrmRejected.
        """
        ...

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Make an existing log say what `entry` says, leaving every other field of it as people edited it.

        With `moves_log` it is attached to `entry.contact_id` too. A log that is gone raises CrmRejected.
        """
        ...

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`; None if there is none. Asked only with `finds_log_by_key`."""
        ...

    async def check(self) -> None:
        """Return if the CRM answers and accepts the credentials; else raise. Writes nothing."""
        ...


class Answer(NamedTuple):
    """The contacts that may have some numbers, as the CRM knew them at `as_of`."""

    contacts: Sequence[Contact]
    as_of: datetime


class RememberedAnswers(Protocol):
    """What a CRM answered lookups a moment ago, for whom that will do: never for a decision."""

    async def find(self, numbers: Sequence[PhoneNumber]) -> Answer:
        """What `CrmAdapter.find_contacts` answers, or answered so short a time ago that it may be told again.

        As old as the oldest part of it. Raises as that does: a failure is not remembered, and where the CRM cannot be
        asked anew, what is too old is not told instead.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """An account's connection to its CRM: the adapter, and what remembers its answers (None: nothing does)."""

    crm: CrmAdapter
    remembered: RememberedAnswers | None = None
