"""Whether what shows is what may be: each call against its model, and the CRM against all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from faults.model.calls import CREEP, DELIVERY_AGE, CallModel, reason_of, state_of
from faults.model.crm import Made
from faults.model.decision import CHOICE_IS_GONE, WAIT, Person, Verdict
from faults.model.facts import T0
from faults.model.truth import InCrm
from leadline.v1.call_log_pb2 import CallLog


@dataclass
class Step:
    """The conditions during a step.

    Attributes:
        now: its end.
        is_calm: the CRM is well, and has been since all that went wrong before came right.
        rejects: the CRM refused something.
        people: who is in the CRM at its end.
        made: the contacts that leadline ever made.
    """

    now: datetime
    is_calm: bool
    rejects: bool
    people: Sequence[Person]
    made: dict[str, Made]

    def has(self, contact_id: str) -> bool:
        return any(person.id == contact_id for person in self.people)


def check_call(call: CallModel, log: CallLog, step: Step) -> None:
    """The log is what the model says, or one of what it allows; which one is noted in the model."""
    assert log.call == call.facts.message(call.id), f"{log.call}\nis not\n{call.facts.message(call.id)}"
    assert log.user_id == call.facts.user
    if call.is_logged:
        assert state_of(log) == "LOGGED", f"{call.id} was logged and is {state_of(log)}"
        assert log.crm_log_id == call.in_crm
    _check_state(call, log, step)
    assert not step.is_calm or not call.is_undecided or call.is_parked, f"{call.id} is not decided: {log}"
    assert not step.is_calm or not log.update_pending or call.is_parked, f"{call.id} is not delivered: {log}"
    _check_revision(call, log)
    call.latest = log
    call.in_crm = log.crm_log_id


def _check_state(call: CallModel, log: CallLog, step: Step) -> None:
    state = state_of(log)
    if state == "FAILED":
        _check_failed(call, log, step)
    elif state == "PENDING":
        _check_pending(call, log)
    elif state == "LOGGED":
        _check_logged(call, log, step)
    elif call.is_undecided:
        _take(call, log, call.possible, step)
    else:
        _check_same(call, log, step)


def _check_failed(call: CallModel, log: CallLog, step: Step) -> None:
    if call.is_parked and call.latest is not None:
        assert reason_of(log) == reason_of(call.latest)
        return
    assert call.is_undecided, f"{call.id} was decided and failed"
    if reason_of(log) == "CRM_UNAVAILABLE":
        assert not step.is_calm
        assert call.waits_since is not None
        assert step.now - call.waits_since > DELIVERY_AGE - CREEP, f"{call.id} was given up too early"
    else:
        assert reason_of(log) == "CRM_REJECTED"
        assert may_be_refused(call, step), f"{call.id} was refused by nobody"
    assert log.last_error
    call.is_parked = True
    call.waits_since = None


def may_be_refused(call: CallModel, step: Step) -> bool:
    """The CRM refuses a call about a contact that is gone, and every call while it is told to refuse."""
    decided = call.possible | call.earlier
    return step.rejects or any(
        verdict == CHOICE_IS_GONE or (verdict.contact and not step.has(verdict.contact)) for verdict in decided
    )


def _check_pending(call: CallModel, log: CallLog) -> None:
    reason = reason_of(log)
    if reason == "NOT_FINAL" and not call.is_undecided:
        assert call.verdict == WAIT
        return
    assert call.is_undecided, f"{call.id} was decided and is pending: {log}"
    if reason == "NOT_FINAL" and WAIT in call.possible:
        # At the very end of the wait it may be decided, and on its way: a decision shows once it is written.
        call.earlier |= {verdict for verdict in call.possible if verdict.is_logged}
        call.verdict, call.is_undecided, call.waits_since = WAIT, False, None
        return
    known = set() if call.latest is None else {reason_of(call.latest)}
    assert reason in {"UNSPECIFIED", "CRM_UNAVAILABLE", *known}
    if log.HasField("contact"):  # what is decided, and on its way
        standing = {verdict for verdict in call.possible | call.earlier if _is_of(verdict, log)}
        assert standing, f"{call.id} is on its way to {log.contact.id}, and may not be: {call.possible}"
        call.possible, call.is_settled = standing, True


def _is_of(verdict: Verdict, log: CallLog) -> bool:
    return verdict.is_logged and (verdict.make is not None or verdict.contact == log.contact.id)


def _check_logged(call: CallModel, log: CallLog, step: Step) -> None:
    call.lost_contact |= call.is_logged and _may_have_lost_contact(call, step)
    if call.is_logged and log.update_pending:
        assert call.has_news or call.is_undecided, f"{call.id} has nothing new"
        assert log.contact.id == call.contact
        is_gone = not step.has(call.contact) or (call.is_undecided and may_be_refused(call, step))
        if (
            log.last_error
            and (is_gone or step.rejects or _is_given_up(call, step))
            and not log.HasField("next_attempt_time")
        ):
            call.is_given_up = _is_given_up(call, step) and not step.rejects
            call.is_parked, call.waits_since = True, None
        return
    call.is_given_up = False
    if call.is_undecided:
        _take(call, log, _to_log(call) | _by_number(call), step)
    elif call.lost_contact and log.contact.id != call.contact:
        _take(call, log, _by_number(call), step)
    else:
        _check_same(call, log, step)
    call.has_news = log.update_pending
    if not log.update_pending:
        call.lost_contact, call.by_number = False, set()
        call.waits_since, call.is_parked = None, False


def _may_have_lost_contact(call: CallModel, step: Step) -> bool:
    """Whether the CRM may have refused to update a logged call whose contact is gone."""
    if not call.is_undecided:
        return step.rejects and not step.has(call.contact)
    return any(verdict.contact and not step.has(verdict.contact) for verdict in call.possible)


def _by_number(call: CallModel) -> set[Verdict]:
    """The decisions on a logged call that lost its contact. One for the contact where a person put it stays theirs."""
    if not call.lost_contact:
        return set()
    chosen = call.contact if call.verdict is not None and call.verdict.reason == "CONTACT_CHOSEN" else ""
    found = {verdict for verdict in call.by_number if verdict.contact}
    return {replace(each, reason="CONTACT_CHOSEN") if each.contact == chosen else each for each in found}


def _to_log(call: CallModel) -> set[Verdict]:
    """The decisions that may show now. One that came after an unanswered write shows the contact of that write."""
    if call.is_logged:
        return call.possible
    decided = call.possible | call.earlier
    if not call.stays_at:
        return decided
    return decided | {replace(each, contact=call.stays_at, make=None) for each in decided if each.is_logged}


def _is_given_up(call: CallModel, step: Step) -> bool:
    return call.waits_since is not None and step.now - call.waits_since > DELIVERY_AGE - CREEP


def _take(call: CallModel, log: CallLog, allowed: set[Verdict], step: Step) -> None:
    """A decision shows: it must be one of those allowed, and stands from here on."""
    fitting = {verdict for verdict in allowed if fits(verdict, log, step)}
    assert fitting, f"{call.id} {call.facts.address} is {_seen(log)}, and may be {allowed}; {call}"
    verdict = min(fitting, key=lambda each: each not in call.possible)
    if verdict.make is not None:
        verdict = Verdict("LOGGED", verdict.reason, log.contact.id)
    is_of_now = verdict in call.possible or verdict.reason == "PLACEHOLDER_CREATED"
    call.verdict = verdict
    if is_of_now or not log.update_pending:
        call.is_undecided, call.possible, call.earlier = False, set(), set()
    call.contact = log.contact.id if verdict.is_logged else ""
    call.is_confirmed = False
    if not verdict.is_logged:
        call.waits_since, call.has_news = None, False


def fits(verdict: Verdict, log: CallLog, step: Step) -> bool:
    """Whether the log shows the verdict."""
    if (verdict.state, verdict.reason) != (state_of(log), reason_of(log)):
        return False
    if verdict.make is not None:
        made = step.made.get(log.contact.id)
        return made is not None and made.is_placeholder and made.number_key == verdict.make[0]
    shown = {match.contact.id for match in log.candidates}
    return verdict.contact == log.contact.id and verdict.candidates == shown


def _check_same(call: CallModel, log: CallLog, step: Step) -> None:
    assert call.verdict is not None
    assert fits(call.verdict, log, step), f"{call.id} was {call.verdict} and is {_seen(log)}"


def _seen(log: CallLog) -> str:
    candidates = [match.contact.id for match in log.candidates]
    return f"{state_of(log)} {reason_of(log)} {log.contact.id} of {candidates}: {log.explanation} {log.last_error}"


def _check_revision(call: CallModel, log: CallLog) -> None:
    """It grows where a client can see a change, and nowhere else."""
    if call.latest is None:
        return
    assert log.revision >= call.latest.revision
    if _visible(log) != _visible(call.latest):
        is_asked_again = {state_of(log), state_of(call.latest)} == {"PENDING", "UNLOGGED"}
        assert log.revision > call.latest.revision or is_asked_again, f"{call.id} changed, its revision did not"


def _visible(log: CallLog) -> Any:
    copy = CallLog()
    copy.CopyFrom(log)
    for name in ("revision", "update_time", "next_attempt_time"):
        copy.ClearField(name)
    return copy.SerializeToString(deterministic=True)


def check_unchanged(before: dict[str, CallLog], after: dict[str, CallLog]) -> None:
    """Not even the revisions differ."""
    for call_id, log in before.items():
        is_same = log.revision == after[call_id].revision and _visible(log) == _visible(after[call_id])
        assert is_same, f"{log}\nbecame\n{after[call_id]}"


def check_in_crm(call: CallModel, found: Sequence[InCrm], step: Step) -> None:
    """The call is in the CRM as it should be; once at the most, whatever happens."""
    assert len(found) <= 1, f"{call.id} is in the CRM {len(found)} times"
    if not step.is_calm or call.latest is None:
        return
    if not call.is_logged:
        assert not found or call.may_be_in_crm, f"{call.id} is in the CRM, and is {state_of(call.latest)}"
        return
    assert [log.id for log in found] == [call.in_crm]
    [log] = found
    places = {call.contact if step.has(call.contact) and not call.is_orphaned else None}
    if call.is_given_up:  # an update that got no answer may have moved it
        places |= {verdict.contact for verdict in call.possible if step.has(verdict.contact)}
    assert log.contact in places
    if not call.latest.update_pending:
        assert log.owner == call.facts.user
        assert log.content == _content(call), f"{call.id}: {log.content}"


def _content(call: CallModel) -> dict[str, Any]:
    values = call.facts.values
    names = ("direction", "result", "subject", "note", "attestation")
    answered = values.get("answer_time")
    return {
        **{name: values.get(name) for name in names},
        "answer_time": None if answered is None else _micros(answered),
        "attributes": {
            path.removeprefix("attributes."): value for path, value in values.items() if "attributes." in path
        },
    }


def _micros(minute: int) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=T0.tzinfo)
    return (T0 + timedelta(minutes=minute) - epoch) // timedelta(microseconds=1)
