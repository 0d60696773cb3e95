"""LogCall: a call was reported, by the phone system or by a person."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.commands.budget import Budget
from leadline_server.contacts.directory import Account, AccountDirectory
from leadline_server.delivery.courier import Courier
from leadline_server.delivery.decider import Decider
from leadline_server.delivery.errands import moved
from leadline_server.domain.call_log import CallLog, CallLogReason, CallLogState, Standing, is_due
from leadline_server.domain.contact import Contact
from leadline_server.domain.decision import CreatePlaceholder, LeaveUnlogged, LogAgainst, Outcome, Wait
from leadline_server.domain.errors import BudgetExhausted, ContactNotFound, CrmError, CrmUnavailable, LedgerUnavailable
from leadline_server.domain.leases import Lease
from leadline_server.domain.progress import CallReport, reported
from leadline_server.ports.ledger import CallKey, CallLogs

MOST_SECONDS: Final = 10.0
"""How long a caller without a deadline waits for the CRM, in seconds."""

_CHOICE_SECONDS: Final = 2.0
"""How long the check of a chosen contact may take before the call is accepted without it, in seconds."""

_log = structlog.get_logger(__name__)

_NO_TIME: Final = "There was no time left to answer. Retry with a later deadline."


class LogCall:
    """Accepts a report durably, then delivers the call within the caller's budget."""

    def __init__(
        self, directory: AccountDirectory, call_logs: CallLogs, decider: Decider, courier: Courier, clock: Clock
    ) -> None:
        self._directory = directory
        self._call_logs = call_logs
        self._decider = decider
        self._courier = courier
        self._clock = clock

    async def execute(self, report: CallReport, budget: Budget, *, validate_only: bool = False) -> CallLog:
        """Accept the report, and answer with where the call stands when the budget ends, or earlier.

        Raises:
            AccountNotFound: there is no such account.
            InvalidRequest: the first report of a call without its direction.
            ContactNotFound: the CRM has no contact with the chosen id.
            CallLogNotMovable: the call is logged against another contact, and the CRM cannot move it.
            CrmError: with `validate_only`, cannot tell.
            BudgetExhausted: the report could not be stored in time; it may be stored a moment later.
            LedgerUnavailable: the report could not be stored; nothing was accepted.
        """
        account = await self._directory.get(report.account_id)
        if validate_only:
            async with within(budget):
                await _check_choice(account, report, MOST_SECONDS)
                return await self._foreseen(account, report)
        if report.contact_id:
            await _refuse_mistaken_choice(account, report, budget.share(_CHOICE_SECONDS))
        log: CallLog | None = None
        try:
            async with asyncio.timeout(budget.share(MOST_SECONDS)):
                log, is_news, is_new = await self._accept(account, report)
                # What nobody carries has its time: a report that changes nothing does not move that.
                if is_due(log) and (is_news or log.carrier):
                    return await self._courier.deliver(log, is_new=is_new)
                return log
        except TimeoutError:
            if log is None:
                raise BudgetExhausted(_NO_TIME) from None
            return log
        except LedgerUnavailable:
            if log is None:
                raise
            return log  # the report is on disk, and what came of its delivery is found out later

    async def _accept(self, account: Account, report: CallReport) -> tuple[CallLog, bool, bool]:
        """The log with the report in it, on disk; whether the report changed it; whether it is the call's first."""
        now, before, lease = self._clock.now(), list[CallLog | None](), self._courier.lease(account)

        def change(log: CallLog | None) -> CallLog:
            before[:] = [log]
            return _reported(account, log, report, now, lease)

        log = await self._call_logs.change(CallKey(report.account_id, report.event.call_id), change)
        return log, log is not before[0], before[0] is None

    async def _foreseen(self, account: Account, report: CallReport) -> CallLog:
        """What would become of the call; nothing is written."""
        known = await self._call_logs.get(CallKey(report.account_id, report.event.call_id))
        log = _reported(account, known, report, self._clock.now(), self._courier.lease(account))
        if known is not None and (log is known or log.is_decided):
            return log
        outcome = await self._decider.decide(account, log)
        if log.state is CallLogState.LOGGED:
            return _foretold_logged(log, moved(account, log, outcome))
        foreseen = _foretold(log, outcome)
        return foreseen if known is not None else replace(foreseen, revision=0)


@asynccontextmanager
async def within(budget: Budget) -> AsyncIterator[None]:
    """Bound a body by the budget. Raises BudgetExhausted when it ends before the body does."""
    try:
        async with asyncio.timeout(budget.share(MOST_SECONDS)):
            yield
    except TimeoutError:
        raise BudgetExhausted(_NO_TIME) from None


async def _refuse_mistaken_choice(account: Account, report: CallReport, seconds: float) -> None:
    """As `_check_choice`; but where nobody can tell, for whatever reason, the report is not held up by that."""
    try:
        await _check_choice(account, report, seconds)
    except ContactNotFound:
        raise
    except CrmError:
        return
    except Exception as error:  # noqa: BLE001 - an adapter may fail in any way, and the report is not stored yet
        _log.error("choice not checked", account_id=account.id, error=type(error).__name__)


async def _check_choice(account: Account, report: CallReport, seconds: float) -> None:
    """Refuse a chosen contact that certainly does not exist.

    A read, before the report is stored: a mistaken choice must change nothing. If the CRM cannot tell in time the
    report is accepted all the same, and the choice is checked on delivery.

    Raises:
        ContactNotFound: there is no such contact.
        CrmError: cannot tell.
    """
    if not report.contact_id:
        return
    try:
        async with asyncio.timeout(seconds):
            contact = await account.crm.get_contact(report.contact_id)
    except TimeoutError:
        raise CrmUnavailable("The CRM did not answer in time.") from None
    if contact is None:
        raise ContactNotFound(report.contact_id)


def _reported(account: Account, log: CallLog | None, report: CallReport, now: datetime, lease: Lease) -> CallLog:
    capabilities, rules = account.crm.capabilities, account.settings.numbering
    return reported(log, report, now, rules=rules, can_move=capabilities.moves_log, lease=lease)


def _foretold(log: CallLog, outcome: Outcome) -> CallLog:
    """The log as the outcome would leave it."""
    if isinstance(outcome, Wait):
        return replace(
            log,
            state=CallLogState.PENDING,
            reason=CallLogReason.NOT_FINAL,
            explanation=outcome.explanation,
            decided_revision=log.input_revision,
        )
    decided = replace(log, explanation=outcome.explanation, decided_revision=log.input_revision, next_attempt_time=None)
    if isinstance(outcome, CreatePlaceholder):
        contact = Contact(
            id="",
            name=outcome.name,
            phone_numbers=(outcome.number.e164,),
            type=outcome.contact_type,
            is_placeholder=True,
        )
        return replace(decided, state=CallLogState.LOGGED, reason=CallLogReason.PLACEHOLDER_CREATED, contact=contact)
    decided = replace(decided, reason=outcome.reason, candidates=outcome.candidates)
    if isinstance(outcome, LogAgainst):
        return replace(decided, state=CallLogState.LOGGED, contact=outcome.contact)
    return replace(decided, state=CallLogState.UNLOGGED)


def _foretold_logged(log: CallLog, outcome: Standing | LeaveUnlogged) -> CallLog:
    """The log of a call that is in the CRM: it stays there, with its contact unless it moves to another."""
    decided = replace(log, decided_revision=log.input_revision, next_attempt_time=None)
    if isinstance(outcome, LeaveUnlogged):
        return decided
    return replace(
        decided,
        contact=outcome.contact,
        reason=outcome.reason,
        explanation=outcome.explanation,
        candidates=outcome.candidates,
    )
