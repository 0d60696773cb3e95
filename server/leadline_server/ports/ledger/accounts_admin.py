"""The ledger's parts for administering accounts: their deletion, their own connections, and checks of connections."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from leadline_server.domain.accounts import ConnectionCheck, OwnConnection
from leadline_server.domain.audit import LEADLINE, Actor


class AccountData(Protocol):
    """All that the ledger has of an account, to delete it. The obligations of `ports.ledger` hold."""

    async def begin_deletion(self, account_id: str, now: datetime, by: Actor = LEADLINE) -> None:
        """From now on the account does not exist for others. Raises AccountNotFound."""
        ...

    async def deleting(self) -> Sequence[tuple[str, datetime]]:
        """The accounts that are being deleted, and when that began."""
        ...

    async def purge(self, account_id: str, limit: int) -> bool:
        """Delete at most `limit` rows of each kind, and all secrets; False once nothing is left."""
        ...

    async def end_deletion(self, account_id: str) -> None:
        """Forget the account itself. Its id may be used again."""
        ...


class AccountConnections(Protocol):
    """The connections that accounts have of their own. Each change counts as one of the account's settings.

    Each change is recorded in the audit trail, in the same transaction, with the actor `by` and the names of the
    options and secrets that changed.
    """

    async def get(self, account_id: str, *, with_secrets: bool = False) -> OwnConnection | None:
        """An account's connection; None if it has none. Raises KeyMissing and SecretDamaged if secrets are wanted."""
        ...

    async def put(
        self, account_id: str, connection: OwnConnection, now: datetime, by: Actor = LEADLINE
    ) -> OwnConnection:
        """Replace it, and return it as stored. The tokens of the old one are dropped. Raises AccountNotFound."""
        ...

    async def delete(self, account_id: str, by: Actor = LEADLINE) -> bool:
        """Remove it with its secrets and tokens; False if there was none."""
        ...


class ConnectionChecks(Protocol):
    """The results of checks of connections."""

    async def record(self, connection: str, now: datetime, error: str) -> ConnectionCheck:
        """Keep the result of a check; an empty `error` is a success."""
        ...

    async def get(self, connection: str) -> ConnectionCheck | None:
        """The last results; None if it was never checked."""
        ...

    async def list(self, after: str, limit: int) -> Sequence[ConnectionCheck]:
        """At most `limit` results whose names follow `after`, in the order of their names."""
        ...
