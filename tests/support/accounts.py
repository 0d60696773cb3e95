"""Accounts without a ledger, for tests of the transport."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.transport.endpoint import read_by_rules

T = TypeVar("T")


class FakeAccounts:
    """Accounts with no more than a region, by id."""

    def __init__(self, **regions: str) -> None:
        self._regions = regions

    def knows(self, account_id: str) -> bool:
        return account_id in self._regions

    async def find(self, account_id: str) -> Account | None:
        region = self._regions.get(account_id)
        if region is None:
            return None
        settings = AccountSettings(default_region=region)
        return cast("Account", SimpleNamespace(id=account_id, rules=settings.numbering, settings=settings))

    async def get(self, account_id: str) -> Account:
        account = await self.find(account_id)
        if account is None:
            raise AccountNotFound(account_id)
        return account

    async def confirmed(self, account_id: str, work: Callable[[Account, int], Awaitable[T]]) -> T:
        return await work(await self.get(account_id), 0)

    seen_in_ledger = None

    get_any = get


async def read_request(reader: Callable[[Any, NumberingRules | None], T], request: Any) -> T:
    """The result of `reader` for a request; the accounts are us and gb."""
    accounts = cast("AccountRegistry", FakeAccounts(us="US", gb="GB"))
    return (await read_by_rules(accounts, request, reader))[1]
