"""The RPCs of accounts: create, get, list, update, disable and delete."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from leadline_server.audit.acting import acting
from leadline_server.clock import Clock
from leadline_server.commands.paging import PageTokens
from leadline_server.domain.account_errors import AccountAlreadyExists, AccountNotChangeable, AccountNotFound
from leadline_server.domain.accounts import AccountRecord, AccountState, OwnConnection
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.ledger import AccountConnections, AccountData, Accounts

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class AccountList:
    """One page of accounts, and the token of the next; empty on the last."""

    accounts: Sequence[AccountRecord]
    next_page_token: str


class AccountAdministration:
    """Administers accounts.

    Args:
        accounts: the ledger's accounts.
        connections: the connections that accounts have of their own.
        data: deletes the data of accounts.
        remove: removes the data of an account that is being deleted, as far as the time suffices.
        of_file: the ids of the accounts that the settings file has; it owns them.
        tokens: makes page tokens.
        clock: the clock.
    """

    def __init__(
        self,
        accounts: Accounts,
        connections: AccountConnections,
        data: AccountData,
        remove: Callable[[str], Awaitable[None]],
        of_file: Collection[str],
        tokens: PageTokens,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._connections = connections
        self._data = data
        self._remove = remove
        self._of_file = of_file
        self._tokens = tokens
        self._clock = clock

    def is_of_file(self, account_id: str) -> bool:
        """Whether the settings file has the account. If so, it is changed there alone."""
        return account_id in self._of_file

    async def create(self, account_id: str, settings: AccountSettings, title: str) -> AccountRecord:
        """Create an account with the embedded CRM. Raises AccountAlreadyExists or AccountBeingDeleted."""
        now = self._clock.now()
        if not await self._accounts.create(account_id, settings, acting(), title=title, now=now):
            raise AccountAlreadyExists(account_id, "settings file" if self.is_of_file(account_id) else "API")
        await self._connections.put(account_id, OwnConnection(adapter=EMBEDDED), now, acting())
        return await self._accounts.record(account_id)

    async def get(self, account_id: str) -> AccountRecord:
        """An account. Raises AccountNotFound."""
        return await self._accounts.record(account_id)

    async def list(self, account_id: str, page_size: int, page_token: str) -> AccountList:
        """A page of accounts; of one alone if `account_id` is given. Raises InvalidPageToken."""
        if account_id:
            try:
                return AccountList([await self._accounts.record(account_id)], "")
            except AccountNotFound:
                return AccountList([], "")
        after = self._tokens.read("", page_token) if page_token else ""
        found = await self._accounts.list(after, page_size + 1)
        accounts = found[:page_size]
        more = self._tokens.make("", accounts[-1].account_id) if len(found) > page_size else ""
        return AccountList(accounts, more)

    async def update(self, account_id: str, title: str | None) -> AccountRecord:
        """Change the title. Raises AccountNotFound or AccountNotChangeable."""
        await self.check_changeable(account_id)
        return await self._accounts.administer(account_id, self._clock.now(), acting(), title=title)

    async def disable(self, account_id: str, *, enable: bool) -> AccountRecord:
        """Stop serving an account, or serve it again. Raises AccountNotFound or AccountNotChangeable."""
        await self.check_changeable(account_id)
        state = AccountState.ACTIVE if enable else AccountState.DISABLED
        return await self._accounts.administer(account_id, self._clock.now(), acting(), state=state)

    async def delete(self, account_id: str) -> None:
        """Delete an account with all its data. Raises AccountNotFound or AccountNotChangeable."""
        await self.check_changeable(account_id)
        await self._data.begin_deletion(account_id, self._clock.now(), acting())
        await self._remove(account_id)

    async def check_changeable(self, account_id: str) -> None:
        """Raise AccountNotFound, or AccountNotChangeable if the settings file has the account."""
        await self._accounts.record(account_id)
        if self.is_of_file(account_id):
            raise AccountNotChangeable(account_id)
