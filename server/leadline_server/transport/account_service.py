"""AccountService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from collections.abc import AsyncIterator

from leadline.admin.v1 import account_pb2
from leadline.admin.v1 import account_service_pb2 as pb
from leadline.admin.v1.account_service_pb2_grpc import AccountServiceServicer

from leadline_server.commands import AccountAdministration, Commands, ConnectionAdministration
from leadline_server.commands.account_connections import ShownConnection
from leadline_server.domain.account_errors import ConnectionNotFound
from leadline_server.domain.accounts import AccountRecord
from leadline_server.transport.context import Context
from leadline_server.transport.exported_items import exported
from leadline_server.wire.accounts import (
    TITLE_LENGTH,
    account_message,
    connection_fields,
    connection_message,
    first_settings,
)
from leadline_server.wire.preferences import settings_message
from leadline_server.wire.violations import TOKEN_LENGTH, Violations


class AccountServicer(AccountServiceServicer):
    """AccountService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    @property
    def _accounts(self) -> AccountAdministration:
        return self._commands.account_administration

    @property
    def _connections(self) -> ConnectionAdministration:
        return self._commands.connection_administration

    async def CreateAccount(self, request: pb.CreateAccountRequest, context: Context) -> pb.CreateAccountResponse:
        """Create an account."""
        check = Violations()
        account_id = check.identifier("account_id", request.account_id)
        title = check.text("title", request.title, TITLE_LENGTH)
        settings = first_settings(check, request)
        check.raise_any()
        return pb.CreateAccountResponse(account=self._message(await self._accounts.create(account_id, settings, title)))

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.GetAccountResponse:
        """Show an account."""
        return pb.GetAccountResponse(account=self._message(await self._accounts.get(_account_id(request))))

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Context) -> pb.ListAccountsResponse:
        """List accounts."""
        check = Violations()
        account_id = check.optional_id("account_id", request.account_id)
        page_size = check.page_size(request.page_size)
        page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
        check.raise_any()
        found = await self._accounts.list(account_id, page_size, page_token)
        return pb.ListAccountsResponse(
            accounts=map(self._message, found.accounts), next_page_token=found.next_page_token
        )

    async def UpdateAccount(self, request: pb.UpdateAccountRequest, context: Context) -> pb.UpdateAccountResponse:
        """Change an account's title."""
        check = Violations()
        account_id = check.identifier("account_id", request.account_id)
        title = check.text("title", request.title, TITLE_LENGTH) if request.HasField("title") else None
        check.raise_any()
        return pb.UpdateAccountResponse(account=self._message(await self._accounts.update(account_id, title)))

    async def DisableAccount(self, request: pb.DisableAccountRequest, context: Context) -> pb.DisableAccountResponse:
        """Stop serving an account, or serve it again."""
        account = await self._accounts.disable(_account_id(request), enable=request.enable)
        return pb.DisableAccountResponse(account=self._message(account))

    async def DeleteAccount(self, request: pb.DeleteAccountRequest, context: Context) -> pb.DeleteAccountResponse:
        """Delete an account with its data."""
        await self._accounts.delete(_account_id(request))
        return pb.DeleteAccountResponse()

    async def ExportAccount(
        self, request: pb.ExportAccountRequest, context: Context
    ) -> AsyncIterator[pb.ExportAccountResponse]:
        """Send what leadline has of an account."""
        account_id = _account_id(request)
        record = await self._accounts.get(account_id)
        yield pb.ExportAccountResponse(account=self._message(record))
        yield pb.ExportAccountResponse(settings=settings_message(record.settings))
        connection = await self._connection(account_id)
        if connection is not None:
            yield pb.ExportAccountResponse(connection=connection)
        async for item in self._commands.export_account.execute(account_id):
            yield exported(item)

    async def GetConnection(self, request: pb.GetConnectionRequest, context: Context) -> pb.GetConnectionResponse:
        """Show an account's connection."""
        account_id = _account_id(request)
        return pb.GetConnectionResponse(connection=_shown(account_id, await self._connections.get(account_id)))

    async def SetConnection(self, request: pb.SetConnectionRequest, context: Context) -> pb.SetConnectionResponse:
        """Connect an account to a CRM."""
        check = Violations()
        account_id = check.identifier("account_id", request.account_id)
        adapter, options, secrets = connection_fields(check, request)
        check.raise_any()
        await self._accounts.check_changeable(account_id)
        shown = await self._connections.set(account_id, adapter, options, secrets)
        return pb.SetConnectionResponse(connection=_shown(account_id, shown))

    async def CheckConnection(self, request: pb.CheckConnectionRequest, context: Context) -> pb.CheckConnectionResponse:
        """Ask an account's CRM."""
        account_id = _account_id(request)
        return pb.CheckConnectionResponse(connection=_shown(account_id, await self._connections.check(account_id)))

    def _message(self, record: AccountRecord) -> account_pb2.Account:
        return account_message(record, is_of_file=self._accounts.is_of_file(record.account_id))

    async def _connection(self, account_id: str) -> account_pb2.Connection | None:
        try:
            return _shown(account_id, await self._connections.get(account_id))
        except ConnectionNotFound:
            return None


_OneAccount = (
    pb.GetAccountRequest
    | pb.DisableAccountRequest
    | pb.DeleteAccountRequest
    | pb.ExportAccountRequest
    | pb.GetConnectionRequest
    | pb.CheckConnectionRequest
)


def _account_id(request: _OneAccount) -> str:
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    check.raise_any()
    return account_id


def _shown(account_id: str, shown: ShownConnection) -> account_pb2.Connection:
    return connection_message(account_id, shown.name, shown.connection, shown.check, is_of_file=shown.is_of_file)
