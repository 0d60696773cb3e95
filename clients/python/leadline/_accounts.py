"""The part of the client for administering accounts and their connections."""
# ruff: noqa: ASYNC109 - a timeout is the deadline of an RPC, which the server is told

from collections.abc import AsyncIterator, Mapping
from typing import Any

from leadline._connection import Connection, translated
from leadline.admin.v1 import account_pb2
from leadline.admin.v1.account_service_pb2 import (
    CheckConnectionRequest,
    CreateAccountRequest,
    DeleteAccountRequest,
    DisableAccountRequest,
    ExportAccountRequest,
    ExportAccountResponse,
    GetAccountRequest,
    GetConnectionRequest,
    ListAccountsRequest,
    SetConnectionRequest,
    UpdateAccountRequest,
)
from leadline.admin.v1.account_service_pb2_grpc import AccountServiceStub


class AccountMethods:
    """Methods of `AsyncClient`. They are about the client's account; `using` gives a client for another."""

    _connection: Connection
    _account: str

    async def create_account(
        self, *, title: str = "", default_region: str = "", time_zone: str = "", timeout: float | None = None
    ) -> account_pb2.Account:
        """Create the client's account. Example: `await client.using(account="acme").create_account(title="Acme")`."""
        request = CreateAccountRequest(
            account_id=self._account, title=title, default_region=default_region, time_zone=time_zone
        )
        return (await self._connection.ask(self._rpcs.CreateAccount, request, timeout)).account

    async def get_account(self, *, timeout: float | None = None) -> account_pb2.Account:
        """The account, with its state and its owner."""
        request = GetAccountRequest(account_id=self._account)
        return (await self._connection.ask(self._rpcs.GetAccount, request, timeout)).account

    async def list_accounts(
        self, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncIterator[account_pb2.Account]:
        """All accounts of the server, page after page as they are taken."""
        request = ListAccountsRequest(page_size=page_size)
        while True:
            page = await self._connection.ask(self._rpcs.ListAccounts, request, timeout)
            for account in page.accounts:
                yield account
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def update_account(self, *, title: str, timeout: float | None = None) -> account_pb2.Account:
        """Change the account's title."""
        request = UpdateAccountRequest(account_id=self._account, title=title)
        return (await self._connection.ask(self._rpcs.UpdateAccount, request, timeout)).account

    async def disable_account(self, *, enable: bool = False, timeout: float | None = None) -> account_pb2.Account:
        """Stop serving the account, or serve it again with `enable`."""
        request = DisableAccountRequest(account_id=self._account, enable=enable)
        return (await self._connection.ask(self._rpcs.DisableAccount, request, timeout)).account

    async def delete_account(self, *, timeout: float | None = None) -> None:
        """Delete the account with all its data. It cannot be undone."""
        await self._connection.ask(self._rpcs.DeleteAccount, DeleteAccountRequest(account_id=self._account), timeout)

    async def export_account(self) -> AsyncIterator[ExportAccountResponse]:
        """All that leadline has of the account, one thing after the other. There is no deadline."""
        request = ExportAccountRequest(account_id=self._account)
        call = self._rpcs.ExportAccount(request, metadata=await self._connection.metadata())
        try:
            while True:
                with translated():
                    item = await call.read()
                if not isinstance(item, ExportAccountResponse):
                    return
                yield item
        finally:
            call.cancel()

    async def get_connection(self, *, timeout: float | None = None) -> account_pb2.Connection:
        """The account's connection to its CRM, without secrets."""
        request = GetConnectionRequest(account_id=self._account)
        return (await self._connection.ask(self._rpcs.GetConnection, request, timeout)).connection

    async def set_connection(
        self,
        adapter: str,
        options: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> account_pb2.Connection:
        """Connect the account to a CRM. Example: `await client.set_connection("hubspot", secrets={"token": token})`."""
        request = SetConnectionRequest(account_id=self._account, adapter=adapter, secrets=secrets or {})
        request.options.update(dict(options or {}))
        return (await self._connection.ask(self._rpcs.SetConnection, request, timeout)).connection

    async def check_connection(self, *, timeout: float | None = None) -> account_pb2.Connection:
        """Ask the CRM whether leadline can work with it. The connection's state is the answer."""
        request = CheckConnectionRequest(account_id=self._account)
        return (await self._connection.ask(self._rpcs.CheckConnection, request, timeout)).connection

    @property
    def _rpcs(self) -> AccountServiceStub:
        return self._connection.stubs().accounts
