"""Deliveries to a CRM that lives in the ledger: one transaction accepts a call, decides, logs and records it.

The parts are those of every delivery: the same change of the call's log, the same `AttemptRunner`, the same outcomes.
But they get the account, the numbers and the call logs of the transaction, so nothing is committed before the end. No
lease is needed, since no other process sees the call in between; the one that the changes ask for is never stored.

Example: a report of call "c-1" arrives. The transaction makes its log, PENDING. The attempt finds Ada and writes the
CRM's log. The result makes the log LOGGED. It is stored once, and synced once.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.contacts.numbers_in_transaction import hold, new_numbers_context
from leadline_server.delivery.attempt import AttemptRunner, DecisionLoader, DeliveryAttempt, Result
from leadline_server.delivery.placeholder_budget import PlaceholderBudget
from leadline_server.delivery.result_writer import ResultWriter, existing
from leadline_server.domain import leases
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.errors import LeadlineError
from leadline_server.domain.fast_init import maker
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.leases import Lease
from leadline_server.domain.placeholders import LimitReached
from leadline_server.ports.ledger import CallKey, LedgerTransaction, Transactions, new_call_key

_log = structlog.get_logger(__name__)


class WantedChange(NamedTuple):
    """A change of a call's log, after which the call is delivered if it is due.

    Attributes:
        key: the call.
        change: the change, made with `InLedgerDelivery.lease`.
        joining: as for `CallLogs.change`.
        check: raises an error if the change must not be made; None: nothing to check.
    """

    key: CallKey
    change: Callable[[CallLog | None], CallLog]
    joining: CallJoining | None = None
    check: Callable[[Account], Awaitable[None]] | None = None


class Delivered(NamedTuple):
    """The result of a transaction.

    Attributes:
        accepted: the log before and after the change.
        log: the log at the end.
        is_whole: whether nothing is left to do; false if a delivery outside of transactions has the call.
    """

    accepted: CallLogChange
    log: CallLog
    is_whole: bool


new_wanted_change: Final = maker(WantedChange)
_new_delivered: Final = maker(Delivered)


@dataclass(slots=True)
class _Notes:
    """Counted after the commit: the attempts with their results, and the placeholders. It is a CountsPlaceholders."""

    attempts: list[tuple[DeliveryAttempt, Result | Exception, CallLog]] = field(default_factory=list)
    created: int = 0
    refused: list[LimitReached] = field(default_factory=list)

    def create(self) -> None:
        self.created += 1

    def refuse(self, account_id: str, reached: LimitReached) -> None:
        del account_id
        self.refused.append(reached)


class InLedgerDelivery:
    """Changes and delivers calls in transactions.

    Attributes:
        lease: the lease that changes are made with. It is in no stored log, since each outcome ends it.

    Args:
        may_lack: whether a restored ledger may not know of an earlier write of a call; None: it was never restored.
    """

    def __init__(
        self,
        transactions: Transactions,
        lookup: ContactLookup,
        decision_loader: DecisionLoader,
        result_writer: ResultWriter,
        budget: PlaceholderBudget,
        clock: Clock,
        *,
        may_lack: Callable[[CallLog], bool] | None = None,
    ) -> None:
        self.lease = Lease(uuid.uuid4().hex)
        self._transactions = transactions
        self._lookup = lookup
        self._decision_loader = decision_loader
        self._result_writer = result_writer
        self._budget = budget
        self._clock = clock
        self._may_lack = may_lack

    def may_lack(self, log: CallLog) -> bool:
        """Whether the ledger may not know of an earlier write of the call, because it was restored."""
        return self._may_lack is not None and self._may_lack(log)

    async def deliver(self, account: Account, wanted: WantedChange, settings_version: int = 0) -> Delivered | None:
        """Change the call's log, and deliver the call if the change made it due. All of it is on disk on return.

        None, with nothing changed, if the attempt failed in a way that no adapter should: then the call must be
        accepted, and its failure stored, as for other CRMs.

        With `settings_version`, the account may be outdated: see `AccountRegistry.confirmed`.

        Raises:
            LeadlineError: an error of the change or of its check, LedgerUnavailable, or SettingsChanged; nothing was
                changed.
        """
        noted: list[_Notes] = []

        async def work(transaction: LedgerTransaction) -> Delivered:
            noted[:] = [_Notes()]  # it may run again
            return await self._delivered(transaction, account.within(transaction), wanted, noted[0])

        try:
            delivered = await self._transactions.run(account.id, work, settings_version=settings_version)
        except LeadlineError:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way
            _log.exception("delivery failed in the ledger", account_id=account.id, error=type(error).__name__)
            return None
        self._count(account, noted[0])
        return delivered

    async def take_up(self, account: Account, key: CallKey) -> bool:
        """Deliver a call that is due; false if that needs a delivery outside of transactions."""
        now = self._clock.now()

        def change(log: CallLog | None) -> CallLog:
            return leases.acquired(existing(log), self.lease, now)

        delivered = await self.deliver(account, WantedChange(key, change))
        return delivered is not None and delivered.is_whole

    async def _delivered(
        self, transaction: LedgerTransaction, account: Account, wanted: WantedChange, notes: _Notes
    ) -> Delivered:
        if wanted.check is not None:
            await wanted.check(account)
        accepted = await transaction.call_logs.change(wanted.key, wanted.change, wanted.joining)
        log, may_exist = accepted.after, accepted.before is not None or self.may_lack(accepted.after)
        while log.lease_owner == self.lease.lease_owner:
            attempt = DeliveryAttempt(account, log, may_exist=may_exist)
            result = await self._attempted(transaction, attempt, notes)
            change = partial(_changed, self._result_writer.change_by(attempt, result))
            log = (await transaction.call_logs.change(new_call_key(account.id, log.call_id), change)).after
            notes.attempts.append((attempt, result, log))
        return _new_delivered(accepted, log, is_whole=not log.lease_owner)

    async def _attempted(
        self, transaction: LedgerTransaction, attempt: DeliveryAttempt, notes: _Notes
    ) -> Result | Exception:
        numbers = new_numbers_context(transaction, self._lookup, self._clock)
        runner = AttemptRunner(self._decision_loader, partial(hold, numbers), notes, self._clock)
        try:
            return await runner.run(attempt)
        except CrmError as error:
            return error

    def _count(self, account: Account, notes: _Notes) -> None:
        self._budget.created += notes.created
        for reached in notes.refused:
            self._budget.refuse(account.id, reached)
        for attempt, result, log in notes.attempts:
            self._result_writer.note(attempt, result, log)


def _changed(change: Callable[[CallLog], CallLog], log: CallLog | None) -> CallLog:
    return change(existing(log))
