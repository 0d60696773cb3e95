"""The composition root: everything is made and joined here, and nowhere else."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from leadline_server.clock import Clock, SystemClock
from leadline_server.commands import (
    Commands,
    CreateContact,
    FindContact,
    GetAccountSettings,
    GetCallLog,
    GetPreferences,
    ListCallLogs,
    LogCall,
    RetryCallLog,
    SearchContacts,
    UpdateAccountSettings,
    UpdatePreferences,
    WatchCallLogs,
)
from leadline_server.commands.paging import PageTokens
from leadline_server.config import EMBEDDED, Settings
from leadline_server.contacts.claims import NumberClaims
from leadline_server.contacts.directory import AccountDirectory
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.crm.connecting import Choice, open_connections
from leadline_server.crm.connections import AccountView
from leadline_server.crm.wrappers import CachePolicy, CrmMetrics
from leadline_server.crm.wrapping import Wrapping
from leadline_server.delivery.courier import Courier
from leadline_server.delivery.decider import Decider
from leadline_server.delivery.errands import Errands
from leadline_server.delivery.feed import ChangeFeed
from leadline_server.delivery.lines import AccountLines
from leadline_server.delivery.loop import DeliveryLoop
from leadline_server.delivery.metrics import DeliveryMetrics
from leadline_server.delivery.pauses import NOT_ASKED
from leadline_server.delivery.recorder import Recorder
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.crm import Connection, CrmAdapter
from leadline_server.ports.ledger import Ledger
from leadline_server.upkeep.pruner import Pruner

DRAIN_SECONDS: Final = 2.0
"""What deliveries under way get at the end, in seconds; the RPCs that waited for them are answered by then."""


@dataclass(frozen=True, slots=True)
class App:
    """The service at work, without a transport."""

    commands: Commands
    ledger: Ledger


def _unwrapped(adapter: CrmAdapter) -> CrmAdapter:
    return adapter


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    wrap: Callable[[CrmAdapter], CrmAdapter] = _unwrapped,
    registry: CollectorRegistry | None = None,
    cache: CachePolicy | None = None,
) -> AsyncIterator[App]:
    """The service over the ledger and the CRMs that `settings` name, delivering in the background until the end.

    Args:
        settings: where everything is.
        clock: the time; the machine's own by default.
        wrap: put around every CRM adapter.
        registry: where the metrics of delivery and of the CRMs are registered, if anywhere.
        cache: what is remembered of every CRM's lookups; None: as the settings say, and nothing of the embedded CRM's,
            which answers as fast and is always right.

    Raises:
        LedgerUnavailable: the ledger cannot be used; the message says what to do.
        CrmUnavailable: a connection cannot be opened: the embedded CRM's file, say.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_sqlite_ledger(settings.ledger_path))
        numbering = await _numbering_of_accounts(settings, ledger)
        crms = await stack.enter_async_context(
            open_connections(
                _choices(settings), settings.connection_of, ledger.tokens, settings.data_dir, clock, numbering
            )
        )

        def connect(account_id: str, current: Callable[[], AccountSettings]) -> Connection:
            crm = crms(AccountView(account_id, current))
            adapter, guard = wrap(crm.adapter), lines.of(account_id).guard
            if not crm.is_remote and cache is None:
                return Connection(guard(adapter))
            policy = cache or _cache_policy(settings)
            rules = lambda: current().numbering  # noqa: E731 - used here alone
            return wrapping.connection(adapter, crm.kind, guard=guard, rules=rules, cache=policy)

        wrapping = Wrapping(clock.now, NOT_ASKED, None if registry is None else CrmMetrics(registry))
        lines = AccountLines(settings.account_concurrency, settings.account_rate, clock.monotonic)
        directory = AccountDirectory(ledger.accounts, connect)
        lookup = ContactLookup(ledger.claims, clock)
        claims = NumberClaims(ledger.claims, lookup, clock)
        decider = Decider(ledger.accounts, ledger.preferences, lookup, clock)
        recorder = Recorder(ledger.call_logs, directory, lines, clock)
        courier = Courier(ledger.call_logs, directory, Errands(decider, claims, clock), recorder, lines, clock)
        loop = DeliveryLoop(ledger.call_logs, courier, lines, clock)
        if registry is not None:
            registry.register(DeliveryMetrics(courier, recorder, loop, lines))
        feed = ChangeFeed(ledger.call_logs)
        stack.push_async_callback(courier.drain, DRAIN_SECONDS)
        pruner = Pruner(ledger.upkeep, clock, uuid.uuid4().hex, settings.keep_calls)
        await _run_in_background(stack, loop.run(), courier.runs.look_after(), feed.run(), pruner.run())
        yield App(_commands(ledger, directory, lookup, claims, decider, courier, feed, clock), ledger)


async def _numbering_of_accounts(settings: Settings, ledger: Ledger) -> dict[str, NumberingRules]:
    """Make the accounts that are new; returns how the numbers of each are read, by its id."""
    numbering = {}
    for account_id, account in settings.accounts.items():
        begin = AccountSettings(default_region=account.default_region, time_zone=account.time_zone)
        await ledger.accounts.create(account_id, begin)
        numbering[account_id] = (await ledger.accounts.get(account_id)).numbering
    return numbering


def _choices(settings: Settings) -> dict[str, Choice]:
    """What the accounts name; the embedded CRM needs no table."""
    named = {account.connection for account in settings.accounts.values()}
    tables = {
        name: Choice(table.adapter, table.options, table.search_lag_seconds, table.settle_seconds)
        for name, table in settings.connections.items()
    }
    return {name: choice for name, choice in ({EMBEDDED: Choice(EMBEDDED)} | tables).items() if name in named}


def _cache_policy(settings: Settings) -> CachePolicy | None:
    """What is remembered of lookups of CRMs that are asked over a network."""
    if not settings.lookup_cache_seconds and not settings.lookup_cache_none_seconds:
        return None
    return CachePolicy(
        found_seconds=settings.lookup_cache_seconds,
        none_seconds=settings.lookup_cache_none_seconds,
        entries=settings.lookup_cache_entries,
    )


def _commands(
    ledger: Ledger,
    directory: AccountDirectory,
    lookup: ContactLookup,
    claims: NumberClaims,
    decider: Decider,
    courier: Courier,
    feed: ChangeFeed,
    clock: Clock,
) -> Commands:
    return Commands(
        find_contact=FindContact(directory, lookup),
        search_contacts=SearchContacts(directory, PageTokens(ledger.secret, "contacts")),
        create_contact=CreateContact(directory, ledger.preferences, claims, ledger.requests, clock),
        log_call=LogCall(directory, ledger.call_logs, decider, courier, clock),
        get_call_log=GetCallLog(directory, ledger.call_logs),
        retry_call_log=RetryCallLog(directory, ledger.call_logs, courier, clock),
        list_call_logs=ListCallLogs(directory, ledger.call_logs, PageTokens(ledger.secret, "call_logs")),
        watch_call_logs=WatchCallLogs(directory, ledger.call_logs, feed, ledger.secret),
        get_preferences=GetPreferences(ledger.accounts, ledger.preferences),
        update_preferences=UpdatePreferences(ledger.preferences),
        get_account_settings=GetAccountSettings(ledger.accounts),
        update_account_settings=UpdateAccountSettings(ledger.accounts),
        regions=directory.numbering,
    )


async def _run_in_background(stack: AsyncExitStack, *jobs: Coroutine[None, None, None]) -> None:
    for job in jobs:
        task = asyncio.create_task(job)
        stack.push_async_callback(_cancelled, task)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
