"""Accounts: the settings, the CRM and the limits of each, resolved once a request."""

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from leadline_server.accounts.limits import AccountLimits, AccountLimitsRegistry
from leadline_server.domain.account_errors import AccountDisabled, AccountNotFound
from leadline_server.domain.accounts import AccountRecord, AccountState
from leadline_server.domain.directory import DirectoryIndex
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.fast_init import fast_init, replacer
from leadline_server.domain.ledger_errors import SettingsChanged
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter, CrmConnection, InLedgerCrm, RememberedAnswers
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger import (
    Accounts,
    LedgerTransaction,
    PreferencesInForce,
    PreferenceStore,
    SettingsVersions,
    Users,
)

T = TypeVar("T")

Connect = Callable[[AccountRecord, Callable[[], AccountSettings]], Awaitable[CrmConnection]]
"""Makes the connection of an account. Takes the account, and a function that returns its current settings."""


@fast_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as it is now. A request resolves it once and hands it on.

    Attributes:
        id: the account's id.
        record: the account as the ledger has it.
        settings: its settings.
        rules: how its numbers are read. Example: the region "GB" makes 020 7946 0123 +442079460123.
        crm: its CRM.
        adapter: the adapter of its CRM without the wrappers.
        remembered: answers that its CRM gave a moment ago; None if none are kept.
        is_connected: whether its connection could be opened. If not, it is tried again.
        check: asks the CRM itself whether it can be used, whatever is remembered. Raises CrmError.
        limits: its circuit breaker, and how much of it is delivered at once.
        preferences: the preferences in force now for a user id.
        last_preferences: the preferences of a user id as this process last read them, perhaps outdated.
        settings_version: asks for its settings version now; see `ports.ledger.SettingsVersions`.
        directory: the account's users by their extensions, numbers and e-mail addresses.
        in_ledger: its CRM if that lives in the ledger's database; None: it does not.
        own_numbers: the E.164 numbers and the extensions of the account and of its users: {"+12025550101", "101"}.
    """

    id: str
    record: AccountRecord
    settings: AccountSettings
    rules: NumberingRules
    crm: CrmAdapter
    adapter: CrmAdapter
    remembered: RememberedAnswers | None
    is_connected: bool
    check: Callable[[], Awaitable[None]]
    limits: AccountLimits
    preferences: Callable[[str], Awaitable[PreferencesInForce]]
    last_preferences: Callable[[str], PreferencesInForce | None]
    settings_version: Callable[[], Awaitable[int | None]]
    directory: DirectoryIndex
    own_numbers: AbstractSet[str] = field(repr=False)
    in_ledger: InLedgerCrm | None = None

    @property
    def capabilities(self) -> Capabilities:
        """The guarantees of its CRM, read each time: an adapter in another process may describe itself later."""
        return self.adapter.capabilities

    def within(self, transaction: LedgerTransaction) -> "Account":
        """The account with its CRM and preferences in a transaction. Only if `in_ledger` is set.

        Transactions that share a commit share it, which takes 5,000 instructions less.
        """
        account: Account = transaction.once(self, self._in)
        return account

    def _in(self, transaction: LedgerTransaction) -> "Account":
        if self.in_ledger is None:
            raise TypeError("the account's CRM is not in the ledger's database")
        within: dict[str, object] = {
            "crm": self.in_ledger.within(transaction),
            "preferences": partial(transaction.preferences, self.id),
            "last_preferences": _not_read,
            "settings_version": partial(transaction.settings_version, self.id),
        }
        return _with(self, within)


_with: Final = replacer(Account)


def _not_read(_: str) -> None:
    """The preferences as last read: a transaction reads its own."""


class AccountRegistry:
    """Gives accounts by id.

    Attributes:
        seen_in_ledger: returns an account as this process last saw it, for a lookup that tells the settings version
            (`ContactLookup.answer_now`). None if to ask for the version costs nothing.
    """

    def __init__(
        self,
        accounts: Accounts,
        versions: SettingsVersions,
        preferences: PreferenceStore,
        users: Users,
        connect: Connect,
        limits: AccountLimitsRegistry,
    ) -> None:
        self._accounts = accounts
        self._versions = versions
        self._preferences = preferences
        self._users = users
        self._connect = connect
        self._limits = limits
        self._seen: dict[str, Account] = {}
        self._connecting: dict[str, asyncio.Lock] = {}
        self.seen_in_ledger = self._seen_in_ledger if versions.are_confirmed else None

    async def get(self, account_id: str) -> Account:
        """The account with the settings in force now, for a request. Raises AccountNotFound or AccountDisabled."""
        return _served(await self.get_any(account_id))

    async def get_any(self, account_id: str) -> Account:
        """As `get`, also if the account is disabled. Raises AccountNotFound."""
        seen, version = self._seen.get(account_id), await self._versions.current(account_id)
        if seen is not None and seen.is_connected and seen.record.settings_version == version:
            return seen
        return await self._renewed(account_id)

    async def confirmed(self, account_id: str, work: Callable[[Account, int], Awaitable[T]]) -> T:
        """The result of `work` with the account as this process last saw it, which saves a question to the ledger.

        `work` must give the ledger the settings version that it gets, with its first change (0: none), and rest nothing
        else on the account before that. If the settings have changed, it is done again with the account as it is now.

        Raises:
            AccountNotFound, AccountDisabled: as `get`.
        """
        seen = self._seen.get(account_id)
        if seen is not None and self._versions.are_confirmed and seen.is_connected:
            with suppress(SettingsChanged, InvalidRequest, AccountDisabled):
                return await work(_served(seen), seen.record.settings_version)
        return await work(await self.get(account_id), 0)

    def _seen_in_ledger(self, account_id: str) -> Account | None:
        """The account as this process last saw it; None if its CRM does not live in the ledger, or it is disabled."""
        seen = self._seen.get(account_id)
        if seen is None or seen.in_ledger is None:
            return None
        return seen if seen.is_connected and seen.record.state is not AccountState.DISABLED else None

    def knows(self, account_id: str) -> bool:
        """Whether the account was used since the start, and so exists. It asks nothing."""
        return account_id in self._seen

    async def find(self, account_id: str) -> Account | None:
        """The account with the settings in force now; None if there is no such account. Raises AccountDisabled."""
        try:
            return await self.get(account_id)
        except AccountNotFound:
            return None

    async def _renewed(self, account_id: str) -> Account:
        try:
            record = await self._accounts.record(account_id)
        except AccountNotFound:
            self._seen.pop(account_id, None)
            raise
        directory = await self._users.index(record.account_id)
        async with self._connecting.setdefault(record.account_id, asyncio.Lock()):
            seen = self._seen.get(record.account_id)
            connection = await self._connection(record, seen)
            seen = self._seen[record.account_id] = self._account(record, directory, connection)
            return seen

    async def _connection(self, record: AccountRecord, seen: Account | None) -> CrmConnection:
        """The connection that there is, unless it belongs to other settings, or does not work."""
        if seen is not None and seen.is_connected and _connected_as(seen.record) == _connected_as(record):
            return CrmConnection(seen.crm, seen.adapter, seen.remembered, check=seen.check, in_ledger=seen.in_ledger)
        return await self._connect(record, self._settings_of(record))

    def _account(self, record: AccountRecord, directory: DirectoryIndex, connection: CrmConnection) -> Account:
        settings = record.settings
        return Account(
            id=record.account_id,
            record=record,
            settings=settings,
            rules=settings.numbering,
            crm=connection.crm,
            adapter=connection.adapter,
            remembered=connection.remembered,
            is_connected=connection.is_connected,
            check=connection.check or connection.crm.check,
            limits=self._limits.of(record.account_id),
            preferences=partial(self._preferences.get, record.account_id),
            last_preferences=partial(self._preferences.last_read, record.account_id),
            settings_version=partial(self._versions.current, record.account_id),
            directory=directory,
            own_numbers=directory.addresses.union(settings.own_numbers),
            in_ledger=connection.in_ledger,
        )

    def _settings_of(self, record: AccountRecord) -> Callable[[], AccountSettings]:
        """A function that returns the settings in force; those of `record` until the account is in use."""

        def current() -> AccountSettings:
            seen = self._seen.get(record.account_id)
            return record.settings if seen is None else seen.settings

        return current


def _served(account: Account) -> Account:
    if account.record.state is AccountState.DISABLED:
        raise AccountDisabled(account.id)
    return account


def _connected_as(record: AccountRecord) -> tuple[int, bool]:
    return record.connection_revision, record.state is AccountState.DISABLED
