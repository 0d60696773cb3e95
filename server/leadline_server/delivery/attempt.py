"""One attempt to deliver a call: decide, create the placeholder if that was decided, write the call log to the CRM."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.contacts.held_numbers import HeldNumber, HoldNumber
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.delivery.moved_contacts import (
    chosen_contact,
    is_move,
    moved,
    outcome_after,
    repeated,
    where_people_have_it,
)
from leadline_server.delivery.placeholder_budget import CountsPlaceholders, reservation
from leadline_server.domain.call_log import FINAL_WAIT, CallLog, Decision
from leadline_server.domain.call_log_states import CallLogState, LogTrigger
from leadline_server.domain.contact import new_contact_draft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.decision import decide, decide_by_matches
from leadline_server.domain.preferences import EffectivePreferences
from leadline_server.domain.request_not_sent import WriteUnsettled
from leadline_server.domain.situation import (
    CreatePlaceholder,
    LeaveUnlogged,
    LookUp,
    Outcome,
    Situation,
    Wait,
    new_situation,
)
from leadline_server.domain.unknown_caller import limit_reached, placeholder_decision
from leadline_server.ports.crm import CrmLog, LogEntry, new_log_entry
from leadline_server.ports.crm_guarantees import CrmMethod, LookupRecall
from leadline_server.ports.ledger import PreferencesInForce

Result: TypeAlias = CrmLog | LeaveUnlogged | Wait
"""The result of an attempt: the CRM's log, or a decision to write nothing, or to wait."""

_LOGGED: Final = CallLogState.LOGGED  # as global names they are read 15 times faster
_CREATE_LOG: Final = CrmMethod.CREATE_CALL_LOG
_COMPLETE: Final = LookupRecall.COMPLETE


class DeliveryAttempt:
    """One attempt: its account, the log that it began with, and its decision.

    Attributes:
        account: the call's account.
        log: the log when the attempt began.
        decision: the decision that stands: from an earlier attempt, or as soon as this one has taken it.
        may_exist: whether an earlier write of this call may have reached the CRM.
        looked_up: when the lookup began that the decision rests on; None: there was none yet.
    """

    __slots__ = ("_preferences", "account", "decision", "log", "looked_up", "may_exist")

    def __init__(self, account: Account, log: CallLog, *, may_exist: bool) -> None:
        self.account = account
        self.log = log
        self.may_exist = may_exist
        self.looked_up: datetime | None = None
        self.decision: Decision | None = log.decision
        self._preferences: PreferencesInForce | None = None
        if log.state is _LOGGED and log.is_decided and log.contact is not None and log.reason is not None:
            self.decision = Decision(
                contact=log.contact, reason=log.reason, explanation=log.explanation, candidates=log.candidates
            )

    def last_preferences(self) -> EffectivePreferences | None:
        """The preferences as last read, enough to tell whether to look up; None: not known."""
        self._preferences = self._preferences or self.account.last_preferences(self.log.user_id)
        return None if self._preferences is None else self._preferences.effective

    async def preferences(self, settings_version: int = 0) -> EffectivePreferences:
        """The preferences in force now for the log's user. The ledger is asked again only after a change of any.

        `settings_version` is the version now; 0: it is asked for.
        """
        known = self._preferences
        if known is None or known.version != (settings_version or await self.account.settings_version()):
            known = self._preferences = await self.account.preferences(self.log.user_id)
        return known.effective

    async def has_same_preferences(self) -> bool:
        """Whether the preferences in force now are those that were read last."""
        known = self._preferences
        return known is not None and await self.preferences() is known.effective

    async def preferences_of_decision(self) -> EffectivePreferences:
        """The preferences that this attempt decided by; those in force now if it took no decision."""
        return self._preferences.effective if self._preferences is not None else await self.preferences()


class DecisionLoader:
    """Loads what a decision depends on, and decides."""

    def __init__(self, lookup: ContactLookup, clock: Clock) -> None:
        self._lookup = lookup
        self._clock = clock

    async def situation(self, attempt: DeliveryAttempt, *, with_choice: bool = True) -> Situation:
        """The log as `decide` needs it; without the contact that a person chose if that does not count.

        Raises:
            CrmError: cannot tell whether the chosen contact exists.
            CrmRejected: the chosen contact does not exist any more.
        """
        log, account, can = attempt.log, attempt.account, attempt.account.capabilities
        return new_situation(
            call=log.call,
            user_id=log.user_id,
            number=log.number,
            trigger=log.trigger,
            is_own=(log.number.e164 or log.number.extension) in account.own_numbers,
            chosen=await chosen_contact(account.crm, log.chosen_contact_id)
            if with_choice and log.chosen_contact_id
            else None,
            wait_is_over=bool(log.call.is_final) or self._clock.now() - log.last_news_time >= FINAL_WAIT,
            can_log=_CREATE_LOG in can.methods,
            finds_every_form=can.lookup_recall is _COMPLETE,
            create_without_log=account.settings.create_without_log,
            caller_id_prefixes=account.settings.caller_id_prefixes,
            region=account.settings.default_region,
        )

    async def decide(self, attempt: DeliveryAttempt, *, by_number: bool = False) -> Outcome:
        """Decide on the call. The preferences that count are those in force once the lookup has answered.

        With `by_number` the contact of a logged call is gone: its number is looked up, also if a person chose it.

        Raises:
            CrmError: cannot tell.
        """
        situation = await self.situation(attempt, with_choice=not by_number)
        if by_number:
            situation = replace(situation, trigger=LogTrigger.MANUAL)
        before = attempt.last_preferences()
        if before is None or not isinstance(outcome := decide(situation, before), LookUp):
            before = await attempt.preferences()
            outcome = decide(situation, before)
        if not isinstance(outcome, LookUp):
            return outcome
        found = await self._lookup.find(attempt.account, outcome.numbers)
        attempt.looked_up = found.as_of
        preferences = await attempt.preferences(found.settings_version)
        if preferences is not before and not isinstance(outcome := decide(situation, preferences), LookUp):
            return outcome
        return decide_by_matches(situation, preferences, found.matches, is_cut_off=found.is_cut_off)


class AttemptRunner:
    """Runs attempts. It stores nothing in the ledger."""

    def __init__(
        self, decision_loader: DecisionLoader, hold: HoldNumber, counts: CountsPlaceholders, clock: Clock
    ) -> None:
        self._decision_loader = decision_loader
        self._hold = hold
        self._counts = counts
        self._clock = clock

    async def run(self, attempt: DeliveryAttempt) -> Result:
        """Decide, unless a decision stands, and carry the decision out in the CRM.

        It sets `attempt.decision` as soon as the decision is taken, so that the decision outlasts a failed write.

        Raises:
            CrmError: the call could not be decided or written, or leadline cannot tell whether it was written.
        """
        if attempt.decision is None:
            outcome = await self._decide(attempt)
            if not isinstance(outcome, Decision):
                return outcome
            attempt.decision = outcome
        return await self._log(attempt, attempt.decision)

    async def _decide(self, attempt: DeliveryAttempt) -> Decision | LeaveUnlogged | Wait:
        outcome = await self._decision_loader.decide(attempt)
        if attempt.log.state is _LOGGED:
            return moved(attempt.log, outcome, can_move=attempt.account.capabilities.moves_log)
        return await self._placeholder(attempt, outcome) if isinstance(outcome, CreatePlaceholder) else outcome

    async def _placeholder(
        self, attempt: DeliveryAttempt, wanted: CreatePlaceholder
    ) -> Decision | LeaveUnlogged | Wait:
        """Create the placeholder, unless the number has a contact by now or the preferences have changed."""
        reserved = reservation(attempt.account, attempt.log, wanted)
        async with self._hold(attempt.account, wanted.number, reservation=reserved) as held:
            outcome: Outcome = wanted if await _stands(attempt, held) else await self._decided_again(attempt, held)
            if not isinstance(outcome, CreatePlaceholder):
                return outcome
            reached = await held.limit_reached()
            if reached is not None:
                self._counts.refuse(attempt.account.id, reached)
                return limit_reached(outcome, reached)
            contact = await held.create(
                new_contact_draft(
                    name=outcome.name,
                    phone_number=outcome.number,
                    type=outcome.contact_type,
                    is_placeholder=True,
                )
            )
            self._counts.create()
        return placeholder_decision(outcome, contact)

    async def _decided_again(self, attempt: DeliveryAttempt, held: HeldNumber) -> Outcome:
        """The outcome by what a lookup finds while the number is held, and by the preferences in force then."""
        found = await held.look_again()
        situation = await self._decision_loader.situation(attempt)
        preferences = await attempt.preferences()
        if not isinstance(outcome := decide(situation, preferences), LookUp):
            return outcome
        return decide_by_matches(situation, preferences, found.matches, is_cut_off=found.is_cut_off)

    async def _log(self, attempt: DeliveryAttempt, decision: Decision) -> Result:
        """Write the log. `attempt.decision` has the contact that it is at in the end: see `moved_contacts`."""
        try:
            written = await self._write(attempt, decision)
        except CrmRejected as refusal:
            crm, log = attempt.account.crm, attempt.log
            again = partial(self._decision_loader.decide, attempt, by_number=log.state is _LOGGED)
            outcome = await outcome_after(refusal, crm, log, decision, again)
            if not isinstance(outcome, Decision):
                return outcome
            attempt.decision = outcome
            write = partial(self._write, attempt, outcome)
            written, attempt.decision = await repeated(write, crm, log, decision, outcome)
            return written
        if written.contact_id and written.contact_id != decision.contact.id:
            there = await where_people_have_it(attempt.account.crm, decision, written.contact_id)
            attempt.decision = there or decision
        return written

    async def _write(self, attempt: DeliveryAttempt, decision: Decision, *, moves: bool = False) -> CrmLog:
        crm, log = attempt.account.crm, attempt.log
        key = f"{log.account_id}/{log.call_id}"  # the CRM knows the log by it, so it is found after a lost answer
        self._check_settled(log)
        if not attempt.may_exist and not log.crm_log_id:
            return await crm.create_call_log(await _entry(attempt, decision), key)
        can = attempt.account.capabilities
        if log.crm_log_id:
            entry = await _entry(attempt, decision, moves=moves or (can.moves_log and is_move(log, decision)))
            return await crm.update_call_log(log.crm_log_id, entry)
        # Which contact an earlier write named is not known, so an update after it places the log.
        entry = await _entry(attempt, decision, moves=can.moves_log)
        if can.finds_log_by_key and (existing := await crm.find_call_log(key)) is not None:
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


async def _stands(attempt: DeliveryAttempt, held: HeldNumber) -> bool:
    """Whether the decision to create a placeholder still stands, so that no second lookup is needed."""
    if held.is_unchanged or attempt.looked_up is None:
        return held.is_unchanged
    return await held.was_free_since(attempt.looked_up) and await attempt.has_same_preferences()


async def _entry(attempt: DeliveryAttempt, decision: Decision, *, moves: bool = False) -> LogEntry:
    log = attempt.log
    crm_user_id = (await attempt.preferences_of_decision()).crm_user_id
    if not crm_user_id:
        crm_user_id = attempt.account.directory.crm_user_ids.get(log.user_id, "")
    return new_log_entry(
        call=log.call,
        contact_id=decision.contact.id,
        user_id=log.user_id,
        crm_user_id=crm_user_id,
        number=log.number.e164 or log.number.text,
        fallback_time=log.create_time,
        moves=moves,
        contact_name=decision.contact.name,
        contact_type=decision.contact.type,
    )
