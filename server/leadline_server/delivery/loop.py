"""The delivery loop: takes up what is due, whoever accepted it and whenever."""

import asyncio
import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.delivery.courier import Courier
from leadline_server.delivery.lines import AccountLines
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import LeadlineError
from leadline_server.domain.leases import postponed
from leadline_server.ports.ledger import CallKey, CallLogs

POLL_SECONDS: Final = 0.5
"""How often the ledger is asked what is due, in seconds."""

BATCH: Final = 512
WIDEST: Final = 8_192
"""How many due calls are looked at: at first, and at most, where those of accounts that cannot go on are in the way."""

_OUT_OF_THE_WAY: Final = timedelta(seconds=60)

_log = structlog.get_logger(__name__)


class DeliveryLoop:
    """Delivers due calls, of each account as many at once as its line has room for.

    What is due is looked at in a window of bounded size, the longest due first. If all of it belongs to accounts that
    cannot go on, the window is widened, so that a dead CRM's calls hide nobody else's. Should that not be enough they
    are put off for a while.

    Attributes:
        due: the due calls that were seen at the last look, by account.
    """

    def __init__(self, call_logs: CallLogs, courier: Courier, lines: AccountLines, clock: Clock) -> None:
        self.due: Counter[str] = Counter()
        self._call_logs = call_logs
        self._courier = courier
        self._lines = lines
        self._clock = clock
        self._window = BATCH
        self._waiting: defaultdict[str, deque[CallKey]] = defaultdict(deque)
        self._has_more = False

    async def run(self) -> None:
        """Deliver until cancelled. A ledger out of order is waited for."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._look_and_wait(group)
            finally:
                self._waiting.clear()  # what ends from now on begins nothing more

    async def _look_and_wait(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._look(group)
        except LeadlineError as error:
            _log.warning("delivery loop paused", error=type(error).__name__)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._lines.recovered.wait()
        self._lines.recovered.clear()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        due = await self._call_logs.due(self._clock.now(), self._window)
        self.due = Counter(key.account_id for key in due)
        self._has_more = len(due) == self._window
        self._waiting.clear()
        for key in due:
            self._waiting[key.account_id].append(key)
        started = sum([self._begin(account_id, group) for account_id in tuple(self._waiting)])
        if self._has_more and not started:
            await self._see_past(due)
        elif len(due) < BATCH:
            self._window = BATCH

    def _begin(self, account_id: str, group: asyncio.TaskGroup) -> int:
        """Begin as many of the account's waiting deliveries as it has room for; returns how many."""
        waiting, line, started = self._waiting[account_id], self._lines.of(account_id), 0
        room = line.room
        while waiting and started < room:
            key = waiting.popleft()
            if self._courier.runs.get(key) is None and line.slots.try_acquire():
                group.create_task(self._deliver(key, group))
                started += 1
        return started

    async def _deliver(self, key: CallKey, group: asyncio.TaskGroup) -> None:
        try:
            await self._courier.take_up(key)
        except Exception as error:  # noqa: BLE001 - one call that cannot be delivered must not end the loop
            _log.warning("delivery paused", account_id=key.account_id, error=type(error).__name__)
        self._begin(key.account_id, group)
        if self._has_more and not self._waiting[key.account_id]:
            self._lines.recovered.set()  # there may be more of this account's: look at once

    async def _see_past(self, due: Sequence[CallKey]) -> None:
        """Nothing of a full window could begin: look further, or make room in it."""
        if self._window < WIDEST:
            self._window = min(WIDEST, self._window * 4)
        else:
            await self._put_off(key for key in due if not self._lines.of(key.account_id).room)
        self._lines.recovered.set()

    async def _put_off(self, keys: Iterable[CallKey]) -> None:
        now = self._clock.now()

        def change(log: CallLog | None) -> CallLog:
            if log is None:
                raise LookupError("a due call vanished")
            until = now + _OUT_OF_THE_WAY * (1 + 4 * random.random())  # noqa: S311 - spreads load, keeps no secret
            return postponed(log, until, now)

        await asyncio.gather(*(self._call_logs.change(key, change) for key in keys), return_exceptions=True)
