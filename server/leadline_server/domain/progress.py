"""How a call log changes by reports and by a person's retry. Pure functions. Delivery's changes are in `outcomes`.

Example: a first report of call "c-1" makes a log that is PENDING, with input revision 1. A report that the call was
BUSY changes an input of the decision, so input and content revision become 2 and the log is due at once. A report of a
note changes only the content revision.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from leadline_server.domain.access.principals import Role
from leadline_server.domain.access_errors import PermissionDenied
from leadline_server.domain.call import Call, CallResult
from leadline_server.domain.call_log import ACCEPTED, FINAL_WAIT, CallLog, DueFields, new_call_log, revised, undecided
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.errors import CallLogNotMovable, FieldViolation, InvalidRequest
from leadline_server.domain.leases import Lease, at, due_now, is_leased
from leadline_server.domain.limits import MOST_CALL_BYTES, MOST_CALL_ENTRIES
from leadline_server.domain.linked_calls import (
    Conversation,
    JoinedCalls,
    joined_fields,
    opened,
    with_report,
    without_spelling,
)
from leadline_server.domain.merge import Stamps, merge
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.sizes import call_bytes

_NO_STAMPS: Final = Stamps()
MOST_REPORTERS: Final = 8
"""How many reporters of a call are remembered: the first ones."""


def reported(
    log: CallLog | None, report: CallReport, now: datetime, *, rules: RulesOrRegion, can_move: bool, lease: Lease
) -> CallLog:
    """The log after a report; the very same object if the report changes nothing.

    Args:
        log: the log before; None for the first report of a call.
        report: the report.
        now: when the report arrived.
        rules: how the account's numbers are read.
        can_move: whether the CRM can move an existing log to another contact.
        lease: the lease of this process. It acquires the call if the call is due and no other process has it.

    Raises:
        InvalidRequest: the first report of a call without its direction, or a call that grows beyond its bounds.
        CallLogNotMovable: a person chose another contact for a logged call, and the CRM cannot move logs.
        PermissionDenied: the log is another user's, and the report may only change its own user's.
    """
    if log is not None and report.only_of not in ("", log.user_id):
        raise PermissionDenied("This call is another user's.", rpc="LogCall", role=Role.USER)
    if log is None:
        _check_size(first := _first(report, now, rules, lease))
        return first
    if log.joined is not None:
        known = opened(log.call, log.stamps, log.joined, log.user_id)
        event = without_spelling(report.event, log.call, log.number, log.user_id, rules)
        return with_conversation(
            log, with_report(known, event, report.user_id), report, now, rules=rules, can_move=can_move, lease=lease
        )
    call, stamps = merge(log.call, log.stamps, report.event)
    after = _Report(log, report, (call, stamps, None), now, rules, lease).applied(can_move=can_move)
    if after is not log:
        _check_size(after)
    return after


def with_conversation(
    log: CallLog,
    after: Conversation,
    report: CallReport,
    now: datetime,
    *,
    rules: RulesOrRegion,
    can_move: bool,
    lease: Lease,
) -> CallLog:
    """The log after `report` changed its conversation to `after`. Arguments and errors are as for `reported`."""
    changed = _Report(log, report, after, now, rules, lease).applied(can_move=can_move)
    if changed is not log:
        _check_bytes(changed)
    return changed


def _check_size(log: CallLog) -> None:
    """Refuse a call that grew too large over many reports; a single report is bounded before."""
    call = log.call
    if len(call.legs) > MOST_CALL_ENTRIES or len(call.attributes) > MOST_CALL_ENTRIES:
        sizes = {"call.legs": len(call.legs), "call.attributes": len(call.attributes)}
        over = [name for name, size in sizes.items() if size > MOST_CALL_ENTRIES]
        raise InvalidRequest([FieldViolation(name, f"a call has at most {MOST_CALL_ENTRIES} of them") for name in over])
    _check_bytes(log)


def _check_bytes(log: CallLog) -> None:
    call = log.call
    # Without a transcript, the limits of all other fields together are below MOST_CALL_BYTES.
    if call.transcript and (size := call_bytes(call, log.stamps)) > MOST_CALL_BYTES:
        rule = f"A call has at most {MOST_CALL_BYTES} bytes; with this report it has {size}."
        raise InvalidRequest([FieldViolation("call", rule)])


def _first(report: CallReport, now: datetime, rules: RulesOrRegion, lease: Lease) -> CallLog:
    call, stamps = merge(None, _NO_STAMPS, report.event)
    if call.direction is None:
        raise InvalidRequest([FieldViolation("call.direction", "is required in the first report of a call")])
    held = lease.fields(now)
    return new_call_log(
        account_id=report.account_id,
        user_id=report.user_id,
        call=call,
        stamps=stamps,
        explanation=ACCEPTED,
        number=call.number_of_counterpart(report.user_id, rules),
        user_answered=_is_answered(call, report),
        trigger=report.trigger,
        chosen_contact_id=report.contact_id,
        pending_since=now,
        last_news_time=now,
        create_time=now,
        update_time=now,
        replay_id=report.replay_id,
        reporters=report.reporters,
        lease_owner=held["lease_owner"],  # to pass on the dictionary takes 5,000 instructions more
        lease_until=held["lease_until"],
        next_attempt_time=held["next_attempt_time"],
    )


def _is_answered(call: Call, report: CallReport) -> bool:
    """Whether the reporter's own leg was answered. A report without legs is about the reporter's own leg."""
    if call.legs and any(leg.user_id == report.user_id for leg in call.legs):
        return call.is_answered_by(report.user_id)
    if report.event.legs or report.event.legs_decide:
        return False
    fields = report.event.fields
    return fields.get("result") is CallResult.ANSWERED or fields.get("answer_time") is not None


class _Report:
    """A report of a call that has a log already, and the call as the report leaves it."""

    def __init__(
        self,
        log: CallLog,
        report: CallReport,
        after: tuple[Call, Stamps, JoinedCalls | None],
        now: datetime,
        rules: RulesOrRegion,
        lease: Lease,
    ) -> None:
        self._log, self._report, self._now, self._lease = log, report, now, lease
        self._call, self._stamps, self._joined = after
        is_answered = _is_answered(self._call, report)
        was_answered = log.user_answered or self._call.is_answered_by(log.user_id)
        self._user_id = report.user_id if is_answered and not was_answered else log.user_id
        self._user_answered = was_answered or (is_answered and report.user_id == self._user_id)
        self._number = self._parsed(rules)
        self._chooses = bool(report.contact_id) and report.contact_id != log.chosen_contact_id

    def _parsed(self, rules: RulesOrRegion) -> PhoneNumber:
        """The other party's number. One that is unchanged stays as it was parsed, whatever the rules are now."""
        address, known = self._call.counterpart(self._user_id).address, self._log.number
        return known if address == known.text else self._call.number_of_counterpart(self._user_id, rules)

    def applied(self, *, can_move: bool) -> CallLog:
        """The log after the report."""
        log = self._log
        after = replace(
            log,
            call=self._call,
            stamps=self._stamps,
            user_id=self._user_id,
            number=self._number,
            user_answered=self._user_answered,
            reporters=tuple(dict.fromkeys((*log.reporters, *self._report.reporters)))[:MOST_REPORTERS],
            **({} if self._joined is None else joined_fields(self._joined, self._call.id)),
        )
        if _content(after) != _content(log):
            after = replace(after, content_revision=log.content_revision + 1)
        after = (
            self._after_logging(after, can_move=can_move) if log.state is CallLogState.LOGGED else self._before(after)
        )
        if after == log:
            return log
        if after.call != log.call:
            after = replace(after, last_news_time=self._now)
        return revised(log, after, self._now)

    def _before(self, after: CallLog) -> CallLog:
        """A call that is not in the CRM yet: new inputs of the decision, or a person's wish, need a new decision."""
        log, is_manual = self._log, self._report.trigger is LogTrigger.MANUAL
        has_new_inputs = self._chooses or _inputs(after) != _inputs(log) or self._has_new_budget()
        if not has_new_inputs and not is_manual:
            return self._still_waiting(after)
        if not has_new_inputs and self._is_under_way():
            return replace(after, **self._due())
        # If a person asks for an unlogged call again, it keeps its state until the new decision.
        is_asked_again = is_manual and log.state is CallLogState.UNLOGGED
        return replace(
            after if is_asked_again else undecided(after),
            input_revision=log.input_revision + 1,
            decision=None,
            trigger=self._trigger(),
            chosen_contact_id=self._report.contact_id or log.chosen_contact_id,
            replay_id=self._report.replay_id,
            **self._due(),
        )

    def _has_new_budget(self) -> bool:
        """Whether a limit of placeholders held the call back, and the report belongs to another replay."""
        replay_id = self._report.replay_id
        return self._log.reason is CallLogReason.PLACEHOLDER_LIMIT and replay_id not in ("", self._log.replay_id)

    def _still_waiting(self, after: CallLog) -> CallLog:
        """A report without new inputs: a call that waits to be final waits another FINAL_WAIT from now."""
        log = self._log
        if log.reason is not CallLogReason.NOT_FINAL or not log.is_decided or after.call == log.call:
            return after
        if is_leased(log, self._now):  # the wait is over; it is being decided
            return after
        wait_until = self._now + FINAL_WAIT
        return replace(after, pending_since=wait_until, **at(wait_until))

    def _is_under_way(self) -> bool:
        """Whether the call is already decided to be logged, or a person already asked for it."""
        log = self._log
        is_asked = log.trigger is LogTrigger.MANUAL and not log.is_decided
        return log.state is CallLogState.PENDING and (log.decision is not None or is_asked)

    def _trigger(self) -> LogTrigger:
        """The trigger after the report. MANUAL stays until the decision, also if the phone system reports before."""
        is_waiting = not self._log.is_decided and self._log.trigger is LogTrigger.MANUAL
        return LogTrigger.MANUAL if is_waiting else self._report.trigger

    def _after_logging(self, after: CallLog, *, can_move: bool) -> CallLog:
        """A call that is in the CRM: changes are written there, and it stays LOGGED."""
        log = self._log
        if self._chooses:
            after = self._chosen(after, can_move=can_move)
        elif not log.chosen_contact_id and _counterpart(after) != _counterpart(log):
            after = replace(after, input_revision=log.input_revision + 1, decision=None, trigger=LogTrigger.AUTOMATIC)
        is_news = after.content_revision > log.content_revision or after.input_revision > log.input_revision
        return replace(after, **self._due()) if is_news else after

    def _chosen(self, after: CallLog, *, can_move: bool) -> CallLog:
        contact_id, log = self._report.contact_id, self._log
        after = replace(after, chosen_contact_id=contact_id, decision=None)
        if log.contact is not None and log.contact.id == contact_id:
            return replace(
                after,
                reason=CallLogReason.CONTACT_CHOSEN,
                explanation="A person confirmed the contact.",
                # If a move to another contact is in progress, a new decision takes it back.
                input_revision=log.input_revision + (not log.is_decided),
            )
        if not can_move:
            raise CallLogNotMovable(
                "The CRM cannot move a call log to another contact.", metadata={"contact_id": contact_id}
            )
        return replace(
            after,
            input_revision=log.input_revision + 1,
            content_revision=log.content_revision + 1,
            trigger=LogTrigger.MANUAL,
        )

    def _due(self) -> DueFields:
        """The changes that make a log due. One that was at rest starts a new delivery."""
        log, is_at_rest = self._log, self._log.next_attempt_time is None
        return {
            **due_now(log, self._lease, self._now),
            "pending_since": self._now if is_at_rest else log.pending_since,
            "attempts": 0 if is_at_rest else log.attempts,
            "last_error": "" if is_at_rest else log.last_error,
        }


def _inputs(log: CallLog) -> tuple[object, ...]:
    """The fields that a decision depends on, beside preferences and contacts."""
    call = log.call
    return log.user_id, call.direction, call.caller, call.callee, call.result, call.is_final, call.attestation


def _counterpart(log: CallLog) -> tuple[object, ...]:
    return log.call.direction, log.call.counterpart(log.user_id).address


def _content(log: CallLog) -> tuple[object, ...]:
    """The fields that the CRM shows: all but those that only leadline uses."""
    return log.user_id, replace(log.call, event_time=None, is_final=None)
