"""The ledger's call logs: the calls, their delivery, and the changes that clients can see."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, UpdateState
from leadline_server.domain.fast_init import maker
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.unshown import unshown


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CallLogFilter:
    """Which call logs of an account to list. Empty fields do not restrict.

    `phone_number` is the key of `CallLog.number`, the other party's number. The times are compared with the start of
    the call, or of its first report if the start is unknown; `end_time` is exclusive.
    """

    account_id: str
    user_id: str = ""
    states: tuple[CallLogState, ...] = ()
    reasons: tuple[CallLogReason, ...] = ()
    update_states: tuple[UpdateState, ...] = ()
    directions: tuple[CallDirection, ...] = ()
    phone_number: str = ""
    contact_id: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None


class CallLogPage(NamedTuple):
    """Some call logs, newest first, and the position after the last one; None if there are no more.

    A position is opaque to the caller. Example: start time and call id, `(1767225600000000, "call-7")`.
    """

    call_logs: Sequence[CallLog]
    next_position: tuple[int, str] | None


class CallLogGroup(NamedTuple):
    """How many call logs have one state and reason, and one user. None: the counts are not split by that.

    A reason of None beside a state is "not decided yet".
    """

    state: CallLogState | None
    reason: CallLogReason | None
    user_id: str | None
    calls: int


class Change(Protocol):
    """A change that clients can see, and its position in its account's order of commits.

    Thousands of changes are kept in memory and few are read, so `call_log` is decoded only on access.
    """

    @property
    def sequence(self) -> int:
        """The position of the change. Two changes of an account with the same sequence are the same change."""
        ...

    @property
    def account_id(self) -> str:
        """The account of the call."""
        ...

    @property
    def user_id(self) -> str:
        """The user of the call log."""
        ...

    @property
    def call_id(self) -> str:
        """The id of the call."""
        ...

    @property
    def size(self) -> int:
        """About how many bytes of memory the change takes."""
        ...

    @property
    def call_log(self) -> CallLog:
        """The call log after the change, decoded on each access. Raises LedgerUnavailable if it is damaged."""
        ...


class CallKey(NamedTuple):
    """Identifies a call. Example: `CallKey("demo", "pbx1-1767225600.17")`."""

    account_id: str
    call_id: str


new_call_key: Final = maker(CallKey)


class CallLogs(Protocol):
    """The call logs and their state."""

    async def get(self, key: CallKey) -> CallLog | None:
        """The call log, also by the id of a call that has joined it; None if the call was never reported."""
        ...

    async def change(
        self,
        key: CallKey,
        change: Callable[[CallLog | None], CallLog],
        joining: CallJoining | None = None,
        *,
        settings_version: int = 0,
    ) -> CallLogChange:
        """Replace the call log by the result of `change`, and return the log before and after.

        Changes of one call are serialised. If `change` returns the very object that it got, nothing is written. If it
        raises, nothing is changed and the exception is raised here.

        With `joining`, the log then joins those with its link key, as `domain.joining.joined_with` says, in the same
        transaction: the logs that are gone are deleted, and their ids find the log that goes on. The call's id finds it
        too, and its link key is kept for calls that come later. The change returned is that of the log that goes on.

        With `settings_version`, `change` depends on an account that was read at that version
        (`AccountRecord.settings_version`). If the version is another now, nothing changes and
        SettingsChanged is raised.
        """
        ...

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """The logs with this link key, which is not empty: those that a change with `joining` would join."""
        ...

    async def list(self, selection: CallLogFilter, after: tuple[int, str] | None, limit: int) -> CallLogPage:
        """Up to `limit` call logs that follow position `after`, by start time, newest first, then by call id.

        There are fewer, and a next position, if more would have over MOST_PAGE_BYTES (`domain.limits`).
        """
        ...

    async def count(
        self, selection: CallLogFilter, *, by_reason: bool, by_user: bool, limit: int
    ) -> Sequence[CallLogGroup]:
        """How many call logs `selection` selects, split by state and reason, or by user, or by both.

        At most `limit` groups, ordered by state, reason and user. A group of no calls is left out.
        """
        ...

    async def due(self, now: datetime, limit: int, without: Collection[str] = ()) -> Sequence[CallKey]:
        """Up to `limit` calls whose `next_attempt_time` is not after `now`, the longest due first.

        Calls of the accounts `without` are left out. Their number must not slow down finding the others.
        """
        ...

    async def next_due_time(self) -> datetime | None:
        """When the next call falls due; None if no call waits."""
        ...

    async def changes(self, account_id: str, after: int, limit: int) -> Sequence[Change]:
        """The calls of an account whose latest visible change (a new revision) has a sequence greater than `after`.

        At most `limit`, and fewer if more would have over MOST_PAGE_BYTES (`domain.limits`), but at least one if there
        are any.

        In order of commit. A change must not become visible before one of its account with a smaller sequence.
        Accounts have no order among each other, so that many processes can write without a common point.
        Pruned calls are missing: see `pruned_through`. Example: call A changes with sequence 5, B with 6, A again with
        7. Then `changes("demo", 4, 10)` returns B (6) and A (7).
        """
        ...

    async def pruned_through(self, account_id: str) -> int:
        """The largest sequence of the account's calls that were ever pruned; 0 if none was. It never falls.

        A reader that has read the changes up to this sequence has missed none of the pruned ones.
        """
        ...

    async def last_sequence(self, account_id: str) -> int:
        """A position that no visible change of the account is after; 0 before the first change. It never falls.

        It is the sequence of the latest change, or a greater one that no later change of the account will have.
        """
        ...

    async def last_sequences(self, account_ids: Collection[str]) -> Mapping[str, int]:
        """`last_sequence` of each of these accounts, in one question."""
        ...

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` soon after changes were committed through this ledger object. Returns the unsubscriber."""
        ...
