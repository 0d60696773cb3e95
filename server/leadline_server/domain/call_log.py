"""A call log: one call of one account on its way into the CRM."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypedDict, Unpack

from leadline_server.domain.call import Call
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger, UpdateState
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.fast_init import fast_init, maker, replacer
from leadline_server.domain.linked_calls import (
    JoinedCalls,
)
from leadline_server.domain.merge import Stamps
from leadline_server.domain.numbers.phone_number import NO_NUMBER, PhoneNumber
from leadline_server.domain.unshown import unshown

ACCEPTED: Final = "Accepted; on its way to the CRM."

MAX_DELIVERY_AGE: Final = timedelta(days=7)
"""A call that the CRM has not taken in this time becomes FAILED, until a person retries it."""

MAX_UNANSWERED_AGE: Final = timedelta(days=14)
"""An update that once got no answer is tried for this time, since the CRM may have it."""

FINAL_WAIT: Final = timedelta(hours=4)
"""After this time without news, a call that waits to be final is decided with what is known."""

_NO_UPDATE: Final = UpdateState.NONE
"""As global names these are read 15 times faster, and nearly every log has them."""
_LOGGED: Final = CallLogState.LOGGED
_UNLOGGED: Final = CallLogState.UNLOGGED


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision to log a call against a contact, and why.

    `decide` returns it, the delivery carries it out, and the ledger keeps it unchanged. A decision that has not reached
    the CRM stands, also when preferences change later.

    Example: contact c1, CONTACT_MATCHED, "+14155550123 matches Ann [c1] (EXACT)."
    """

    contact: Contact
    reason: CallLogReason
    explanation: str
    candidates: tuple[ContactMatch, ...] = ()


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CallLog:
    """One call of one account: what is known of it, its state, and what is still to be done.

    Attributes:
        user_id: the log's user, whose preferences decide.
        call: the call, merged from every report.
        stamps: the stamps that the next report is merged by.
        state, reason, explanation, contact, candidates, crm_log_id, crm_log_url: as in the contract. `reason` is None
            before the first attempt to deliver.
        number: the other party's number, parsed when it was reported. It stays so if the account's region changes.
        user_answered: whether `user_id` reported an answered leg. Only a user who did can take the log over.
        input_revision: counts the changes of what a decision depends on.
        decided_revision: the input revision of the latest decision; 0 before the first.
        trigger: the trigger of the next decision.
        chosen_contact_id: the contact that a person chose; empty: none. It stays chosen.
        decision: the decision that is taken and not in the CRM yet; None: no decision waits.
        content_revision: counts the changes of the fields that the CRM shows.
        delivered_revision: the content revision that the CRM has; 0: none.
        attempts: failed deliveries since the last success.
        next_attempt_time: when the call is due; None if there is nothing to do.
        lease_owner: the process that delivers the call now; empty: none.
        lease_until: when another process may acquire the call, unless the owner renews the lease.
        unsettled_until: until when a write without an answer may still take effect; None: there is none.
        pending_since: when the current delivery became due; it ends MAX_DELIVERY_AGE or MAX_UNANSWERED_AGE later.
        last_news_time: when the last report arrived that changed the call.
        revision: counts the changes that clients can see.
        joined: the calls that joined this one by their `linked_id`; None: none did.
        linked_call_ids, omitted_leg_count: as in the contract.
        replay_id: the replay of past calls that the call belongs to; empty: a live call.
        reporters: the principals with the role `reporter` that reported the call; they may read it again.
    """

    account_id: str
    user_id: str
    call: Call
    stamps: Stamps = field(default_factory=Stamps)
    state: CallLogState = CallLogState.PENDING
    reason: CallLogReason | None = None
    explanation: str = ""
    contact: Contact | None = None
    candidates: tuple[ContactMatch, ...] = ()
    crm_log_id: str = ""
    crm_log_url: str = ""
    number: PhoneNumber = NO_NUMBER
    user_answered: bool = False
    input_revision: int = 1
    decided_revision: int = 0
    trigger: LogTrigger = LogTrigger.AUTOMATIC
    chosen_contact_id: str = ""
    decision: Decision | None = None
    content_revision: int = 1
    delivered_revision: int = 0
    attempts: int = 0
    next_attempt_time: datetime | None = None
    lease_owner: str = ""
    lease_until: datetime | None = None
    unsettled_until: datetime | None = None
    last_error: str = ""
    pending_since: datetime
    last_news_time: datetime
    create_time: datetime
    update_time: datetime
    revision: int = 1
    joined: JoinedCalls | None = None
    linked_call_ids: tuple[str, ...] = ()
    omitted_leg_count: int = 0
    replay_id: str = ""
    reporters: tuple[str, ...] = ()

    @property
    def call_id(self) -> str:
        """The id that the ledger and the CRM know the log by. It differs from `call.id` only if calls joined."""
        return self.call.id if self.joined is None else self.joined.stored_id

    @property
    def is_decided(self) -> bool:
        """Whether the latest decision was taken on the current inputs."""
        return self.decided_revision == self.input_revision

    @property
    def update_pending(self) -> bool:
        """Whether the CRM has the call, but not its latest state."""
        return self.state is _LOGGED and self.delivered_revision < self.content_revision

    @property
    def update_state(self) -> UpdateState:
        """NONE: the CRM has the latest state. PENDING: an update is on its way. FAILED: it waits to be retried."""
        if self.delivered_revision >= self.content_revision or self.state is not _LOGGED:
            return _NO_UPDATE
        return UpdateState.FAILED if self.next_attempt_time is None else UpdateState.PENDING

    @property
    def shown_state(self) -> CallLogState:
        """The state that clients see: an unlogged call that is decided again is PENDING meanwhile."""
        is_retaken = self.state is _UNLOGGED and not self.is_decided
        return CallLogState.PENDING if is_retaken else self.state

    @property
    def filed_as(self) -> tuple[CallLogState, UpdateState]:
        """The states that a ledger files the log under, so that lists find it."""
        return self.shown_state, self.update_state

    @property
    def shown_contact(self) -> Contact | None:
        """The contact that clients see: the one that the call is logged against, or will be."""
        if self.contact is None and self.decision is not None:
            return self.decision.contact
        return self.contact


new_decision: Final = maker(Decision)
new_call_log: Final = maker(CallLog)


def is_due(log: CallLog) -> bool:
    """Whether there is something to do for the log now."""
    if log.state is CallLogState.FAILED or log.next_attempt_time is None:
        return False
    return not log.is_decided or log.update_pending


def covers(log: CallLog, wanted: CallLog) -> bool:
    """Whether `log` has all the reports that `wanted` has."""
    return log.input_revision >= wanted.input_revision and log.content_revision >= wanted.content_revision


def is_settled(log: CallLog, wanted: CallLog) -> bool:
    """Whether the reports of `wanted` are decided, and in the CRM if the call is logged."""
    if log.decided_revision < wanted.input_revision:
        return False
    return log.state is not CallLogState.LOGGED or log.delivered_revision >= wanted.content_revision


class LeaseFields(TypedDict):
    """The fields that say which process has the call, and when the call is due."""

    lease_owner: str
    lease_until: datetime | None
    next_attempt_time: datetime | None


class DueFields(LeaseFields):
    """The fields of a call that is due."""

    pending_since: datetime
    attempts: int
    last_error: str


class CallLogChanges(TypedDict, total=False):
    """New values of some fields of a `CallLog`. A misspelt field or a wrong type is a type error.

    Example: `changed(log, now, state=CallLogState.UNLOGGED, contact=None)`.
    """

    state: CallLogState
    reason: CallLogReason | None
    explanation: str
    contact: Contact | None
    candidates: tuple[ContactMatch, ...]
    crm_log_id: str
    crm_log_url: str
    input_revision: int
    decided_revision: int
    trigger: LogTrigger
    chosen_contact_id: str
    decision: Decision | None
    content_revision: int
    delivered_revision: int
    attempts: int
    next_attempt_time: datetime | None
    lease_owner: str
    lease_until: datetime | None
    unsettled_until: datetime | None
    last_error: str
    pending_since: datetime


class CallLogChange(NamedTuple):
    """A call log before and after a change. `before` is None for a new call; it is `after` if nothing changed."""

    before: CallLog | None
    after: CallLog

    @property
    def has_changed(self) -> bool:
        """Whether the change was written."""
        return self.after is not self.before


new_call_log_change: Final = maker(CallLogChange)


def changed(before: CallLog, now: datetime, **changes: Unpack[CallLogChanges]) -> CallLog:
    """`before` with `changes`, with a new revision as `revised` gives it. It copies the log once."""
    news: dict[str, Any] = {**changes}
    if news.get("state", before.state) is before.state:  # clients see another state, whatever else is new
        news = {name: value for name, value in news.items() if getattr(before, name) != value}
        if not news:
            return before
        if _SHOWN.isdisjoint(news) and _derived(before, news) == (before.shown_contact, before.update_state):
            return _with(before, news)
    news["revision"], news["update_time"] = before.revision + 1, now
    return _with(before, news)


_with: Final = replacer(CallLog)


def _derived(log: CallLog, news: Mapping[str, Any]) -> tuple[Contact | None, UpdateState]:
    """`shown_contact` and `update_state` as they are with the news."""
    contact, decision = news.get("contact", log.contact), news.get("decision", log.decision)
    if contact is None and decision is not None:
        contact = decision.contact
    delivered = news.get("delivered_revision", log.delivered_revision)
    content = news.get("content_revision", log.content_revision)
    if news.get("state", log.state) is not _LOGGED or delivered >= content:
        return contact, _NO_UPDATE
    is_at_rest = news.get("next_attempt_time", log.next_attempt_time) is None
    return contact, UpdateState.FAILED if is_at_rest else UpdateState.PENDING


def revised(before: CallLog, after: CallLog, now: datetime) -> CallLog:
    """`after`, with a new revision if clients see a difference; `before` itself if nothing differs."""
    if _visible(before) != _visible(after):
        return replace(after, revision=before.revision + 1, update_time=now)
    return before if after == before else after


def _visible(log: CallLog) -> tuple[object, ...]:
    return _shown(log), log.shown_contact, log.update_state


def undecided(log: CallLog) -> CallLog:
    """The log as PENDING, without the reason and the explanation of an earlier decision or refusal."""
    if log.state is CallLogState.PENDING:
        return log
    return replace(log, state=CallLogState.PENDING, reason=None, explanation=ACCEPTED, candidates=())


_SHOWN: Final = frozenset(
    {
        "state",
        "reason",
        "user_id",
        "call",
        "crm_log_id",
        "crm_log_url",
        "candidates",
        "explanation",
        "attempts",
        "last_error",
        "joined",
    }
)
"""The fields that clients see as they are."""

_shown: Final = attrgetter(*_SHOWN)
