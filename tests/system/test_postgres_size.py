"""A PostgreSQL ledger with a million finished calls: what a call asks for takes no longer than in an empty one."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from time import perf_counter
from typing import Any, Final

import asyncpg
import pytest
from leadline_server.clock import SystemClock
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.postgres import PostgresLedger, open_postgres_ledger
from leadline_server.ports.ledger import CallKey, CallLogFilter
from leadline_server.retention.pruner import CALLS_AT_ONCE
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.testing.ledger_samples import call_log, put
from support.postgres import PostgresServer, postgres_server

ACCOUNT: Final = "demo"
CALLS, SOAK_CALLS = 20_000, 1_000_000
OLD_DAYS: Final = 400
ROUNDS: Final = 15
EACH: Final = 40
MOST_TIMES: Final = 1.3
MOST_BLOCKED: Final = 0.1
"""Seconds that pruning may hold a writer up."""

PRUNED: Final = 2_000

COPY: Final = """
    INSERT INTO call_logs (account_id, call_id, version, user_id, shown_state, reason, update_state, direction,
        number_key, contact_id, start_time, next_attempt_time, sequence, body)
    SELECT account_id, 'old-' || n, version, user_id, shown_state, reason, update_state, direction,
        '+1202555' || lpad((n % 10000)::text, 4, '0'), contact_id, start_time - n * 1000000::bigint, NULL, n + 10,
        convert_to(replace(convert_from(body, 'UTF8'), '"old"', '"old-' || n || '"'), 'UTF8')
    FROM call_logs, generate_series(1, $1) AS n WHERE call_id = 'old'
"""


class Measured:
    """A ledger with one account, and what a call asks of it."""

    def __init__(self, ledger: PostgresLedger) -> None:
        self.ledger = ledger
        self._count = 0
        self._clock = SystemClock()

    async def log(self) -> None:
        """The ledger's share of LogCall: a call is stored, and stored again with its result."""
        self._count += 1
        key = CallKey(ACCOUNT, f"new-{self._count}")
        log = call_log(key.call_id, account_id=ACCOUNT, start_time=self._clock.now())
        await self.ledger.call_logs.change(key, lambda _: log)
        await self.ledger.call_logs.change(key, lambda _: finished(log))

    async def list(self) -> None:
        """ListCallLogs: a page."""
        await self.ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT), None, 50)

    async def list_of_number(self) -> None:
        """ListCallLogs of one number."""
        await self.ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT, phone_number="+12025550042"), None, 50)

    async def find(self) -> None:
        """The ledger's share of FindContact: the account, and contacts that were created a moment ago."""
        await self.ledger.accounts.record(ACCOUNT)
        await self.ledger.claims.remembered_now(ACCOUNT, ["+12025550042"])


def finished(log: CallLog) -> CallLog:
    """The log with a decision, as the delivery leaves it."""
    return replace(
        log,
        state=CallLogState.UNLOGGED,
        reason=CallLogReason.NO_CONTACT,
        input_revision=1,
        decided_revision=1,
        revision=log.revision + 1,
        next_attempt_time=None,
        explanation="No contact has the number.",
    )


@pytest.mark.system
async def test_pruning_holds_no_writer_up() -> None:
    await measure(CALLS, with_ratios=False)


@pytest.mark.soak
async def test_a_million_calls_slow_no_call_down() -> None:
    await measure(SOAK_CALLS, with_ratios=True)


async def measure(calls: int, *, with_ratios: bool) -> None:
    """The server is on a disk, as a million calls take more memory than a machine may have."""
    with postgres_server() as server:
        url = server.create()
        async with (
            open_postgres_ledger(PostgresAddress(url=server.create())) as empty,
            open_postgres_ledger(PostgresAddress(url=url)) as full,
        ):
            await prepare(empty, server, "", 100)  # a page of calls, and nothing else
            await prepare(full, server, url, calls)
            one, other = Measured(empty), Measured(full)
            if with_ratios:
                for name in ("log", "list", "list_of_number", "find"):
                    ratio = await compared(getattr(one, name), getattr(other, name))
                    assert ratio <= MOST_TIMES, f"{name} takes {ratio:.2f} times as long"
            blocked = await pruned_beside_a_writer(other)
            assert blocked < MOST_BLOCKED, f"a writer waited {blocked:.3f} s"


async def prepare(measured: PostgresLedger, server: PostgresServer, url: str, calls: int) -> None:
    """Write finished calls of 400 days ago and before."""
    await measured.accounts.create(ACCOUNT, AccountSettings())
    old = SystemClock().now() - timedelta(days=OLD_DAYS)
    log = call_log("old", account_id=ACCOUNT, start_time=old, create_time=old, update_time=old, last_news_time=old)
    await put(measured, finished(log))
    if not url:
        for number in range(calls):
            await put(measured, finished(replace(log, call=replace(log.call, id=f"old-{number}"))))
        return
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(COPY, calls, timeout=1800)
        await connection.execute("UPDATE account_counters SET sequence = $1", calls + 100)
        await connection.execute("VACUUM ANALYZE call_logs", timeout=1800)
    finally:
        await connection.close()
    assert server.is_running


async def compared(one: Callable[[], Awaitable[None]], other: Callable[[], Awaitable[None]]) -> float:
    """How many times as long the other takes: the median of rounds, by turns."""
    ratios = [await seconds(other) / await seconds(one) for _ in range(ROUNDS)]
    return statistics.median(ratios[2:])  # the first ones fill caches


async def seconds(work: Callable[[], Awaitable[None]]) -> float:
    """Seconds that the work takes, many times in a row."""
    began = perf_counter()
    for _ in range(EACH):
        await work()
    return perf_counter() - began


async def pruned_beside_a_writer(measured: Measured) -> float:
    """Prune old calls, and write meanwhile. The longest wait of the writer beyond that of a quiet time, in seconds."""

    async def longest(until: "asyncio.Task[None] | None") -> float:
        waits: list[float] = []
        while len(waits) < EACH or not (until is None or until.done()):
            began = perf_counter()
            await measured.log()
            waits.append(perf_counter() - began)
        return max(waits)

    quiet = await longest(None)
    pruning = asyncio.create_task(prune(measured.ledger))
    beside = await longest(pruning)
    await pruning
    return beside - quiet


async def prune(ledger: PostgresLedger) -> None:
    """Delete the oldest calls, some at a time."""
    since, position, deleted = SystemClock().now() - timedelta(days=OLD_DAYS - 1), "", 0
    while deleted < PRUNED:
        step = await ledger.retention.prune_calls(since, position, CALLS_AT_ONCE)
        deleted += step.deleted
        assert step.position is not None, deleted
        position = step.position
