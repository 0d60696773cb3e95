"""The errors of accounts, their connections and their users."""

from collections.abc import Sequence

from leadline_server.domain.errors import ErrorReason, LeadlineError


class AccountNotFound(LeadlineError):
    """No such account."""

    reason = ErrorReason.ACCOUNT_NOT_FOUND

    def __init__(self, account_id: str) -> None:
        super().__init__(f"There is no account {account_id!r}.", metadata={"account_id": account_id})


class AccountAlreadyExists(LeadlineError):
    """There is an account of this id; `owner` says who has it: the API or the settings file."""

    reason = ErrorReason.ACCOUNT_ALREADY_EXISTS

    def __init__(self, account_id: str, owner: str) -> None:
        super().__init__(
            f"There is an account {account_id!r} already; it belongs to the {owner}.",
            metadata={"account_id": account_id, "owner": owner},
        )


class AccountDisabled(LeadlineError):
    """The account is disabled: it is not served, and its calls wait."""

    reason = ErrorReason.ACCOUNT_DISABLED

    def __init__(self, account_id: str) -> None:
        super().__init__(f"Account {account_id!r} is disabled.", metadata={"account_id": account_id})


class AccountNotChangeable(LeadlineError):
    """The account belongs to the settings file, so the API does not change it."""

    reason = ErrorReason.ACCOUNT_NOT_CHANGEABLE

    def __init__(self, account_id: str, message: str = "") -> None:
        super().__init__(
            message or f"Account {account_id!r} belongs to the settings file: change [accounts.{account_id}] there.",
            metadata={"account_id": account_id, "owner": "settings file"},
        )


class AccountBeingDeleted(AccountNotChangeable):
    """An account of this id is being deleted. In a few minutes the id is free."""

    def __init__(self, account_id: str) -> None:
        super().__init__(account_id, f"Account {account_id!r} is being deleted. In a few minutes its id is free.")
        self.retry_after = 60.0


class ConnectionNotFound(LeadlineError):
    """The account has no connection of its own."""

    reason = ErrorReason.CONNECTION_NOT_FOUND

    def __init__(self, account_id: str) -> None:
        super().__init__(f"Account {account_id!r} has no connection of its own.", metadata={"account_id": account_id})


class UserNotFound(LeadlineError):
    """The directory has no such user."""

    reason = ErrorReason.USER_NOT_FOUND

    def __init__(self, account_id: str, user_id: str) -> None:
        super().__init__(
            f"The directory has no user {user_id!r}.", metadata={"account_id": account_id, "user_id": user_id}
        )


class UserConflict(LeadlineError):
    """An extension, number or e-mail address belongs to another user."""

    reason = ErrorReason.USER_CONFLICT

    def __init__(self, user_ids: Sequence[str]) -> None:
        named = ", ".join(user_ids)
        super().__init__(
            f"An extension, number or e-mail address belongs to {named} already.", metadata={"user_ids": named}
        )


class TooManyUsers(LeadlineError):
    """The account has as many users as it may have."""

    reason = ErrorReason.TOO_MANY_USERS

    def __init__(self, limit: int) -> None:
        super().__init__(f"An account has at most {limit} users.", metadata={"limit": str(limit)})
