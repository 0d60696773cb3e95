"""Writes a call's log to the CRM, against the contact that was decided, or against the one that it became.

While a call lasts, people convert, merge and delete contacts. An update that moves nothing does not name the contact,
so it arrives wherever the log is by then. Where the CRM refuses a write because of the contact, leadline asks for it:

- It is there: the refusal has another cause, and stands.
- It became another contact (`follows_moved_contacts`): the write is repeated for that one.
- It is gone, or the CRM does not tell: the call is decided anew, and repeated for the contact that is found. No contact
  is created, so a contact that a person deleted does not come back.

Example: lead L gets the log of a call. A person converts L to contact C. The update of the call's end reaches the log,
which Salesforce has moved to C. The call log in leadline shows C from then on.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from leadline_server.clock import Clock
from leadline_server.delivery.attempt import DecisionLoader, DeliveryAttempt, Result, crm_key
from leadline_server.domain.call_log import CallLog, CallLogReason, CallLogState, Decision
from leadline_server.domain.contact import Contact
from leadline_server.domain.decision import CreatePlaceholder
from leadline_server.domain.decision import named as named_contact
from leadline_server.domain.errors import CrmError, CrmRejected
from leadline_server.domain.request_not_sent import WriteUnsettled
from leadline_server.ports.crm import CrmLog, CrmMethod, LogEntry

_BECAME: Final = " In the CRM this contact is now "


class CallLogWriter:
    """Writes call logs to CRMs. It stores nothing in the ledger."""

    def __init__(self, decision_loader: DecisionLoader, clock: Clock) -> None:
        self._decision_loader = decision_loader
        self._clock = clock

    async def write(self, attempt: DeliveryAttempt, decision: Decision) -> Result:
        """Write the log. `attempt.decision` has the contact that the log is at in the end.

        Raises:
            CrmError: the log could not be written, or leadline cannot tell whether it was.
        """
        try:
            written = await self._write(attempt, decision)
        except CrmRejected as refusal:
            outcome = await self._outcome_after(refusal, attempt, decision)
            if not isinstance(outcome, Decision):
                return outcome
            attempt.decision = decision = outcome
            written = await self._write(attempt, decision)
        if written.contact_id and written.contact_id != decision.contact.id:
            attempt.decision = await _where_people_have_it(attempt, decision, written.contact_id)
        return written

    async def _outcome_after(
        self, refusal: CrmRejected, attempt: DeliveryAttempt, decision: Decision
    ) -> Decision | Result:
        """The decision to repeat a refused write by, or another outcome. Raises the refusal if it stands."""
        crm = attempt.account.crm
        if CrmMethod.GET_CONTACT not in crm.capabilities.methods:
            raise refusal
        try:
            contact = await crm.get_contact(decision.contact.id)
            if contact is not None:
                if contact.id == decision.contact.id:
                    raise refusal
                return followed(decision, contact)
            return await self._decided_anew(refusal, attempt, decision)
        except CrmRejected:
            raise refusal from None

    async def _decided_anew(
        self, refusal: CrmRejected, attempt: DeliveryAttempt, decision: Decision
    ) -> Decision | Result:
        is_logged = attempt.log.state is CallLogState.LOGGED
        loader = self._decision_loader
        outcome = await (loader.decide_by_number(attempt) if is_logged else loader.decide(attempt))
        if isinstance(outcome, CreatePlaceholder):
            raise refusal
        if isinstance(outcome, Decision):
            if outcome.contact.id == decision.contact.id:  # the search does not know yet that it is gone
                raise refusal
            return outcome
        if is_logged:
            raise refusal
        return outcome

    async def _write(self, attempt: DeliveryAttempt, decision: Decision) -> CrmLog:
        crm, log, key = attempt.account.crm, attempt.log, crm_key(attempt.log)
        self._check_settled(log)
        can = crm.capabilities
        if log.crm_log_id:
            return await crm.update_call_log(
                log.crm_log_id, await _entry(attempt, decision, moves=can.moves_log and _moves(log, decision))
            )
        # Which contact an earlier write named is not known, so an update after it places the log.
        entry = await _entry(attempt, decision, moves=can.moves_log)
        if not attempt.may_exist:
            return await crm.create_call_log(entry, key)
        if can.finds_log_by_key:
            existing = await crm.find_call_log(key)
            if existing is not None:
                return await crm.update_call_log(existing.id, entry)
        created = await crm.create_call_log(entry, key)
        if can.enforces_unique_key and not can.finds_log_by_key:
            # The CRM may have answered with the log of an earlier attempt, which had less of the call.
            return await crm.update_call_log(created.id, entry)
        return created

    def _check_settled(self, log: CallLog) -> None:
        """Do not write before an earlier write has settled: one of the two would repeat or undo the other.

        Raises:
            WriteUnsettled: an earlier write may still take effect.
        """
        if log.unsettled_until is not None and (left := log.unsettled_until - self._clock.now()) > timedelta(0):
            raise WriteUnsettled(left.total_seconds())


def followed(decision: Decision, contact: Contact) -> Decision:
    """The decision for the contact that its contact became. It keeps its reason."""
    because = decision.explanation.partition(_BECAME)[0]
    return Decision(
        contact=contact,
        reason=decision.reason,
        explanation=f"{because}{_BECAME}{named_contact(contact)}.",
        candidates=decision.candidates,
    )


def _moves(log: CallLog, decision: Decision) -> bool:
    """Whether an update takes the log to another contact: only a new decision does, or the end of one that failed."""
    if log.is_decided:
        return False
    is_other = log.contact is None or log.contact.id != decision.contact.id
    return is_other or decision.reason is CallLogReason.CONTACT_CHOSEN or log.attempts > 0


async def _where_people_have_it(attempt: DeliveryAttempt, decision: Decision, contact_id: str) -> Decision:
    """The decision for the contact that people moved the log to. The write has succeeded, so no error matters."""
    with suppress(CrmError):
        contact = await attempt.account.crm.get_contact(contact_id)
        if contact is not None and contact.id != decision.contact.id:
            return followed(decision, contact)
    return decision


async def _entry(attempt: DeliveryAttempt, decision: Decision, *, moves: bool) -> LogEntry:
    log = attempt.log
    crm_user_id = (await attempt.preferences()).crm_user_id
    if not crm_user_id:
        crm_user_id = attempt.account.directory.crm_user_ids.get(log.user_id, "")
    return LogEntry(
        call=log.call,
        contact_id=decision.contact.id,
        user_id=log.user_id,
        crm_user_id=crm_user_id,
        number=log.number.e164 or log.number.text,
        fallback_time=log.create_time,
        moves=moves,
    )
