"""One attempt to deliver a call, and its decision."""

from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.domain.call_log import FINAL_WAIT, CallLog, CallLogReason, CallLogState, Decision, LogTrigger
from leadline_server.domain.contact import Contact
from leadline_server.domain.decision import (
    CreatePlaceholder,
    LeaveUnlogged,
    LookUp,
    Outcome,
    Situation,
    Wait,
    cannot_log,
    decide,
)
from leadline_server.domain.errors import CrmRejected
from leadline_server.domain.preferences import EffectivePreferences
from leadline_server.ports.crm import Capabilities, CrmLog, CrmMethod
from leadline_server.ports.ledger import PreferencesInForce

Result: TypeAlias = CrmLog | LeaveUnlogged | Wait
"""The result of an attempt: the CRM's log, or a decision to write nothing, or to wait."""


class DeliveryAttempt:
    """One attempt: its account, the log that it began with, and its decision.

    Attributes:
        account: the call's account.
        log: the log when the attempt began.
        decision: the decision that stands: from an earlier attempt, or as soon as this one has taken it.
        may_exist: whether an earlier write of this call may have reached the CRM.
    """

    __slots__ = ("_preferences", "account", "decision", "log", "may_exist")

    def __init__(self, account: Account, log: CallLog, *, may_exist: bool) -> None:
        self.account = account
        self.log = log
        self.may_exist = may_exist
        self.decision: Decision | None = log.decision
        self._preferences: PreferencesInForce | None = None
        if log.state is CallLogState.LOGGED and log.is_decided and log.contact is not None and log.reason is not None:
            self.decision = Decision(
                contact=log.contact, reason=log.reason, explanation=log.explanation, candidates=log.candidates
            )

    async def preferences(self) -> EffectivePreferences:
        """The preferences in force now for the log's user. The ledger is asked again only after a change of any."""
        known = self._preferences
        if known is None or known.version != self.account.settings_version():
            known = self._preferences = await self.account.preferences(self.log.user_id)
        return known.effective


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
        log, account = attempt.log, attempt.account
        return Situation(
            call=log.call,
            user_id=log.user_id,
            number=log.number,
            trigger=log.trigger,
            is_own=(log.number.e164 or log.number.extension) in account.own_numbers,
            chosen=await _chosen(account, log.chosen_contact_id) if with_choice and log.chosen_contact_id else None,
            wait_is_over=self._clock.now() - log.last_news_time >= FINAL_WAIT,
            can_log=CrmMethod.CREATE_CALL_LOG in account.crm.capabilities.methods,
            create_without_log=account.settings.create_without_log,
            caller_id_prefixes=account.settings.caller_id_prefixes,
            region=account.settings.default_region,
        )

    async def decide(self, attempt: DeliveryAttempt) -> Outcome:
        """Decide on the call. The preferences that count are those in force once the lookup has answered.

        Raises:
            CrmError: cannot tell.
        """
        return await self._decided(attempt, await self.situation(attempt))

    async def decide_by_number(self, attempt: DeliveryAttempt) -> Outcome:
        """As `decide`, for a logged call whose contact is gone: also if a person chose that contact.

        Raises:
            CrmError: cannot tell.
        """
        situation = await self.situation(attempt, with_choice=False)
        return await self._decided(attempt, replace(situation, trigger=LogTrigger.MANUAL))

    async def _decided(self, attempt: DeliveryAttempt, situation: Situation) -> Outcome:
        outcome = decide(situation, await attempt.preferences())
        if not isinstance(outcome, LookUp):
            return outcome
        matches = await self._lookup.find(attempt.account, outcome.numbers)
        return conclusive(decide(situation, await attempt.preferences(), matches))


async def _chosen(account: Account, contact_id: str) -> Contact:
    contact = await account.crm.get_contact(contact_id)
    if contact is None:
        raise CrmRejected("The chosen contact is no longer in the CRM.", metadata={"contact_id": contact_id})
    return contact


def conclusive(outcome: Outcome | LookUp) -> Outcome:
    """The outcome of a decision that was given the matches. It never asks for them again."""
    if isinstance(outcome, LookUp):
        raise TypeError("a decision that was given matches asked for them again")
    return outcome


def settle_time(capabilities: Capabilities) -> timedelta:
    """How long a write without an answer may still take effect, if repeating it would do it twice."""
    return timedelta(0) if capabilities.enforces_unique_key else capabilities.settle_time


def crm_key(log: CallLog) -> str:
    """The key that the CRM knows the call's log by, so that it is found after an answer was lost: "demo/call-1"."""
    return f"{log.account_id}/{log.call.id}"


def placeholder_decision(created: CreatePlaceholder, contact: Contact) -> Decision | LeaveUnlogged:
    """The decision to log the call against the placeholder that was created for it, if the CRM can log calls."""
    if not created.can_log:
        return cannot_log(created.explanation)
    return Decision(contact=contact, reason=CallLogReason.PLACEHOLDER_CREATED, explanation=created.explanation)


def moved(attempt: DeliveryAttempt, outcome: Outcome) -> Decision | LeaveUnlogged:
    """Apply a new decision to a logged call: it stays logged, and at most its log moves to another contact.

    Raises:
        CrmRejected: a person chose another contact, and the CRM cannot move logs.
    """
    if not isinstance(outcome, Decision):
        return LeaveUnlogged(reason=CallLogReason.NO_CONTACT, explanation="What is logged stays logged.")
    contact = attempt.log.contact
    stays = contact is not None and contact.id == outcome.contact.id
    if stays or attempt.account.crm.capabilities.moves_log:
        return outcome
    if outcome.reason is CallLogReason.CONTACT_CHOSEN:
        raise CrmRejected("The CRM cannot move a call log to another contact.")
    return LeaveUnlogged(reason=outcome.reason, explanation="The CRM cannot move the log to the contact found now.")
