"""Connects accounts to their CRMs: those of the settings file, and those that accounts have of their own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.clock import Clock
from leadline_server.config import Settings
from leadline_server.config_tables import EMBEDDED
from leadline_server.crm.account_connections import OwnConnections, open_own_connections
from leadline_server.crm.account_settings_check import Catalogue
from leadline_server.crm.connections import (
    AccountCrm,
    Connections,
    ConnectionSpec,
    open_connections,
    unconnected,
)
from leadline_server.crm.egress import Egress
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.wrappers import CachePolicy
from leadline_server.crm.wrappers.deadline import DeadlineCrm
from leadline_server.crm.wrappers.stack import SECONDS, WrapperStack, local_connection
from leadline_server.crm.wrappers.standby import StandbyCrm
from leadline_server.delivery.copy_watch import CopyWatch
from leadline_server.domain.accounts import AccountRecord, AccountState
from leadline_server.domain.audit import SETTINGS_FILE
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter, CrmConnection, in_ledger
from leadline_server.ports.ledger import Ledger

_ACCOUNTS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCrms:
    """Makes the connections of accounts.

    Attributes:
        settings: the settings.
        of_file: the connections of the settings file, which also has the embedded CRM.
        own: the connections that accounts have of their own.
        limits: the accounts' limits.
        wrappers: puts the wrappers around adapters.
        wrap: a wrapper for every adapter, for tests.
        copy: whether the ledger is a restored copy.
        cache: how long answers to lookups are remembered, of every CRM; None: as the settings say.
        part: wraps an adapter, with its name, where calls are traced.
    """

    settings: Settings
    of_file: Connections
    own: OwnConnections
    limits: AccountLimitsRegistry
    wrappers: WrapperStack
    wrap: Callable[[CrmAdapter], CrmAdapter]
    copy: CopyWatch
    cache: CachePolicy | None
    part: Callable[[CrmAdapter, str], CrmAdapter]

    async def connect(self, record: AccountRecord, current: Callable[[], AccountSettings]) -> CrmConnection:
        """The connection of an account; `current` returns its settings."""
        crm = await self._crm_of(record, AccountView(record.account_id, current))
        adapter = self.part(self.wrap(crm.adapter), crm.kind)
        if self.copy.is_standby():
            adapter = StandbyCrm(adapter, self.copy.is_standby)
        connection = self._wrapped(record.account_id, replace(crm, adapter=adapter), lambda: current().numbering)
        return replace(connection, is_connected=crm.is_connected, check=DeadlineCrm(adapter, SECONDS).check)

    async def _crm_of(self, record: AccountRecord, account: AccountView) -> AccountCrm:
        if record.state is AccountState.DISABLED:
            return unconnected("The account is disabled.")
        if record.account_id in self.settings.accounts or not record.connection_revision:
            return self.of_file(account)
        return await self.own.connect(account, record.connection_revision)

    def _wrapped(self, account_id: str, crm: AccountCrm, rules: Callable[[], NumberingRules]) -> CrmConnection:
        limits = self.limits.of(account_id)
        breaker, rate = limits.breaker, limits.rate
        if not crm.is_remote and self.cache is None:
            local = local_connection(crm.adapter, breaker, rate, has_clean_texts=crm.has_clean_texts)
            # Where the account limits its requests, they must wait for their turns, which no transaction may do.
            return local if rate is not None else replace(local, in_ledger=in_ledger(crm.adapter))
        policy = self.cache or _cache_policy(self.settings)
        return self.wrappers.connection(crm.adapter, crm.kind, breaker=breaker, rate=rate, rules=rules, cache=policy)


@asynccontextmanager
async def open_crms(
    settings: Settings, ledger: Ledger, clock: Clock, process_id: str
) -> AsyncIterator[tuple[Connections, OwnConnections]]:
    """The connections of the settings file, and those of accounts. Raises CrmUnavailable."""
    egress, catalogue = egress_of(settings), Catalogue(settings.definition_folder)
    async with AsyncExitStack() as stack:
        of_file = await stack.enter_async_context(
            open_connections(
                _named(settings),
                settings.connection_of,
                ledger,
                settings.data_dir,
                clock,
                process_id,
                await _numbering_of_accounts(settings, ledger),
                egress,
            )
        )
        own = await stack.enter_async_context(
            open_own_connections(ledger, of_file, egress, catalogue, clock, process_id, settings.data_dir)
        )
        yield of_file, own


def egress_of(settings: Settings) -> Egress:
    """How connections leave this machine."""
    hosts = frozenset(host.lower().rstrip(".") for host in settings.egress_hosts)
    return Egress(hosts=hosts, proxy=settings.egress_proxy, ca=settings.egress_ca)


def connection_specs(settings: Settings) -> dict[str, ConnectionSpec]:
    """All connections of the settings, by name. The embedded CRM needs no table there."""
    tables = {
        name: ConnectionSpec(table.adapter, table.options, table.search_lag_seconds, table.settle_seconds)
        for name, table in settings.connections.items()
    }
    return {EMBEDDED: ConnectionSpec(EMBEDDED)} | tables


async def _numbering_of_accounts(settings: Settings, ledger: Ledger) -> dict[str, NumberingRules]:
    """Create the accounts of the file that are new; returns how the numbers of all accounts are read, by their ids."""
    for account_id, account in settings.accounts.items():
        begin = AccountSettings(default_region=account.default_region, time_zone=account.time_zone)
        await ledger.accounts.create(account_id, begin, SETTINGS_FILE)
    numbering, after = dict[str, NumberingRules](), ""
    while page := await ledger.accounts.list(after, _ACCOUNTS_AT_ONCE):
        numbering |= {record.account_id: record.settings.numbering for record in page}
        after = page[-1].account_id
    return numbering


def _named(settings: Settings) -> dict[str, ConnectionSpec]:
    """The connections that accounts name."""
    named = {account.connection for account in settings.accounts.values()}
    return {name: spec for name, spec in connection_specs(settings).items() if name in named}


def _cache_policy(settings: Settings) -> CachePolicy | None:
    """How long answers to lookups are remembered, for CRMs that are asked over a network."""
    if not settings.lookup_cache_seconds and not settings.lookup_cache_none_seconds:
        return None
    return CachePolicy(
        found_seconds=settings.lookup_cache_seconds,
        none_seconds=settings.lookup_cache_none_seconds,
        entries=settings.lookup_cache_entries,
    )
