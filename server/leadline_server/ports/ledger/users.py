"""The ledger's directory of users."""

from collections.abc import Sequence
from typing import Protocol

from leadline_server.domain.audit import LEADLINE, Actor
from leadline_server.domain.directory import DirectoryIndex, User


class Users(Protocol):
    """The users of accounts. Example: user `jane` of account `demo` with extension 101 and one phone number.

    Each change is recorded in the audit trail, in the same transaction, with the actor `by`.
    """

    async def get(self, account_id: str, user_id: str) -> User | None:
        """One user; None if there is none."""
        ...

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[User]:
        """At most `limit` users whose ids follow `after`, in the order of their ids."""
        ...

    async def put(self, account_id: str, user: User, by: Actor = LEADLINE) -> None:
        """Create or replace the user.

        Raises:
            UserConflict: another user has one of the keys.
            TooManyUsers: the account has MAX_USERS users already.
        """
        ...

    async def delete(self, account_id: str, user_id: str, by: Actor = LEADLINE) -> bool:
        """Delete the user; False if there is none."""
        ...

    async def index(self, account_id: str) -> DirectoryIndex:
        """All users by their keys, as they are now. Implementations cache it until the directory changes."""
        ...
