"""Delivers calls: decides, creates the placeholder where that was decided, writes the log, records what came of it."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.contacts.claims import NumberClaims
from leadline_server.contacts.directory import Account, AccountDirectory
from leadline_server.delivery.decider import Decider, conclusive
from leadline_server.domain import outcomes
from leadline_server.domain.call_log import CallLog, CallLogReason, CallLogState, Standing
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.decision import CreatePlaceholder, LeaveUnlogged, LogAgainst, Outcome, Wait, decide
from leadline_server.domain.errors import CrmRejected, LeadlineError, LedgerUnavailable
from leadline_server.domain.phone import parse_number
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.ledger import CallKey, CallLogs

ATTEMPT_SECONDS: Final = 30.0
"""How long one delivery may take, in seconds, before it counts as failed."""

_FIRST_DELAY: Final = timedelta(seconds=1)
_LONGEST_DELAY: Final = timedelta(minutes=5)

_log = structlog.get_logger(__name__)


class Courier:
    """Carries one call log at a time, each by one task, however many ask for it."""

    def __init__(
        self,
        call_logs: CallLogs,
        directory: AccountDirectory,
        decider: Decider,
        claims: NumberClaims,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._call_logs = call_logs
        self._directory = directory
        self._decider = decider
        self._claims = claims
        self._clock = clock
        self._jitter = jitter
        self._running: dict[CallKey, asyncio.Task[CallLog]] = {}

    def is_carrying(self, key: CallKey) -> bool:
        """Whether a delivery of this call is under way in this process."""
        return key in self._running

    async def deliver(self, log: CallLog, *, is_new: bool) -> CallLog:
        """Carry `log` as far as it gets now, and return where it stands then.

        Joins a delivery that is under way; goes on when the caller is cancelled.

        Args:
            log: the log as the ledger has it.
            is_new: this process accepted its first report just now, so no earlier write can have reached the CRM.
        """
        while True:
            key = CallKey(log.account_id, log.call_id)
            task = self._running.get(key)
            if task is None:
                task = self._running[key] = asyncio.create_task(self._carry(key, log, is_new=is_new))
                task.add_done_callback(_observed)
            carried = await asyncio.shield(task)
            if carried.input_revision >= log.input_revision and carried.content_revision >= log.content_revision:
                return carried
            # The delivery that was joined had ended its work before this log's latest report came in.
            is_new = False

    async def drain(self, seconds: float) -> None:
        """Wait for the deliveries under way, `seconds` at most; what is cut off then is on disk, and goes on later."""
        if self._running:
            _, unfinished = await asyncio.wait(self._running.values(), timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    async def _carry(self, key: CallKey, log: CallLog, *, is_new: bool) -> CallLog:
        try:
            while True:
                attempts = log.attempts
                log = await self._attempt(key, log, may_exist=not is_new)
                is_new = False
                if not is_due(log) or log.attempts > attempts:
                    return log
        finally:
            del self._running[key]

    async def _attempt(self, key: CallKey, log: CallLog, *, may_exist: bool) -> CallLog:
        """One delivery. Whatever goes wrong ends in the ledger, not in an exception."""
        delivery = _Delivery(log)
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await self._deliver(key, delivery, may_exist=may_exist)
        except CrmRejected as error:
            message, now = error.message, self._clock.now()
            return await self._record(key, lambda current: outcomes.refused(current, log, message, now))
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way, and no call may be lost by it
            return await self._defer(key, delivery, error)

    async def _deliver(self, key: CallKey, delivery: "_Delivery", *, may_exist: bool) -> CallLog:
        log = delivery.log
        account = await self._directory.get(log.account_id)
        if delivery.standing is None:
            outcome = await self._decide(account, log)
            if isinstance(outcome, LeaveUnlogged | Wait):
                return await self._record_at_rest(key, log, outcome)
            delivery.standing = outcome
        standing = delivery.standing
        crm_log = await self._write(account, log, standing, may_exist=may_exist)
        now = self._clock.now()
        return await self._record(
            key, lambda current: outcomes.logged(current, log, standing, (crm_log.id, crm_log.url), now)
        )

    async def _decide(self, account: Account, log: CallLog) -> Standing | LeaveUnlogged | Wait:
        outcome = await self._decider.decide(account, log)
        if log.state is CallLogState.LOGGED:
            return _moved(account, log, outcome)
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
        if log.crm_log_id:
            return await crm.update_call_log(log.crm_log_id, entry)
        if may_exist and crm.capabilities.finds_log_by_key:
            existing = await crm.find_call_log(key)
            if existing is not None:
                return await crm.update_call_log(existing.id, entry)
        return await crm.create_call_log(entry, key)

    async def _entry(self, account: Account, log: CallLog, standing: Standing) -> LogEntry:
        number = parse_number(log.call.counterpart(log.user_id).address, account.settings.default_region)
        return LogEntry(
            call=log.call,
            contact_id=standing.contact.id,
            user_id=log.user_id,
            crm_user_id=(await self._decider.preferences(log)).crm_user_id,
            number=number.e164 or number.text,
            fallback_time=log.create_time,
        )

    async def _record_at_rest(self, key: CallKey, log: CallLog, outcome: LeaveUnlogged | Wait) -> CallLog:
        now = self._clock.now()
        if isinstance(outcome, Wait):
            return await self._record(key, lambda current: outcomes.waiting(current, log, outcome.explanation, now))
        return await self._record(
            key,
            lambda current: outcomes.unlogged(
                current, log, outcome.reason, outcome.explanation, outcome.candidates, now
            ),
        )

    async def _defer(self, key: CallKey, delivery: "_Delivery", error: Exception) -> CallLog:
        log, now = delivery.log, self._clock.now()
        delay = self._delay(log.attempts, error.retry_after if isinstance(error, LeadlineError) else None)
        message = _sentence(error)
        is_expected = isinstance(error, LeadlineError | TimeoutError)
        _log.log(
            logging.WARNING if is_expected else logging.ERROR,
            "delivery deferred",
            account_id=log.account_id,
            call_id=log.call_id,
            error=type(error).__name__,
            retry_seconds=delay.total_seconds(),
            exc_info=None if is_expected else error,
        )
        return await self._record(
            key, lambda current: outcomes.deferred(current, log, delivery.standing, message, delay, now)
        )

    def _delay(self, attempts: int, asked: float | None) -> timedelta:
        """Until the next attempt: what the CRM asked for, else exponential, half of it by chance."""
        if asked is not None:
            return timedelta(seconds=asked)
        ceiling = min(_LONGEST_DELAY, _FIRST_DELAY * (1 << min(attempts, 16)))
        return ceiling * (0.5 + self._jitter() / 2)

    async def _record(self, key: CallKey, change: Callable[[CallLog], CallLog]) -> CallLog:
        return await self._call_logs.change(key, lambda current: change(_known(current)))


class _Delivery:
    """One attempt's snapshot, and the decision that stands: from before, or as soon as it is taken."""

    def __init__(self, log: CallLog) -> None:
        self.log = log
        self.standing: Standing | None = log.standing
        if log.state is CallLogState.LOGGED and log.is_decided and log.contact is not None and log.reason is not None:
            self.standing = Standing(
                contact=log.contact, reason=log.reason, explanation=log.explanation, candidates=log.candidates
            )


def _observed(task: asyncio.Task[CallLog]) -> None:
    """Note a failure that nobody may be left to hear of: whoever waited may have been cancelled."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("delivery interrupted", error=type(error).__name__)


def is_due(log: CallLog) -> bool:
    """Whether something is to be done for the log without waiting for news or for another time."""
    if log.state is CallLogState.FAILED or log.next_attempt_time is None:
        return False
    return not log.is_decided or log.update_pending


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


def _sentence(error: Exception) -> str:
    """The error for people; what an adapter did not mean to say stays in leadline's own log."""
    if isinstance(error, LeadlineError):
        return error.message
    return "The CRM did not answer in time." if isinstance(error, TimeoutError) else "The adapter failed unexpectedly."


def _moved(account: Account, log: CallLog, outcome: Outcome) -> Standing | LeaveUnlogged:
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


def _known(log: CallLog | None) -> CallLog:
    if log is None:
        raise LookupError("a call log vanished during its delivery")
    return log
