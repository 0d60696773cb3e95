"""The composition root: all parts are created and connected here."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.accounts.registry import AccountRegistry
from leadline_server.auth.attempts import FailedAttempts
from leadline_server.auth.authenticator import Authenticator
from leadline_server.auth.ledger_contact import LedgerContact
from leadline_server.auth.sessions import Sessions
from leadline_server.auth.tokens import JwtVerifier
from leadline_server.clock import Clock, SystemClock
from leadline_server.commands import (
    Commands,
    CountCallLogs,
    CreateContact,
    Directory,
    FindContact,
    GetAccountSettings,
    GetCallLog,
    GetPreferences,
    Keys,
    ListCallLogs,
    ListPlaceholders,
    LogCall,
    OpenReplay,
    RemovePlaceholder,
    RetryCallLog,
    SearchContacts,
    UpdateAccountSettings,
    UpdatePreferences,
    WatchCallLogs,
)
from leadline_server.commands.paging import PageTokens
from leadline_server.concurrency.lease import LeaseKeeper
from leadline_server.config import EMBEDDED, Settings
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.contacts.number_claims import NumberClaims
from leadline_server.crm.connections import ConnectionSpec, open_connections
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.wrappers import CachePolicy, CrmMetrics
from leadline_server.crm.wrappers.stack import WrapperStack, local_connection
from leadline_server.crm.wrappers.standby import StandbyCrm
from leadline_server.delivery.attempt import AttemptRunner, DecisionLoader
from leadline_server.delivery.copy_watch import CopyWatch
from leadline_server.delivery.metrics import DeliveryMetrics
from leadline_server.delivery.placeholder_budget import PlaceholderBudget
from leadline_server.delivery.result_writer import ResultWriter
from leadline_server.delivery.scheduler import DeliveryScheduler
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.crm import CrmAdapter, CrmConnection
from leadline_server.ports.ledger import Ledger
from leadline_server.retention.pruner import Pruner
from leadline_server.watch.feed import ChangeFeed

DRAIN_SECONDS: Final = 2.0
"""How long deliveries in progress may go on at the end, in seconds. RPCs that wait for them are answered before."""


@dataclass(frozen=True, slots=True)
class App:
    """The running service, without a transport.

    Attributes:
        commands: the commands.
        ledger: the ledger.
        authenticator: finds the principals of requests; None while authentication is off.
    """

    commands: Commands
    ledger: Ledger
    authenticator: Authenticator | None = None


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
    """Open the ledger and the CRMs that `settings` name, and deliver calls in the background until the end.

    Args:
        settings: the settings.
        clock: the clock; by default the machine's.
        wrap: a wrapper for every CRM adapter, for tests.
        registry: where the metrics of delivery and of the CRMs are registered; None: nowhere.
        cache: how long answers to lookups are remembered, of every CRM. None: as the settings say, and none of the
            embedded CRM's, which answers as fast and is always up to date.

    Raises:
        LedgerUnavailable: the ledger cannot be used; the message says what to do.
        CrmUnavailable: a connection cannot be opened: the embedded CRM's file, say.
    """
    clock = clock or SystemClock()
    leases = LeaseKeeper(uuid.uuid4().hex, clock)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_sqlite_ledger(settings.ledger_path))
        copy = CopyWatch(ledger.copy_mark, await ledger.copy_mark.state())
        numbering = await _numbering_of_accounts(settings, ledger)
        crms = await stack.enter_async_context(
            open_connections(
                _named(settings),
                settings.connection_of,
                ledger.tokens,
                settings.data_dir,
                clock,
                leases.process_id,
                numbering,
            )
        )

        def connect(account_id: str, current: Callable[[], AccountSettings]) -> CrmConnection:
            crm = crms(AccountView(account_id, current))
            adapter, account_limits = wrap(crm.adapter), limits.of(account_id)
            if copy.is_standby():
                adapter = StandbyCrm(adapter, copy.is_standby)
            breaker, rate = account_limits.breaker, account_limits.rate
            if not crm.is_remote and cache is None:
                return local_connection(adapter, breaker, rate, has_clean_texts=crm.has_clean_texts)
            policy = cache or _cache_policy(settings)
            rules = lambda: current().numbering  # noqa: E731 - used here alone
            return wrapper_stack.connection(adapter, crm.kind, breaker=breaker, rate=rate, rules=rules, cache=policy)

        wrapper_stack = WrapperStack(clock.now, None if registry is None else CrmMetrics(registry))
        limits = AccountLimitsRegistry(settings.account_concurrency, settings.account_rate, clock.monotonic)
        accounts = AccountRegistry(ledger.accounts, ledger.preferences, ledger.users, connect, limits)
        lookup = ContactLookup(ledger.claims, clock)
        claims = NumberClaims(ledger.claims, lookup, leases)
        decision_loader = DecisionLoader(lookup, clock)
        result_writer = ResultWriter(ledger.call_logs, clock)
        budget = PlaceholderBudget()
        runner = AttemptRunner(decision_loader, claims, budget, clock)
        worker = DeliveryWorker(
            ledger.call_logs, accounts, runner, result_writer, leases, clock, may_lack=copy.may_lack
        )
        scheduler = DeliveryScheduler(ledger.call_logs, worker, limits, clock)
        if registry is not None:
            registry.register(DeliveryMetrics(worker, result_writer, scheduler, limits, budget))
        feed = ChangeFeed(ledger.call_logs)
        stack.push_async_callback(worker.drain, DRAIN_SECONDS)
        pruner = Pruner(ledger.retention, leases, settings.keep_calls)
        in_flight = worker.in_flight
        await _run_in_background(
            stack, scheduler.run(), leases.run(), in_flight.cut_long_attempts(), feed.run(), pruner.run(), copy.run()
        )
        authenticator = None
        if settings.authentication:
            contact = LedgerContact(ledger.credentials)
            attempts = FailedAttempts(clock.monotonic)
            tokens = JwtVerifier(settings.issuers, clock.monotonic) if settings.issuers else None
            sessions = Sessions(ledger.secret, ledger.credentials, clock.now)
            authenticator = Authenticator(
                ledger.credentials, tokens, attempts, contact, sessions, clock.now, settings.tls_proxy
            )
            await _run_in_background(stack, contact.run())
        commands = _commands(ledger, accounts, lookup, claims, decision_loader, worker, feed, clock)
        yield App(commands, ledger, authenticator)


async def _numbering_of_accounts(settings: Settings, ledger: Ledger) -> dict[str, NumberingRules]:
    """Create the accounts that are new; returns how the numbers of each are read, by its id."""
    numbering = {}
    for account_id, account in settings.accounts.items():
        begin = AccountSettings(default_region=account.default_region, time_zone=account.time_zone)
        await ledger.accounts.create(account_id, begin)
        numbering[account_id] = (await ledger.accounts.get(account_id)).numbering
    return numbering


def _named(settings: Settings) -> dict[str, ConnectionSpec]:
    """The connections that accounts name."""
    named = {account.connection for account in settings.accounts.values()}
    return {name: spec for name, spec in connection_specs(settings).items() if name in named}


def connection_specs(settings: Settings) -> dict[str, ConnectionSpec]:
    """All connections of the settings, by name. The embedded CRM needs no table there."""
    tables = {
        name: ConnectionSpec(table.adapter, table.options, table.search_lag_seconds, table.settle_seconds)
        for name, table in settings.connections.items()
    }
    return {EMBEDDED: ConnectionSpec(EMBEDDED)} | tables


def _cache_policy(settings: Settings) -> CachePolicy | None:
    """How long answers to lookups are remembered, for CRMs that are asked over a network."""
    if not settings.lookup_cache_seconds and not settings.lookup_cache_none_seconds:
        return None
    return CachePolicy(
        found_seconds=settings.lookup_cache_seconds,
        none_seconds=settings.lookup_cache_none_seconds,
        entries=settings.lookup_cache_entries,
    )


def _commands(
    ledger: Ledger,
    accounts: AccountRegistry,
    lookup: ContactLookup,
    claims: NumberClaims,
    decision_loader: DecisionLoader,
    worker: DeliveryWorker,
    feed: ChangeFeed,
    clock: Clock,
) -> Commands:
    return Commands(
        accounts=accounts,
        find_contact=FindContact(lookup),
        search_contacts=SearchContacts(PageTokens(ledger.secret, "contacts")),
        create_contact=CreateContact(claims, ledger.requests, clock),
        log_call=LogCall(ledger.call_logs, ledger.placeholders, decision_loader, worker, clock),
        get_call_log=GetCallLog(ledger.call_logs),
        retry_call_log=RetryCallLog(ledger.call_logs, worker, clock),
        count_call_logs=CountCallLogs(ledger.call_logs),
        list_call_logs=ListCallLogs(ledger.call_logs, PageTokens(ledger.secret, "call_logs")),
        watch_call_logs=WatchCallLogs(accounts, ledger.call_logs, feed, ledger.secret),
        get_preferences=GetPreferences(),
        update_preferences=UpdatePreferences(ledger.preferences),
        get_account_settings=GetAccountSettings(),
        update_account_settings=UpdateAccountSettings(ledger.accounts),
        directory=Directory(ledger.users, PageTokens(ledger.secret, "users"), PageTokens(ledger.secret, "crm_users")),
        list_placeholders=ListPlaceholders(ledger.placeholders, PageTokens(ledger.secret, "placeholders")),
        remove_placeholder=RemovePlaceholder(ledger.placeholders, ledger.call_logs, clock),
        open_replay=OpenReplay(ledger.placeholders, clock),
        keys=Keys(ledger.credentials, PageTokens(ledger.secret, "keys"), clock),
    )


async def _run_in_background(stack: AsyncExitStack, *jobs: Coroutine[None, None, None]) -> None:
    for job in jobs:
        task = asyncio.create_task(job)
        stack.push_async_callback(_cancelled, task)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
