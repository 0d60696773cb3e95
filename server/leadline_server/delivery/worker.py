"""Delivers calls: each by one task of one process, however many ask for it."""

import asyncio
import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.accounts.limits import AccountLine, AccountLines
from leadline_server.accounts.registry import Account, AccountDirectory
from leadline_server.clock import Clock
from leadline_server.delivery.attempt import Attempt, Errands, Result
from leadline_server.delivery.backoff import settle_time
from leadline_server.delivery.in_flight import RENEW_SECONDS, Run, Runs
from leadline_server.delivery.result_writer import Recorder, known
from leadline_server.domain import leases
from leadline_server.domain.call_log import CallLog, covers, is_settled
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.leases import LEASE, Lease
from leadline_server.ports.ledger import CallKey, CallLogs

_FRESH: Final = timedelta(seconds=RENEW_SECONDS)

ASK_SECONDS: Final = 0.03
"""How often the ledger is asked, in seconds, what became of a call that another process delivers."""


_log = structlog.get_logger(__name__)


class Courier:
    """Carries calls that this process has taken, and waits for those that another one carries.

    Attributes:
        id: what this process takes calls with; made anew at every start.
        runs: the deliveries under way here.
    """

    def __init__(
        self,
        call_logs: CallLogs,
        directory: AccountDirectory,
        errands: Errands,
        recorder: Recorder,
        lines: AccountLines,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.runs = Runs(call_logs, clock)
        self._call_logs = call_logs
        self._directory = directory
        self._errands = errands
        self._recorder = recorder
        self._lines = lines
        self._clock = clock
        self._jitter = jitter

    def lease(self, account: Account) -> Lease:
        """What calls of this account are taken with.

        Nobody takes a call over before a write of its dead carrier has settled.
        """
        return Lease(self.id, LEASE + settle_time(account.crm.capabilities))

    async def deliver(self, log: CallLog, *, is_new: bool) -> CallLog:
        """Return where `log` stands once it is delivered, as far as it gets now; at once if nobody carries it.

        Goes on when the caller is cancelled, except while that still waits for one of the account's slots: then the
        delivery loop goes on when the lease is over.

        Args:
            log: the log as the ledger has it, taken by this process or by another.
            is_new: this process accepted its first report just now, so no earlier write can have reached the CRM.
        """
        key, wanted = CallKey(log.account_id, log.call_id), log
        while True:
            if log.carrier == self.id:
                log = await self._carried(key, log, is_new=is_new)
            elif log.carrier:
                log = await self._followed(key, wanted)
            if not covers(log, wanted):  # the delivery that was joined had ended before the latest report came in
                log = await self._read(key)
            if not log.carrier or is_settled(log, wanted):
                return log
            is_new = False

    def invite(self, account_id: str) -> None:
        """Try the account's CRM at once, if it is left alone: somebody has reason to think that it is well."""
        self._lines.of(account_id).breaker.invite()

    async def take_up(self, key: CallKey) -> None:
        """Deliver a due call, unless somebody else has taken it. The caller has taken one of the account's slots."""
        line, run = self._lines.of(key.account_id), None
        try:
            lease = self.lease(await self._directory.get(key.account_id))
            log, is_mine = await self._take(key, lease)
            if is_mine and self.runs.get(key) is None:
                run = self._start(key, log, lease, line.slots.release, may_exist=True)
        finally:
            if run is None:
                line.slots.release()
        if run is not None:
            await run.ended()

    async def drain(self, seconds: float) -> None:
        """Wait for the deliveries under way, `seconds` at most; what is cut off then is on disk, and goes on later."""
        tasks = [run.task for run in self.runs.values()]
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    async def _carried(self, key: CallKey, log: CallLog, *, is_new: bool) -> CallLog:
        """The log after the delivery that is under way here, or that begins now."""
        run = self.runs.get(key)
        if run is None:
            line = self._lines.of(key.account_id)
            has_slot = line.slots.try_acquire()
            # While the CRM is left alone nothing waits for it, so nobody has to wait for a slot either.
            if not has_slot and line.breaker.is_closed:
                await line.slots.acquire()
                has_slot = True
            run, log = await self._begun(key, log, line if has_slot else None, is_new=is_new)
        return log if run is None else await run.ended()

    async def _begun(
        self, key: CallKey, log: CallLog, line: AccountLine | None, *, is_new: bool
    ) -> tuple[Run | None, CallLog]:
        """The run that begins, or another one that has begun; None if another process has the call by now.

        `line` is where a slot was taken; it is given back, here or by the run.
        """
        release = _nothing if line is None else line.slots.release
        started: Run | None = None
        try:
            lease = self.lease(await self._directory.get(key.account_id))
            if self._is_aged(log, lease):
                now = self._clock.now()
                log = await self._change(key, lambda current: leases.renewed(current, lease, now))
            run = self.runs.get(key)
            if run is None and log.carrier == self.id:
                run = started = self._start(key, log, lease, release, may_exist=not is_new)
            return run, log
        finally:
            if started is None:
                release()

    def _is_aged(self, log: CallLog, lease: Lease) -> bool:
        """Whether the call was taken so long ago that its lease must be renewed before it is begun."""
        until = log.carried_until
        return until is None or until - self._clock.now() < lease.length - _FRESH

    def _start(self, key: CallKey, log: CallLog, lease: Lease, release: Callable[[], None], *, may_exist: bool) -> Run:
        run = Run(lease, asyncio.get_running_loop().time)
        run.task = asyncio.create_task(self._carry(run, key, log, release, may_exist=may_exist))
        self.runs.add(key, run)
        return run

    async def _carry(
        self, run: Run, key: CallKey, log: CallLog, release: Callable[[], None], *, may_exist: bool
    ) -> None:
        result: CallLog | BaseException
        try:
            while log.carrier == self.id:
                attempt = Attempt(log)
                came_to = await self._tried(run, attempt, may_exist=may_exist)
                log = await self._recorder.record(key, attempt, came_to)
                may_exist = True
            result = log
        except asyncio.CancelledError as error:
            result = error
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and nobody may be left who does
            _log.error("delivery interrupted", error=type(error).__name__)
            result = error
        finally:
            self.runs.remove(key)
            release()
            run.settle(result)

    async def _tried(self, run: Run, attempt: Attempt, *, may_exist: bool) -> Result | Exception:
        """What the attempt came to. Nothing that goes wrong may lose the call, so it is a value like the rest.

        Raises:
            LedgerUnavailable: leadline's own storage failed; the call falls due when its lease is over.
        """
        run.begin()
        try:
            account = await self._directory.get(attempt.log.account_id)
            return await self._errands.run(account, attempt, may_exist=may_exist)
        except asyncio.CancelledError:
            reason = run.cut_off()
            if reason is None:
                raise
            return reason
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way
            return error
        finally:
            run.end()

    async def _followed(self, key: CallKey, wanted: CallLog) -> CallLog:
        """The log once another process has delivered what `wanted` has, or has died and left it to this one."""
        lease = self.lease(await self._directory.get(key.account_id))
        while True:
            await asyncio.sleep(ASK_SECONDS * (0.5 + self._jitter()))
            log = await self._read(key)
            if log.carrier in ("", self.id) or is_settled(log, wanted):
                return log
            if not leases.is_carried(log, self._clock.now()):
                log, is_mine = await self._take(key, lease)
                if is_mine:
                    return log

    async def _take(self, key: CallKey, lease: Lease) -> tuple[CallLog, bool]:
        """The log of a due call, and whether it was taken just now: somebody else may be faster."""
        now, before = self._clock.now(), list[CallLog]()

        def change(log: CallLog) -> CallLog:
            before[:] = [log]
            return leases.taken(log, lease, now)

        log = await self._change(key, change)
        return log, log is not before[0]

    async def _change(self, key: CallKey, change: Callable[[CallLog], CallLog]) -> CallLog:
        return await self._call_logs.change(key, lambda log: change(known(log)))

    async def _read(self, key: CallKey) -> CallLog:
        return known(await self._call_logs.get(key))


def _nothing() -> None:
    return
