"""The directory's RPCs: GetUser, ListUsers, UpsertUser, DeleteUser and ListCrmUsers."""

from collections.abc import Sequence
from dataclasses import dataclass

from leadline_server.accounts.registry import Account
from leadline_server.audit.acting import acting
from leadline_server.commands.paging import PageTokens
from leadline_server.domain.account_errors import UserNotFound
from leadline_server.domain.crm_errors import CrmInvalidCursor, CrmRejected
from leadline_server.domain.directory import CrmUser, User
from leadline_server.domain.errors import FieldViolation, InvalidPageToken
from leadline_server.ports.crm import ListsUsers
from leadline_server.ports.ledger import Users


@dataclass(frozen=True, slots=True)
class UserList:
    """One page of users, and the token of the next; empty on the last."""

    users: Sequence[User]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class CrmUserList:
    """One page of the CRM's users, and the token of the next; empty on the last."""

    users: Sequence[CrmUser]
    next_page_token: str


class Directory:
    """Reads and writes an account's users, and shows those of its CRM.

    Args:
        users: the directory.
        page_tokens: for pages of it.
        crm_page_tokens: for pages of the CRM's users.
    """

    def __init__(self, users: Users, page_tokens: PageTokens, crm_page_tokens: PageTokens) -> None:
        self._users = users
        self._page_tokens = page_tokens
        self._crm_page_tokens = crm_page_tokens

    async def get(self, account: Account, user_id: str) -> User:
        """One user. Raises UserNotFound."""
        user = await self._users.get(account.id, user_id)
        if user is None:
            raise UserNotFound(account.id, user_id)
        return user

    async def list(self, account: Account, page_size: int, page_token: str) -> UserList:
        """A page of users in the order of their ids. Raises InvalidPageToken."""
        after = self._page_tokens.read(account.id, page_token) if page_token else ""
        users = await self._users.list(account.id, after, page_size + 1)
        if len(users) <= page_size:
            return UserList(users, "")
        page = users[:page_size]
        return UserList(page, self._page_tokens.make(account.id, page[-1].user_id))

    async def upsert(self, account: Account, user: User) -> User:
        """Create or replace a user; unchanged where they are so already. Raises UserConflict or TooManyUsers."""
        if await self._users.get(account.id, user.user_id) != user:
            await self._users.put(account.id, user, acting())
        return user

    async def delete(self, account: Account, user_id: str) -> None:
        """Delete a user. Raises UserNotFound."""
        if not await self._users.delete(account.id, user_id, acting()):
            raise UserNotFound(account.id, user_id)

    async def list_crm_users(self, account: Account, page_token: str) -> CrmUserList:
        """A page of the CRM's users. Raises InvalidPageToken or CrmError."""
        crm = account.crm
        if not isinstance(crm, ListsUsers):
            raise CrmRejected("leadline cannot list the users of this CRM.")
        cursor = self._crm_page_tokens.read(account.id, page_token) if page_token else ""
        try:
            page = await crm.list_users(cursor)
        except CrmInvalidCursor as error:
            raise InvalidPageToken([FieldViolation("page_token", "was made for another CRM")]) from error
        following = self._crm_page_tokens.make(account.id, page.next_cursor) if page.next_cursor else ""
        return CrmUserList(page.users, following)
