"""Which calls of one conversation share a log, and the log that they make. Pure functions over call logs.

Example: Alice's phone rings for +12025550123 with id "17.2" and `linked_id` "17.1", and Bob's with id "17.3" and the
same `linked_id`. Their reports make one log. A third party of the same conference has another number, so that call
keeps a log of its own.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from leadline_server.domain.call import Call, CallLeg
from leadline_server.domain.call_log import FINAL_WAIT, CallLog
from leadline_server.domain.call_log_states import CallLogState, LogTrigger
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.errors import LeadlineError
from leadline_server.domain.leases import Lease
from leadline_server.domain.linked_calls import opened, united
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind
from leadline_server.domain.progress import with_conversation

TOUCH: Final = timedelta(seconds=60)
"""How far apart two calls of one conversation may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJoining:
    """How the calls of an account are joined, by a report that arrives now.

    Attributes:
        own_numbers: the account's own numbers and extensions. A call with one of them on the other side never joins.
        source: the phone system that reports.
        now, rules, can_move, lease: as for `progress.reported`.
        only_of: the user whose logs may be joined; empty: anyone's.
    """

    own_numbers: AbstractSet[str]
    now: datetime
    rules: RulesOrRegion
    can_move: bool
    lease: Lease
    source: str = ""
    only_of: str = ""

    def link_key(self, log: CallLog) -> str:
        """Equal for calls that may join: direction, number, source and `linked_id`, each on a line of its own.

        Empty if the call joins no other.
        """
        call, number = log.call, log.number
        is_usable = number.kind is NumberKind.DIALABLE and not number.other_reading and not number.extension
        if not call.linked_id or not call.direction or not is_usable or number.e164 in self.own_numbers:
            return ""
        return "\n".join((str(call.direction.value), number.e164, self.source, call.linked_id))

    def joined(self, before: CallLog | None, log: CallLog, other: CallLog) -> CallLog | None:
        """The one log of two; None if they stay apart. Its `call_id` is that of the log that it goes on from.

        Args:
            before: the log before the report; None if it is new.
            log: the log after the report.
            other: another log with the same link key.
        """
        if not _is_same_conversation(log, other) or self.only_of not in ("", other.user_id):
            return None
        was_written, other_was_written = before is not None and may_be_in_crm(before), may_be_in_crm(other)
        if was_written and other_was_written:
            return None
        is_first = before is not None and (before.create_time, before.call_id) < (other.create_time, other.call_id)
        if was_written or (is_first and not other_was_written):
            return self._united(log, other, is_first=is_first)
        return self._united(other, log, is_first=not is_first)

    def _united(self, base: CallLog, part: CallLog, *, is_first: bool) -> CallLog | None:
        """`base` with the calls of `part`; `is_first` tells whether it was stored first."""
        conversation = united(
            opened(base.call, base.stamps, base.joined, base.user_id),
            opened(part.call, part.stamps, part.joined, part.user_id),
            is_first=is_first,
        )
        if conversation is None or _differ(base.chosen_contact_id, part.chosen_contact_id):
            return None
        try:
            after = with_conversation(
                base,
                conversation,
                _report_of(part),
                self.now,
                rules=self.rules,
                can_move=self.can_move,
                lease=self.lease,
            )
        except LeadlineError:
            return None  # too large, or a person chose a contact that the CRM cannot move the log to
        return replace(after, create_time=min(base.create_time, part.create_time))


def joined_with(
    joining: CallJoining, before: CallLog | None, log: CallLog, others: Sequence[CallLog]
) -> tuple[CallLog | None, CallLog, list[CallLog]]:
    """The log that goes on as it was and as it becomes, and the logs that are no logs of their own any more.

    Args:
        joining: how the account's calls are joined.
        before: the log before the report; None if it is new.
        log: the log after the report.
        others: the logs with its link key. The one with the `linked_id` comes first, then the first stored.
    """
    gone: list[CallLog] = []
    for other in sorted(others, key=lambda one: (one.call_id != log.call.linked_id, one.create_time, one.call_id)):
        after = joining.joined(before, log, other)
        if after is None:
            continue
        if after.call_id == other.call_id:
            gone += [before] if before is not None else []
            before = other
        else:
            gone.append(other)
        log = after
    return before, log, gone


def may_be_in_crm(log: CallLog) -> bool:
    """Whether the CRM has the call's log, or may have it: a process is delivering it, or tried to."""
    return bool(
        log.state is CallLogState.LOGGED
        or log.crm_log_id
        or log.lease_owner
        or log.unsettled_until is not None
        or log.attempts
    )


def _is_same_conversation(one: CallLog, other: CallLog) -> bool:
    start, end = _period(one)
    other_start, other_end = _period(other)
    return start - other_end <= TOUCH and other_start - end <= TOUCH


def _period(log: CallLog) -> tuple[datetime, datetime]:
    """From when to when a call lasts; of joined calls from the first to the last."""
    if log.joined is None:
        periods = [_lasts(log.call, log.create_time, is_final=log.call.is_final is True)]
    else:
        legs = {leg.id: leg for leg in (*log.call.legs, *log.joined.omitted_legs)}
        periods = [_lasts(legs[part.id], log.create_time, is_final=part.is_final) for part in log.joined.calls]
    return min(start for start, _ in periods), max(end for _, end in periods)


def _lasts(call: Call | CallLeg, reported: datetime, *, is_final: bool) -> tuple[datetime, datetime]:
    """One that has not ended goes on for FINAL_WAIT, as far as leadline can tell."""
    times = [time for time in (call.start_time, call.answer_time, call.end_time) if time is not None] or [reported]
    goes_on = call.end_time is None and not is_final
    return min(times), max(times) + (FINAL_WAIT if goes_on else timedelta(0))


def _report_of(part: CallLog) -> CallReport:
    """A report with the user of the log that joins, and with a person's wish for it that is not decided yet."""
    is_asked = part.trigger is LogTrigger.MANUAL and not part.is_decided
    return CallReport(
        account_id=part.account_id,
        user_id=part.user_id,
        event=CallEvent(call_id=part.call_id),
        trigger=LogTrigger.MANUAL if is_asked else LogTrigger.AUTOMATIC,
        contact_id=part.chosen_contact_id,
        reporters=part.reporters,
    )


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)
