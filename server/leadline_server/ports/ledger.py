"""The port to the ledger: leadline's own durable state.

Obligations of every implementation: a method that changes something returns only once the change would survive power
loss; what it changes is all there or not at all; a `change` function is pure, and may be called more than once with
newer state before its last result is kept. Failures are LedgerUnavailable or LedgerFull, and then nothing was changed.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from leadline_server.domain.call_log import CallLog, CallLogChange, CallLogReason, CallLogState
from leadline_server.domain.contact import Contact
from leadline_server.domain.preferences import AccountSettings, EffectivePreferences, Preferences
from leadline_server.ports.directory import Users
from leadline_server.ports.retention import Retention
from leadline_server.ports.tokens import TokenStore


class Accounts(Protocol):
    """The accounts and their settings."""

    async def create(self, account_id: str, settings: AccountSettings) -> bool:
        """Create an account; False, changing nothing, if it exists."""
        ...

    async def get(self, account_id: str) -> AccountSettings:
        """The settings in force now. Raises AccountNotFound."""
        ...

    async def change(self, account_id: str, change: Callable[[AccountSettings], AccountSettings]) -> AccountSettings:
        """Replace the settings by what `change` makes of them, and return that. Raises AccountNotFound."""
        ...


class PreferencesInForce(NamedTuple):
    """A user's preferences as they were at one settings version.

    Attributes:
        effective: the preferences in force.
        user: the values that the user set.
        version: the settings version that they were read at; see `PreferenceStore.version`.
    """

    effective: EffectivePreferences
    user: Preferences
    version: int


class PreferenceStore(Protocol):
    """What users set for themselves. Users need no registration: an unknown one has set nothing."""

    async def get(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force now for a user, and what the user set. Raises AccountNotFound."""
        ...

    def version(self) -> int:
        """The settings version: it changes with every change of any account's settings or any user's preferences.

        If it equals the version that preferences were read at, they are still in force. Cheap: no I/O.
        """
        ...

    async def change(
        self, account_id: str, user_id: str, change: Callable[[AccountSettings, Preferences], Preferences]
    ) -> tuple[AccountSettings, Preferences]:
        """Replace what the user set by what `change` makes of it and of the account's settings in the same instant.

        Raises AccountNotFound, and whatever `change` raises, then changing nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLogFilter:
    """Which call logs of an account to list. Empty fields do not restrict.

    `phone_number` is the key of `CallLog.number`. Times bound the call's start, half open; if the start is unknown, the
    time of the first report.
    """

    account_id: str
    user_id: str = ""
    states: tuple[CallLogState, ...] = ()
    reasons: tuple[CallLogReason, ...] = ()
    phone_number: str = ""
    contact_id: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None


class CallLogPage(NamedTuple):
    """Some call logs, newest first, and the position after the last; None when there are no more."""

    call_logs: Sequence[CallLog]
    next_position: tuple[int, str] | None


class Change(Protocol):
    """A change that clients can see, and its place in the ledger's order of commits.

    Thousands of them are kept at a time, and few are ever looked into: so a change is kept as the ledger has it.
    """

    @property
    def sequence(self) -> int:
        """Its place. What has the same place is the same change."""
        ...

    @property
    def account_id(self) -> str:
        """Whose call it is."""
        ...

    @property
    def user_id(self) -> str:
        """Whose log it is."""
        ...

    @property
    def call_id(self) -> str:
        """What call it is."""
        ...

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        ...

    @property
    def call_log(self) -> CallLog:
        """What the call became; read anew each time. Raises LedgerUnavailable if it is damaged."""
        ...


class CallKey(NamedTuple):
    """What identifies a call."""

    account_id: str
    call_id: str


class CallLogs(Protocol):
    """The calls and where each stands."""

    async def get(self, key: CallKey) -> CallLog | None:
        """The call log; None if the call was never reported."""
        ...

    async def change(self, key: CallKey, change: Callable[[CallLog | None], CallLog]) -> CallLogChange:
        """Replace the call log by what `change` makes of it, and return it as it was before and is after.

        Changes of one call are serialised. Where `change` returns its very argument, nothing is written. Whatever
        `change` raises is raised, and nothing is changed.
        """
        ...

    async def list(self, selection: CallLogFilter, after: tuple[int, str] | None, limit: int) -> CallLogPage:
        """Up to `limit` call logs by start time, newest first, then call id, beginning after position `after`."""
        ...

    async def due(self, now: datetime, limit: int, without: Collection[str] = ()) -> Sequence[CallKey]:
        """Up to `limit` calls whose `next_attempt_time` is not after `now`, the longest due first.

        Those of the accounts `without` are left out; however many they are, the others are found as fast.
        """
        ...

    async def next_due_time(self) -> datetime | None:
        """When the next call falls due; None if nothing waits."""
        ...

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        """The current states of the calls whose latest visible change (a new revision) comes after sequence `after`.

        In order of commit, over all accounts. A change is never visible here before one with a smaller sequence. Calls
        that were pruned are missing: see `pruned_through`.
        """
        ...

    async def pruned_through(self) -> int:
        """The largest sequence among the calls that were ever pruned; 0 if none was.

        Who has seen the changes up to this sequence has missed nothing by it. It never falls.
        """
        ...

    async def last_sequence(self) -> int:
        """The sequence of the latest visible change; 0 before the first."""
        ...

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` soon after changes were committed through this ledger object. Returns the unsubscriber."""
        ...


class Remembered(NamedTuple):
    """A contact that leadline made or found for a number, and when."""

    contact_id: str
    time: datetime


class Claimed(NamedTuple):
    """A claim that is held now, and what is known of its number.

    Attributes:
        creation_key: of the creation that is under way: the holder's own, or an earlier one's whose end is unknown.
        given_up: None for the holder's own. Of an earlier creation, by when whoever began it had stopped for certain.
        contact_id: the contact recorded for the number; empty: none.
        contact_key: the key of the creation that made that contact; empty: not known.
    """

    creation_key: str
    given_up: datetime | None = None
    contact_id: str = ""
    contact_key: str = ""


class HeldByAnother(NamedTuple):
    """Somebody else holds the claim: until it is released, or until this time if its holder dies."""

    until: datetime


class Claims(Protocol):
    """Who creates the contact of a number, and which one it became.

    A claim is held by an owner, which is one process, up to a time that it moves on while it works. Decisions are taken
    one after the other, so a claim has one owner at a time by the clock that the callers read.
    """

    async def acquire(
        self, account_id: str, number_key: str, owner: str, creation_key: str, now: datetime, until: datetime
    ) -> Claimed | HeldByAnother:
        """Take the claim of a number if it is free: never taken, released, past its time, or `owner`'s already.

        Taking it records, before any CRM is asked, that a contact is about to be created: with `creation_key`, unless
        an earlier creation's end was never recorded, whose key stays. Where somebody else holds it nothing changes.
        """
        ...

    async def renew(self, account_id: str, number_key: str, owner: str, until: datetime) -> bool:
        """Hold the claim up to `until`; False, changing nothing, if it is not `owner`'s any more."""
        ...

    async def begin(self, account_id: str, number_key: str, owner: str, creation_key: str) -> bool:
        """Put the holder's own creation in the place of an earlier one, which certainly made nothing.

        False, changing nothing, if the claim is not `owner`'s any more.
        """
        ...

    async def release(self, account_id: str, number_key: str, owner: str, given_up: datetime | None) -> None:
        """Give the claim up without a contact; nothing changes if it is not `owner`'s any more.

        Args:
            account_id: the account.
            number_key: the number.
            owner: who holds the claim.
            given_up: None: the holder made nothing, so its own creation is over, and an earlier one stays as it was
                found. A time: the holder asked the CRM for the contact and then stopped; the end is unknown.
        """
        ...

    async def finish(
        self,
        account_id: str,
        number_key: str,
        contact_id: str,
        now: datetime,
        *,
        owner: str = "",
        creation_key: str = "",
    ) -> None:
        """Record that the number's contact is `contact_id`, made with `creation_key` (empty: not known with which).

        If the claim is `owner`'s, its creation is over and it is released. If nobody holds it, a creation recorded with
        the same key is over. Anybody else's claim and creation stay as they are.
        """
        ...

    async def remembered(self, account_id: str, number_keys: Sequence[str]) -> dict[str, Remembered]:
        """The contacts recorded for these numbers, by number key."""
        ...

    async def forget(self, account_id: str, number_key: str, contact_id: str) -> None:
        """Forget that `contact_id` is the number's contact: the CRM no longer has it."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The remembered answer to a request: its fingerprint, and the contact that it made."""

    fingerprint: bytes
    contact: Contact


class Requests(Protocol):
    """The answers to `CreateContact` by `request_id`, for 24 hours."""

    async def get(self, account_id: str, request_id: str, now: datetime) -> Answer | None:
        """The answer given to this request; None if it is unknown or older than 24 hours."""
        ...

    async def remember(self, account_id: str, request_id: str, answer: Answer, now: datetime) -> None:
        """Remember a success. Old answers may be dropped on the way."""
        ...


class Ledger(Protocol):
    """The whole of it, one part a purpose. Commands take the parts that they need."""

    @property
    def accounts(self) -> Accounts:
        """The accounts and their settings."""
        ...

    @property
    def preferences(self) -> PreferenceStore:
        """What users set."""
        ...

    @property
    def users(self) -> Users:
        """The directory's users."""
        ...

    @property
    def call_logs(self) -> CallLogs:
        """The calls and where each stands."""
        ...

    @property
    def claims(self) -> Claims:
        """Contacts being created, and created."""
        ...

    @property
    def requests(self) -> Requests:
        """Answers by request id."""
        ...

    @property
    def tokens(self) -> TokenStore:
        """Tokens of the CRMs' connections."""
        ...

    @property
    def upkeep(self) -> Retention:
        """Deleting what is no longer needed."""
        ...

    @property
    def secret(self) -> bytes:
        """32 random bytes, made with the ledger, for signing tokens: the same for every process that shares it."""
        ...

    async def check(self) -> None:
        """Return if the ledger can be read and written now; else raise LedgerUnavailable or LedgerFull."""
        ...
