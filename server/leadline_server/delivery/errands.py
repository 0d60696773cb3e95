"""What a delivery does in the CRM: decides, creates the placeholder where that was decided, writes the log."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from leadline_server.clock import Clock
from leadline_server.contacts.claims import NumberClaims
from leadline_server.contacts.directory import Account
from leadline_server.delivery.decider import Decider, conclusive
from leadline_server.delivery.pauses import SettlingPause
from leadline_server.domain.call_log import CallLog, CallLogReason, CallLogState, Standing
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.decision import CreatePlaceholder, LeaveUnlogged, LogAgainst, Outcome, Wait, decide
from leadline_server.domain.errors import CrmRejected
from leadline_server.ports.crm import CrmLog, LogEntry


@dataclass(frozen=True, slots=True)
class Written:
    """The CRM has the call."""

    standing: Standing
    crm_log: CrmLog


Result: TypeAlias = Written | LeaveUnlogged | Wait


class Attempt:
    """One attempt's snapshot, and the decision that stands: from before, or as soon as it is taken."""

    def __init__(self, log: CallLog) -> None:
        self.log = log
        self.standing: Standing | None = log.standing
        if log.state is CallLogState.LOGGED and log.is_decided and log.contact is not None and log.reason is not None:
            self.standing = Standing(
                contact=log.contact, reason=log.reason, explanation=log.explanation, candidates=log.candidates
            )


class Errands:
    """Runs attempts; records nothing."""

    def __init__(self, decider: Decider, claims: NumberClaims, clock: Clock) -> None:
        self._decider = decider
        self._claims = claims
        self._clock = clock

    async def run(self, account: Account, attempt: Attempt, *, may_exist: bool) -> Result:
        """Decide, unless a decision stands, and do in the CRM what was decided.

        Args:
            account: the call's.
            attempt: its `standing` is set as soon as the decision is taken, so that it survives a write that fails.
            may_exist: whether an earlier write of this call may have reached the CRM.

        Raises:
            CrmError: it could not be decided, or written; or nobody can tell whether it was.
        """
        log = attempt.log
        if attempt.standing is None:
            outcome = await self._decide(account, log)
            if not isinstance(outcome, Standing):
                return outcome
            attempt.standing = outcome
        return Written(attempt.standing, await self._write(account, log, attempt.standing, may_exist=may_exist))

    async def _decide(self, account: Account, log: CallLog) -> Standing | LeaveUnlogged | Wait:
        outcome = await self._decider.decide(account, log)
        if log.state is CallLogState.LOGGED:
            return moved(account, log, outcome)
        if isinstance(outcome, CreatePlaceholder):
            return await self._placeholder(account, log, outcome)
        return _standing(outcome) if isinstance(outcome, LogAgainst) else outcome

    async def _placeholder(
        self, account: Account, log: CallLog, wanted: CreatePlaceholder
    ) -> Standing | LeaveUnlogged | Wait:
        """Create the placeholder, if under the number's claim it is still nobody's and still wanted."""
        async with self._claims.hold(account, wanted.number) as claim:
            matches = await claim.look_again()
            situation = await self._decider.situation(account, log)
            outcome = conclusive(decide(situation, await self._decider.preferences(log), matches))
            if isinstance(outcome, LogAgainst):
                return _standing(outcome)
            if not isinstance(outcome, CreatePlaceholder):
                return outcome
            contact = await claim.create(
                ContactDraft(
                    name=outcome.name,
                    phone_number=outcome.number,
                    type=outcome.contact_type,
                    is_placeholder=True,
                )
            )
        return Standing(contact=contact, reason=CallLogReason.PLACEHOLDER_CREATED, explanation=outcome.explanation)

    async def _write(self, account: Account, log: CallLog, standing: Standing, *, may_exist: bool) -> CrmLog:
        crm, key = account.crm, crm_key(log)
        entry = await self._entry(account, log, standing)
        self._check_settled(log)
        if log.crm_log_id:
            return await crm.update_call_log(log.crm_log_id, entry)
        if may_exist and crm.capabilities.finds_log_by_key:
            existing = await crm.find_call_log(key)
            if existing is not None:
                return await crm.update_call_log(existing.id, entry)
        created = await crm.create_call_log(entry, key)
        if may_exist and crm.capabilities.enforces_unique_key and not crm.capabilities.finds_log_by_key:
            # A CRM that enforces keys may have answered with the log of an earlier attempt, which knew less.
            return await crm.update_call_log(created.id, entry)
        return created

    def _check_settled(self, log: CallLog) -> None:
        """Keep off while an earlier write of the call is unsettled: it would be done twice, or undo this one.

        Raises:
            SettlingPause: it is too early to write.
        """
        if log.unsettled_until is not None and (left := log.unsettled_until - self._clock.now()) > timedelta(0):
            raise SettlingPause(left.total_seconds())

    async def _entry(self, account: Account, log: CallLog, standing: Standing) -> LogEntry:
        number = log.call.number_of_counterpart(log.user_id, account.settings.numbering)
        return LogEntry(
            call=log.call,
            contact_id=standing.contact.id,
            user_id=log.user_id,
            crm_user_id=(await self._decider.preferences(log)).crm_user_id,
            number=number.e164 or number.text,
            fallback_time=log.create_time,
        )


def crm_key(log: CallLog) -> str:
    """What the CRM knows the log by, so that it is found again after an answer got lost."""
    return f"{log.account_id}/{log.call_id}"


def _standing(outcome: LogAgainst) -> Standing:
    return Standing(
        contact=outcome.contact,
        reason=outcome.reason,
        explanation=outcome.explanation,
        candidates=outcome.candidates,
    )


def moved(account: Account, log: CallLog, outcome: Outcome) -> Standing | LeaveUnlogged:
    """What a new decision means for a call that is logged: at most that its log moves to another contact.

    Raises:
        CrmRejected: a person chose another contact, and the CRM cannot move logs.
    """
    if not isinstance(outcome, LogAgainst):
        return LeaveUnlogged(reason=CallLogReason.NO_CONTACT, explanation="What is logged stays logged.")
    stays = log.contact is not None and log.contact.id == outcome.contact.id
    if stays or account.crm.capabilities.moves_log:
        return _standing(outcome)
    if outcome.reason is CallLogReason.CONTACT_CHOSEN:
        raise CrmRejected("The CRM cannot move a call log to another contact.")
    return LeaveUnlogged(reason=outcome.reason, explanation="The CRM cannot move the log to the contact found now.")
