"""The composition root: all parts are created and connected here."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry

from leadline_server.account_crms import AccountCrms, open_crms
from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.accounts.registry import AccountRegistry
from leadline_server.administration import Administration, administration_of, start_checks
from leadline_server.audit.keeper import AuditKeeper
from leadline_server.audit.observations import Observations
from leadline_server.auth.attempts import FailedAttempts
from leadline_server.auth.authenticator import Authenticator
from leadline_server.auth.embed_tokens import EmbedTokens
from leadline_server.auth.ledger_contact import LedgerContact
from leadline_server.auth.sessions import Sessions
from leadline_server.auth.tokens import JwtVerifier
from leadline_server.clock import Clock, SystemClock
from leadline_server.commands import (
    Commands,
    CountCallLogs,
    CreateContact,
    Directory,
    ExportAccount,
    GetCallLog,
    Keys,
    ListAuditEntries,
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
from leadline_server.config import Settings
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.contacts.number_claims import NumberClaims
from leadline_server.crm.embedded.contents import ContentsOfEmbedded
from leadline_server.crm.wrappers import CachePolicy, CrmMetrics
from leadline_server.crm.wrappers.stack import WrapperStack
from leadline_server.delivery.attempt import AttemptRunner, DecisionLoader
from leadline_server.delivery.copy_watch import CopyWatch
from leadline_server.delivery.in_ledger import InLedgerDelivery
from leadline_server.delivery.metrics import DeliveryMetrics
from leadline_server.delivery.placeholder_budget import PlaceholderBudget
from leadline_server.delivery.result_writer import ResultWriter
from leadline_server.delivery.scheduler import DeliveryScheduler
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain.access.principals import BrowserSession, principal
from leadline_server.domain.audit import SERVER, Actor, AuditAction, AuditEvent
from leadline_server.domain.audit_chain import ChainedEntry
from leadline_server.ledger_opening import open_ledger
from leadline_server.parts import PLAIN, Parts
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.embedded_contents import EmbeddedContents
from leadline_server.ports.ledger import Ledger
from leadline_server.replica_recorder import ReplicaRecorder, replica_of
from leadline_server.retention.account_removal import AccountRemoval
from leadline_server.retention.pruner import Pruner
from leadline_server.watch.feeds import ChangeFeeds

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
    observations: Observations
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
    parts: Parts = PLAIN,
    emit: Callable[[Sequence[ChainedEntry]], object] = lambda _: None,
) -> AsyncIterator[App]:
    """Open the ledger and the CRMs that `settings` name, and deliver calls in the background until the end.

    Args:
        settings: the settings.
        clock: the clock; by default the ledger's.
        wrap: a wrapper for every CRM adapter, for tests.
        registry: where the metrics of delivery and of the CRMs are registered; None: nowhere.
        cache: how long answers to lookups are remembered, of every CRM. None: as the settings say, and none of the
            embedded CRM's, which answers as fast and is always up to date.
        parts: the parts that may be traced.
        emit: takes the entries of the audit trail that this process chained; it must not block.

    Raises:
        LedgerUnavailable: the ledger cannot be used; the message says what to do.
        CrmUnavailable: a connection cannot be opened: the embedded CRM's file, say.
    """
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(settings, parts.database, parts.postgres))
        own_clock, clock = clock or SystemClock(), clock or ledger.clock
        leases = LeaseKeeper(uuid.uuid4().hex, clock)
        copy = CopyWatch(ledger.copy_mark, await ledger.copy_mark.state())
        of_file, own = await stack.enter_async_context(open_crms(settings, ledger, clock, leases.process_id))
        limits = AccountLimitsRegistry(settings.account_concurrency, settings.account_rate, clock.monotonic)
        wrappers = WrapperStack(clock.now, None if registry is None else CrmMetrics(registry))
        crms = AccountCrms(
            settings=settings,
            of_file=of_file,
            own=own,
            limits=limits,
            wrappers=wrappers,
            wrap=wrap,
            copy=copy,
            cache=cache,
            part=parts.crm,
        )
        accounts = AccountRegistry(
            ledger.accounts, ledger.settings_versions, ledger.preferences, ledger.users, crms.connect, limits
        )
        deliveries = _deliveries(ledger, accounts, leases, limits, copy, parts, registry)
        worker = deliveries.worker
        feeds = ChangeFeeds(ledger.call_logs)
        observations = Observations(ledger.audit)
        keeper = AuditKeeper(ledger.audit, observations, emit)
        if registry is not None:
            registry.register(keeper)
        stack.push_async_callback(keeper.finish)
        stack.push_async_callback(worker.drain, DRAIN_SECONDS)
        embedded = ContentsOfEmbedded(of_file)
        removal = AccountRemoval(ledger.account_data, embedded.forget, clock)
        pruner = Pruner(ledger.retention, leases, settings.keep_calls, settings.keep_audit)
        recorder = ReplicaRecorder(ledger.replicas, replica_of(settings, leases.process_id, own_clock), own_clock)
        stack.push_async_callback(recorder.finish)
        await _run_in_background(stack, deliveries.scheduler.run(), worker.in_flight.cut_long_attempts())
        await _run_in_background(stack, leases.run(), feeds.run())
        await _run_in_background(stack, pruner.run(), copy.run(), removal.run(), keeper.run(), recorder.run())
        authenticator = await _authenticator(settings, ledger, observations, clock, stack)
        administration = administration_of(settings, ledger, accounts, removal, clock)
        if settings.check_connections and not copy.is_standby():
            await _run_in_background(stack, start_checks(settings, ledger, accounts, clock).run())
        commands = _commands(ledger, administration, deliveries, feeds, keeper, embedded, clock)
        yield App(commands, ledger, observations, authenticator)


async def _authenticator(
    settings: Settings, ledger: Ledger, observations: Observations, clock: Clock, stack: AsyncExitStack
) -> Authenticator | None:
    """Finds the principals of requests, and asks the ledger in the background what ended; None: it is off."""
    if not settings.authentication:
        return None
    contact = LedgerContact(ledger.credentials)
    attempts = FailedAttempts(clock.monotonic, partial(_note_failure, observations))
    tokens = JwtVerifier(settings.issuers, clock.monotonic) if settings.issuers else None
    sessions = Sessions(ledger.secret, ledger.credentials, clock.now, partial(_note_session, observations))
    embeds = EmbedTokens(ledger.secret, ledger.credentials, clock.now, settings.embedding_origins)
    await _run_in_background(stack, contact.run())
    return Authenticator(ledger.credentials, tokens, attempts, contact, sessions, embeds, clock.now, settings.tls_proxy)


def _note_session(observations: Observations, session: BrowserSession) -> None:
    """Note that a browser signed in."""
    who = principal(session)
    event = AuditEvent.of(Actor(who.id), who.account_id, AuditAction.SESSION_STARTED, session.session_id)
    observations.note(event)


def _note_failure(observations: Observations, reason: str, key_id: str) -> None:
    """Note a failed authentication. `key_id` is of a key that exists, if it named one."""
    actor = Actor(f"key:{key_id}" if key_id else "unknown")
    event = AuditEvent.of(actor, SERVER, AuditAction.AUTHENTICATION_FAILED, key_id, reason=reason.upper())
    observations.note(event)


class _Deliveries(NamedTuple):
    """The parts that look contacts up, create them and deliver calls."""

    lookup: ContactLookup
    claims: NumberClaims
    decision_loader: DecisionLoader
    in_ledger: InLedgerDelivery
    worker: DeliveryWorker
    scheduler: DeliveryScheduler


def _deliveries(
    ledger: Ledger,
    accounts: AccountRegistry,
    leases: LeaseKeeper,
    limits: AccountLimitsRegistry,
    copy: CopyWatch,
    parts: Parts,
    registry: CollectorRegistry | None,
) -> _Deliveries:
    clock = leases.clock
    lookup = parts.lookup(ledger.claims, clock)
    claims = NumberClaims(ledger.claims, lookup, leases)
    decision_loader = parts.decisions(lookup, clock)
    result_writer = ResultWriter(ledger.call_logs, clock)
    budget = PlaceholderBudget()
    runner = AttemptRunner(decision_loader, claims.hold, budget, clock)
    may_lack = copy.may_lack if copy.was_restored else None
    in_ledger = InLedgerDelivery(
        ledger.transactions, lookup, decision_loader, result_writer, budget, clock, may_lack=may_lack
    )
    worker = DeliveryWorker(ledger.call_logs, accounts, runner, result_writer, leases, clock, in_ledger=in_ledger)
    scheduler = DeliveryScheduler(ledger.call_logs, worker, limits, clock)
    if registry is not None:
        registry.register(DeliveryMetrics(worker, result_writer, scheduler, limits, budget))
    return _Deliveries(lookup, claims, decision_loader, in_ledger, worker, scheduler)


def _commands(
    ledger: Ledger,
    administration: Administration,
    deliveries: _Deliveries,
    feeds: ChangeFeeds,
    keeper: AuditKeeper,
    embedded: EmbeddedContents,
    clock: Clock,
) -> Commands:
    lookup, claims, decision_loader, in_ledger, worker, _ = deliveries
    return Commands(
        account_administration=administration.accounts,
        connection_administration=administration.connections,
        export_account=ExportAccount(
            ledger.credentials, ledger.users, ledger.preferences, embedded, ledger.call_logs, ledger.audit
        ),
        list_audit_entries=ListAuditEntries(ledger.audit, PageTokens(ledger.secret, "audit"), keeper.chain),
        accounts=administration.registry,
        lookup=lookup,
        search_contacts=SearchContacts(PageTokens(ledger.secret, "contacts")),
        create_contact=CreateContact(claims, ledger.requests, ledger.transactions, lookup, clock),
        log_call=LogCall(
            ledger.call_logs, ledger.placeholders, decision_loader, worker, in_ledger, ledger.transactions, clock
        ),
        get_call_log=GetCallLog(ledger.call_logs),
        retry_call_log=RetryCallLog(ledger.call_logs, worker, in_ledger, clock),
        count_call_logs=CountCallLogs(ledger.call_logs),
        list_call_logs=ListCallLogs(ledger.call_logs, PageTokens(ledger.secret, "call_logs")),
        watch_call_logs=WatchCallLogs(administration.registry, ledger.call_logs, feeds, ledger.secret),
        update_preferences=UpdatePreferences(ledger.preferences),
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
