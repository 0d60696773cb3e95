"""LogCall: accepts a report of a call, by the phone system or by a person."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.commands.report_user import with_user
from leadline_server.concurrency.deadline import MOST_SECONDS, Budget, TimeLimit
from leadline_server.delivery.attempt import DecisionLoader, DeliveryAttempt, placeholder_decision
from leadline_server.delivery.in_ledger import InLedgerDelivery, new_wanted_change
from leadline_server.delivery.moved_contacts import moved
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain import outcomes
from leadline_server.domain.call_log import CallLog, is_due
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmUnavailable
from leadline_server.domain.errors import BudgetExhausted, ContactNotFound, FieldViolation, InvalidRequest
from leadline_server.domain.joining import CallJoining, joined_with
from leadline_server.domain.leases import Lease
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.progress import reported
from leadline_server.domain.situation import CreatePlaceholder
from leadline_server.ports.ledger import (
    CallKey,
    CallLogs,
    CallLogsInTransaction,
    LedgerTransaction,
    Placeholders,
    Transactions,
    new_call_key,
)

_CHOICE_SECONDS: Final = 2.0
"""How long the check of a chosen contact may take, in seconds. After that the call is accepted without it."""

_log = structlog.get_logger(__name__)

_NO_TIME: Final = "There was no time left to answer. Retry with a later deadline."


class LogCall:
    """Stores a report, then delivers the call within the caller's deadline."""

    def __init__(
        self,
        call_logs: CallLogs,
        placeholders: Placeholders,
        decision_loader: DecisionLoader,
        worker: DeliveryWorker,
        in_ledger: InLedgerDelivery,
        transactions: Transactions,
        clock: Clock,
    ) -> None:
        self._call_logs = call_logs
        self._in_ledger = in_ledger
        self._transactions = transactions
        self._placeholders = placeholders
        self._decision_loader = decision_loader
        self._worker = worker
        self._clock = clock

    async def execute(
        self,
        account: Account,
        report: CallReport,
        budget: Budget,
        *,
        validate_only: bool = False,
        settings_version: int = 0,
    ) -> CallLog:
        """Store the report, and return the call log when it is delivered or when the budget ends.

        With `settings_version`, the account may be outdated: see `AccountRegistry.confirmed`.

        Raises:
            InvalidRequest: the first report of a call without its direction, or a report whose user or replay is not
                known.
            ContactNotFound: the CRM has no contact with the chosen id.
            CallLogNotMovable: the call is logged against another contact, and the CRM cannot move it.
            PermissionDenied: the report may only change its own user's calls, and the call is another user's.
            CrmError: with `validate_only`, cannot tell.
            BudgetExhausted: the report could not be stored in the caller's time; it may be stored a moment later.
            SettingsChanged: the account was outdated; nothing was stored.
            LedgerUnavailable: the report could not be stored.
        """
        if report.replay_id:
            await self._check_replay(account, report.replay_id)
        if not report.user_id:
            report = await with_user(account, report, self._call_logs)
        if validate_only:
            try:
                async with asyncio.timeout(budget.share(MOST_SECONDS)):
                    return await self._previewed(account, report)
            except TimeoutError:
                raise BudgetExhausted(_NO_TIME) from None
        if account.in_ledger is not None:
            return await self._delivered_in_ledger(account, report, budget, settings_version)
        return await self._delivered(account, report, budget, settings_version)

    async def _delivered_in_ledger(
        self, account: Account, report: CallReport, budget: Budget, settings_version: int
    ) -> CallLog:
        """Store the report and deliver the call in one transaction, as far as that is possible."""
        lease = self._in_ledger.lease
        wanted = new_wanted_change(*self._change(account, report, lease), _checks_choice(report))
        try:
            async with TimeLimit(budget.share(MOST_SECONDS)):
                await self._transactions.prepare(account.id, report.user_id)
                delivered = await self._in_ledger.deliver(account, wanted, settings_version)
        except TimeoutError:
            raise BudgetExhausted(_NO_TIME) from None
        if delivered is None:
            return await self._delivered(account, report, budget, settings_version)
        if delivered.is_whole:
            return delivered.log
        return await self._followed(account, delivered.log, budget)

    async def _followed(self, account: Account, log: CallLog, budget: Budget) -> CallLog:
        """The log of a call that is on disk, once a delivery that has it is done, or when the budget ends."""
        lease = self._worker.lease(account.capabilities)
        try:
            async with asyncio.timeout(budget.share(MOST_SECONDS)):
                return await self._worker.deliver(account, log, lease, is_new=False)
        except (TimeoutError, LedgerUnavailable):
            return log

    async def _delivered(
        self, account: Account, report: CallReport, budget: Budget, settings_version: int = 0
    ) -> CallLog:
        """Store the report, then deliver the call."""
        if report.contact_id:
            await _refuse_mistaken_choice(account, report, budget.share(_CHOICE_SECONDS))
        log: CallLog | None = None
        try:
            async with TimeLimit(budget.share(MOST_SECONDS)):
                lease = self._worker.lease(account.capabilities)
                wanted = self._change(account, report, lease)
                accepted = await self._call_logs.change(*wanted, settings_version=settings_version)
                log = accepted.after
                # If no process is delivering the call, its next attempt is already scheduled. A report that changes
                # nothing must not bring it forward.
                if is_due(log) and (log is not accepted.before or log.lease_owner):
                    return await self._worker.deliver(account, log, lease, is_new=accepted.before is None)
                return log
        except TimeoutError:
            if log is None:
                raise _not_stored(budget) from None
            return log
        except LedgerUnavailable:
            if log is None:
                raise
            return log  # the report is on disk, and the delivery goes on later

    async def _check_replay(self, account: Account, replay_id: str) -> None:
        if not await self._placeholders.has_replay(account.id, replay_id, self._clock.now()):
            sentence = "is not a replay of this account, or it has ended. OpenReplay opens one"
            raise InvalidRequest([FieldViolation("replay_id", sentence)])

    def _change(
        self, account: Account, report: CallReport, lease: Lease
    ) -> tuple[CallKey, Callable[[CallLog | None], CallLog], CallJoining | None]:
        """The change by which the report is stored in the call's log."""
        now, rules, can_move = self._clock.now(), account.rules, account.capabilities.moves_log
        return (
            new_call_key(account.id, report.event.call_id),
            partial(reported, report=report, now=now, rules=rules, can_move=can_move, lease=lease),
            self._joining(account, report, now, lease) if account.settings.join_linked_calls else None,
        )

    @staticmethod
    def _joining(account: Account, report: CallReport, now: datetime, lease: Lease) -> CallJoining:
        return CallJoining(
            own_numbers=account.own_numbers,
            source=report.source,
            now=now,
            rules=account.rules,
            can_move=account.capabilities.moves_log,
            lease=lease,
            only_of=report.only_of,
        )

    async def _previewed(self, account: Account, report: CallReport) -> CallLog:
        """As `_preview`; of one snapshot where the CRM lives in the ledger."""
        if account.in_ledger is None:
            await _check_choice(account, report, MOST_SECONDS)
            return await self._preview(self._call_logs, account, report)
        check = _checks_choice(report)

        async def work(transaction: LedgerTransaction) -> CallLog:
            seen = account.within(transaction)
            if check is not None:
                await check(seen)
            return await self._preview(transaction.call_logs, seen, report)

        return await self._transactions.read(account.id, work)

    async def _preview(self, call_logs: CallLogsInTransaction, account: Account, report: CallReport) -> CallLog:
        """The call log as the report and its delivery would leave it. Nothing is written."""
        known = await call_logs.get(CallKey(account.id, report.event.call_id))
        now, capabilities = self._clock.now(), account.capabilities
        lease, can_move = self._worker.lease(capabilities), capabilities.moves_log
        log = reported(known, report, now, rules=account.rules, can_move=can_move, lease=lease)
        if account.settings.join_linked_calls:
            known, log = await _joined(call_logs, self._joining(account, report, now, lease), known, log)
        if known is not None and (log is known or log.is_decided):
            return log
        attempt = DeliveryAttempt(account, log, may_exist=known is not None)
        outcome = await self._decision_loader.decide(attempt)
        if log.state is CallLogState.LOGGED:
            outcome = moved(log, outcome, can_move=can_move)
        elif isinstance(outcome, CreatePlaceholder):
            outcome = placeholder_decision(outcome, _not_created_yet(outcome))
        after = outcomes.decided(log, log, outcome, (log.crm_log_id, log.crm_log_url), now)
        return replace(after, revision=0 if known is None else log.revision, update_time=log.update_time)


def _not_stored(budget: Budget) -> BudgetExhausted | LedgerUnavailable:
    """Why a report is not stored yet: it was the caller's deadline, or the ledger takes longer than leadline waits."""
    left = budget.remaining()
    if left is None or left > 1:
        return LedgerUnavailable("leadline's storage does not answer.", retry_after=1)
    return BudgetExhausted(_NO_TIME)


async def _joined(
    call_logs: CallLogsInTransaction, joining: CallJoining, known: CallLog | None, log: CallLog
) -> tuple[CallLog | None, CallLog]:
    """The log that would go on if the calls joined now, before and after that."""
    link_key = joining.link_key(log)
    others = await call_logs.linked(log.account_id, link_key) if link_key else []
    known, log, _ = joined_with(joining, known, log, [one for one in others if one.call_id != log.call_id])
    return known, log


async def _refuse_mistaken_choice(account: Account, report: CallReport, seconds: float) -> None:
    """As `_check_choice`, but accept the report if the check fails. The delivery checks the choice again."""
    try:
        await _check_choice(account, report, seconds)
    except ContactNotFound:
        raise
    except CrmError:
        return
    except Exception as error:  # noqa: BLE001 - an adapter may fail in any way, and the report is not stored yet
        _log.error("choice not checked", account_id=account.id, error=type(error).__name__)


async def _check_choice(account: Account, report: CallReport, seconds: float) -> None:
    """Refuse a chosen contact that does not exist, before the report is stored: a mistake must change nothing.

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


def _checks_choice(report: CallReport) -> Callable[[Account], Awaitable[None]] | None:
    """Refuses a chosen contact that does not exist, within a transaction; None if no contact was chosen."""
    if not report.contact_id:
        return None

    async def check(account: Account) -> None:
        if await account.crm.get_contact(report.contact_id) is None:
            raise ContactNotFound(report.contact_id)

    return check


def _not_created_yet(outcome: CreatePlaceholder) -> Contact:
    """The contact that would be created. It has no id."""
    return Contact(
        id="",
        name=outcome.name,
        phone_numbers=(outcome.number.e164,),
        type=outcome.contact_type,
        is_placeholder=True,
    )
