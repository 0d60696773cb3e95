"""DirectoryService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from leadline.v1 import directory_service_pb2 as pb
from leadline.v1.directory_service_pb2_grpc import DirectoryServiceServicer

from leadline_server.commands import Commands
from leadline_server.domain.directory import User
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.transport.context import Context
from leadline_server.transport.endpoint import read_by_rules
from leadline_server.wire.directory import CRM_USER, USER
from leadline_server.wire.directory import user as read_user
from leadline_server.wire.violations import TOKEN_LENGTH, Violations


class DirectoryServicer(DirectoryServiceServicer):
    """DirectoryService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def GetUser(self, request: pb.GetUserRequest, context: Context) -> pb.GetUserResponse:
        """Show a user."""
        user_id = _user_id(request)
        account = await self._commands.accounts.get(request.account_id)
        return pb.GetUserResponse(user=USER.message(await self._commands.directory.get(account, user_id)))

    async def ListUsers(self, request: pb.ListUsersRequest, context: Context) -> pb.ListUsersResponse:
        """List the account's users."""
        check = Violations()
        check.identifier("account_id", request.account_id)
        page_size = check.page_size(request.page_size)
        page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
        check.raise_any()
        account = await self._commands.accounts.get(request.account_id)
        found = await self._commands.directory.list(account, page_size, page_token)
        users = [USER.message(user) for user in found.users]
        return pb.ListUsersResponse(users=users, next_page_token=found.next_page_token)

    async def UpsertUser(self, request: pb.UpsertUserRequest, context: Context) -> pb.UpsertUserResponse:
        """Create or replace a user."""
        account, user = await read_by_rules(self._commands.accounts, request, _upserted)
        return pb.UpsertUserResponse(user=USER.message(await self._commands.directory.upsert(account, user)))

    async def DeleteUser(self, request: pb.DeleteUserRequest, context: Context) -> pb.DeleteUserResponse:
        """Delete a user."""
        user_id = _user_id(request)
        account = await self._commands.accounts.get(request.account_id)
        await self._commands.directory.delete(account, user_id)
        return pb.DeleteUserResponse()

    async def ListCrmUsers(self, request: pb.ListCrmUsersRequest, context: Context) -> pb.ListCrmUsersResponse:
        """List the users of the account's CRM."""
        check = Violations()
        check.identifier("account_id", request.account_id)
        page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
        check.raise_any()
        account = await self._commands.accounts.get(request.account_id)
        found = await self._commands.directory.list_crm_users(account, page_token)
        users = [CRM_USER.message(user) for user in found.users]
        return pb.ListCrmUsersResponse(crm_users=users, next_page_token=found.next_page_token)


def _user_id(request: pb.GetUserRequest | pb.DeleteUserRequest) -> str:
    check = Violations()
    check.identifier("account_id", request.account_id)
    user_id = check.identifier("user_id", request.user_id)
    check.raise_any()
    return user_id


def _upserted(request: pb.UpsertUserRequest, rules: NumberingRules | None) -> User:
    check = Violations()
    check.identifier("account_id", request.account_id)
    user = read_user(check, "user", request.user, rules)
    check.raise_any()
    return user
