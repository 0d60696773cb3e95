"""Contacts that people merge, convert or delete while a call lasts.

An update that moves nothing does not name the contact, so it arrives wherever the log is by then. Where the CRM refuses
a write, leadline asks for the contact:

- It is there: the refusal has another cause, and stands.
- It became another contact (`follows_moved_contacts`): the write is repeated for that one.
- It is gone, or the CRM does not tell: the call is decided anew, and the write is repeated for the contact that is
  found. No contact is created, so a contact that a person deleted does not come back.

A repeated update moves the log to that contact, unless the CRM says that the log is at another one, where people have
put it. If the CRM cannot move logs, the call keeps the contact that it had.

Example: lead L gets the log of a call. A person converts L to contact C. The update of the call's end reaches the log,
which Salesforce has moved to C. The call log in leadline shows C from then on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol

from leadline_server.domain.call_log import CallLog, Decision
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmRejected
from leadline_server.domain.decision import named
from leadline_server.domain.situation import CreatePlaceholder, LeaveUnlogged, Outcome, Wait
from leadline_server.ports.crm import CrmAdapter, CrmLog
from leadline_server.ports.crm_guarantees import CrmMethod

_BECAME: Final = " In the CRM this contact is now "
_IS_AT: Final = " In the CRM the call is with "


def is_move(log: CallLog, decision: Decision) -> bool:
    """Whether an update takes the log to another contact: only a new decision does, or the end of one that failed."""
    if log.is_decided:
        return False
    is_other = log.contact is None or log.contact.id != decision.contact.id
    return is_other or decision.reason is CallLogReason.CONTACT_CHOSEN or log.attempts > 0


def moved(log: CallLog, outcome: Outcome, *, can_move: bool) -> Decision | LeaveUnlogged:
    """Apply a new decision to a logged call: it stays logged, and at most its log moves to another contact.

    Raises:
        CrmRejected: a person chose another contact, and the CRM cannot move logs.
    """
    if not isinstance(outcome, Decision):
        return LeaveUnlogged(reason=CallLogReason.NO_CONTACT, explanation="What is logged stays logged.")
    contact = log.contact
    stays = contact is not None and contact.id == outcome.contact.id
    if stays or can_move:
        return outcome
    if outcome.reason is CallLogReason.CONTACT_CHOSEN:
        raise CrmRejected("The CRM cannot move a call log to another contact.")
    return LeaveUnlogged(reason=outcome.reason, explanation="The CRM cannot move the log to the contact found now.")


async def living_contact(crm: CrmAdapter, decision: Decision) -> Decision | None:
    """The decision for the contact that its contact became, or the decision itself; None if the contact is gone.

    Raises:
        CrmError: cannot tell.
    """
    if CrmMethod.GET_CONTACT not in crm.capabilities.methods:
        return decision
    contact = await crm.get_contact(decision.contact.id)
    if contact is None:
        return None
    return decision if contact.id == decision.contact.id else _followed(decision, contact)


async def outcome_after(
    refusal: CrmRejected,
    crm: CrmAdapter,
    log: CallLog,
    decision: Decision,
    decide_again: Callable[[], Awaitable[Outcome]],
) -> Decision | LeaveUnlogged | Wait:
    """The decision to repeat a refused write by, or another outcome.

    Args:
        refusal: the CRM's answer to the write.
        crm: the CRM.
        log: the call's log.
        decision: the decision that the write was by.
        decide_again: decides on the call anew.

    Raises:
        CrmRejected: the refusal stands.
        CrmError: cannot tell.
    """
    try:
        outcome: Outcome | None = await living_contact(crm, decision)
        if outcome is None:
            outcome = await decide_again()
    except CrmRejected:
        raise refusal from None
    is_other = isinstance(outcome, Decision) and outcome.contact.id != decision.contact.id
    may_rest = isinstance(outcome, LeaveUnlogged | Wait) and log.state is not CallLogState.LOGGED
    if isinstance(outcome, CreatePlaceholder) or not (is_other or may_rest):
        raise refusal
    return outcome


class Write(Protocol):
    """Writes a call log for a decision."""

    def __call__(self, *, moves: bool) -> Awaitable[CrmLog]:
        """Write it. With `moves` an update takes the log to the decision's contact, wherever it is."""
        ...


async def repeated(
    write: Write, crm: CrmAdapter, log: CallLog, refused: Decision, decision: Decision
) -> tuple[CrmLog, Decision]:
    """Repeat a refused write for the contact of another decision.

    A log moves there if the CRM does not name another contact for it: people may have moved it.

    Args:
        write: writes the log for `decision`.
        crm: the CRM that refused.
        log: the call's log.
        refused: the decision before.
        decision: the decision now.

    Returns:
        The CRM's log, and the decision for the contact that it is at.

    Raises:
        CrmError: the log could not be written, or leadline cannot tell whether it was.
    """
    stays = bool(log.crm_log_id) and not is_move(log, decision)
    may_move = stays and crm.capabilities.moves_log
    try:
        written = await write(moves=False)
    except CrmRejected:
        if not may_move:
            raise
    else:
        there = await where_people_have_it(crm, decision, written.contact_id)
        if there is not None or not may_move:
            return written, there or (refused if stays else decision)
    return await write(moves=True), decision


async def where_people_have_it(crm: CrmAdapter, decision: Decision, contact_id: str) -> Decision | None:
    """The decision for the contact that the CRM has the log at. None: the CRM named none, or that contact is gone.

    People moved the log, or a write without an answer put it there before the decision was taken anew. The write has
    succeeded, so an error of the question for the contact does not count: the contact is then a candidate of the
    decision, or has nothing but its id.
    """
    if not contact_id:
        return None
    if contact_id == decision.contact.id:
        return decision
    try:
        contact = await crm.get_contact(contact_id)
    except CrmError:
        known = (match.contact for match in decision.candidates if match.contact.id == contact_id)
        contact = next(known, Contact(id=contact_id))
    if contact is None:
        return None
    return decision if contact.id == decision.contact.id else _followed(decision, contact, _IS_AT)


def _followed(decision: Decision, contact: Contact, now: str = _BECAME) -> Decision:
    because = decision.explanation.partition(_BECAME)[0].partition(_IS_AT)[0]
    return replace(decision, contact=contact, explanation=f"{because}{now}{named(contact)}.")


async def chosen_contact(crm: CrmAdapter, contact_id: str) -> Contact:
    """The contact that a person chose. Raises CrmRejected if it does not exist any more."""
    contact = await crm.get_contact(contact_id)
    if contact is None:
        raise CrmRejected("The chosen contact is no longer in the CRM.", metadata={"contact_id": contact_id})
    return contact
