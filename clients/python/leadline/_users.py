"""The part of the client for users: those of leadline, and those that the CRM lists."""
# ruff: noqa: ASYNC109 - a timeout is the deadline of an RPC, which the server is told

from collections.abc import AsyncIterator

from leadline._connection import Connection
from leadline.v1.directory_pb2 import CrmUser, User
from leadline.v1.directory_service_pb2 import (
    DeleteUserRequest,
    GetUserRequest,
    ListCrmUsersRequest,
    ListUsersRequest,
    UpsertUserRequest,
)


class UserMethods:
    """Methods of `AsyncClient`."""

    _connection: Connection
    _account: str

    async def get_user(self, user_id: str, *, timeout: float | None = None) -> User:
        """One user of the directory."""
        request = GetUserRequest(account_id=self._account, user_id=user_id)
        return (await self._connection.ask(self._connection.stubs().directory.GetUser, request, timeout)).user

    async def list_users(self, *, page_size: int = 0, timeout: float | None = None) -> AsyncIterator[User]:
        """The directory's users by id, page after page as they are taken; `timeout` is a page's."""
        request = ListUsersRequest(account_id=self._account, page_size=page_size)
        while True:
            page = await self._connection.ask(self._connection.stubs().directory.ListUsers, request, timeout)
            for user in page.users:
                yield user
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def list_crm_users(self, *, timeout: float | None = None) -> AsyncIterator[CrmUser]:
        """The users of the account's CRM, page after page as they are taken; `timeout` is a page's.

        Raises:
            FailedPrecondition: leadline cannot list the users of this CRM.
        """
        request = ListCrmUsersRequest(account_id=self._account)
        while True:
            page = await self._connection.ask(self._connection.stubs().directory.ListCrmUsers, request, timeout)
            for user in page.crm_users:
                yield user
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def upsert_user(self, user: User, *, timeout: float | None = None) -> User:
        """Create a user of the directory, or replace one as a whole; returns the user as stored.

        Raises:
            AlreadyExists: another user has one of the extensions, numbers or addresses.
        """
        request = UpsertUserRequest(account_id=self._account, user=user)
        return (await self._connection.ask(self._connection.stubs().directory.UpsertUser, request, timeout)).user

    async def delete_user(self, user_id: str, *, timeout: float | None = None) -> None:
        """Delete a user of the directory."""
        request = DeleteUserRequest(account_id=self._account, user_id=user_id)
        await self._connection.ask(self._connection.stubs().directory.DeleteUser, request, timeout)
