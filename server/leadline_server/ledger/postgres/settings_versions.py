"""The settings version of each account: asked before each use of what was read by it.

A cache is right only because its version was asked for a moment ago. Questions that come together are one statement.
Wake-ups have no part in this: a process that hears none is as right as the others.
"""

from collections.abc import Hashable, Sequence
from typing import Final, Generic, TypeVar

from leadline_server.concurrency.batcher import Batcher
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_CACHED: Final = 50_000
"""Entries of one cache. A full cache is emptied."""

_MOST: Final = 512
_AT_ONCE: Final = 4
_VERSIONS: Final = "SELECT account_id, version FROM accounts WHERE account_id = ANY($1) AND state <> 'deleting'"
_ADVANCE: Final = "UPDATE accounts SET version = nextval('settings_versions') WHERE account_id = $1"


class PostgresSettingsVersions:
    """Implements ports.ledger.SettingsVersions."""

    are_confirmed: Final = True

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._questions: Batcher[str, int | None] = Batcher(self._ask, _MOST, at_once=_AT_ONCE)

    async def current(self, account_id: str) -> int | None:
        """The account's version now; None if there is no such account."""
        return await self._questions.submit(account_id)

    async def _ask(self, account_ids: list[str]) -> Sequence[int | None]:
        rows = await self._database.fetch(_VERSIONS, sorted(set(account_ids)))
        versions = {account_id: int(version) for account_id, version in rows}
        return [versions.get(account_id) for account_id in account_ids]


async def advance_settings(connection: Connection, account_id: str) -> None:
    """Give the account another version: this transaction changes its settings, preferences, users or connection."""
    await connection.execute(_ADVANCE, account_id)


class VersionedCache(Generic[K, V]):
    """Values, each with the version that it was read at."""

    def __init__(self) -> None:
        self._values: dict[K, tuple[int, V]] = {}

    def get(self, key: K, version: int) -> V | None:
        """The value if it was read at this version; otherwise None."""
        known = self._values.get(key)
        return known[1] if known is not None and known[0] == version else None

    def last(self, key: K) -> V | None:
        """The value that was read last, at whatever version."""
        known = self._values.get(key)
        return None if known is None else known[1]

    def put(self, key: K, value: V, version: int) -> None:
        """Keep a value that was read at a version, or after it."""
        if len(self._values) >= MAX_CACHED:
            self._values.clear()
        self._values[key] = version, value
