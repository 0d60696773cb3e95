"""Bulk import into the contact books of a PostgreSQL database, by COPY."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from leadline_server.crm.embedded.import_plan import KNOWN_COLUMNS, ImportPlan
from leadline_server.crm.embedded.importing import ImportChunk
from leadline_server.crm.embedded.postgres.contacts import add_book, row_of
from leadline_server.crm.embedded.postgres.tables import crm_errors
from leadline_server.crm.embedded.rows import NewContact
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_COLUMNS: Final = (
    "id",
    "unique_key",
    "name",
    "folded_name",
    "type",
    "create_time",
    "last_activity_time",
    "is_placeholder",
    "details",
    "import_digests",
)
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('import ' || $1, 0))"
_LAST: Final = "SELECT coalesce(max(pk), 0) FROM crm_contacts WHERE account_id = $1"
_KNOWN: Final = f"SELECT {KNOWN_COLUMNS} FROM crm_contacts AS c WHERE c.account_id = $1 AND c.unique_key = ANY($2)"  # noqa: S608 - constants
_NEXT: Final = "SELECT nextval(pg_get_serial_sequence('crm_contacts', 'pk')) FROM generate_series(1, $1)"
_SET: Final = ", ".join(f"{name} = ${place}" for place, name in enumerate(_COLUMNS, start=3))
_UPDATE: Final = f"UPDATE crm_contacts SET {_SET} WHERE account_id = $1 AND pk = $2"  # noqa: S608 - constants
_FORGET_NUMBERS: Final = "DELETE FROM crm_contact_numbers WHERE account_id = $1 AND contact = ANY($2)"


class PostgresImport:
    """Implements ImportTarget. Calls are delivered meanwhile; only another import into the same book waits."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def last_contact(self, account_id: str) -> int:
        """The largest primary key of the account's contacts."""
        with crm_errors():
            return int((await self._database.fetch(_LAST, account_id))[0][0])

    async def take(self, account_id: str, chunk: ImportChunk, *, is_dry_run: bool) -> ImportPlan:
        """Plan a chunk and write it."""

        async def plan(connection: Connection) -> ImportPlan:
            decided = chunk.begin()
            chunk.decide(decided, await connection.fetch(_KNOWN, account_id, chunk.keys))
            return decided

        async def take(connection: Connection) -> ImportPlan:
            await connection.execute(_LOCK, account_id)
            await add_book(connection, account_id)
            planned = await plan(connection)
            await _update(connection, account_id, planned.changed())
            await _insert(connection, account_id, planned.new())
            return planned

        with crm_errors():
            return await (self._database.read(plan) if is_dry_run else self._database.write(take))

    async def maintain(self) -> bool:
        """PostgreSQL does that by itself."""
        return False


async def _update(connection: Connection, account_id: str, contacts: Mapping[int, NewContact]) -> None:
    if contacts:
        rows = [(account_id, pk, *row_of(contacts[pk])) for pk in sorted(contacts)]
        await connection.executemany(_UPDATE, rows)
        await connection.execute(_FORGET_NUMBERS, account_id, list(contacts))
        await _copy_numbers(connection, account_id, contacts.items())


async def _insert(connection: Connection, account_id: str, contacts: Sequence[NewContact]) -> None:
    if contacts:
        numbered = [
            (pk, one) for (pk,), one in zip(await connection.fetch(_NEXT, len(contacts)), contacts, strict=True)
        ]
        rows = [(account_id, pk, *row_of(one)) for pk, one in numbered]
        await connection.copy_records_to_table("crm_contacts", records=rows, columns=["account_id", "pk", *_COLUMNS])
        await _copy_numbers(connection, account_id, numbered)


async def _copy_numbers(connection: Connection, account_id: str, contacts: Iterable[tuple[int, NewContact]]) -> None:
    numbers = [(account_id, key, pk) for pk, contact in contacts for key in contact.keys]
    await connection.copy_records_to_table(
        "crm_contact_numbers", records=numbers, columns=["account_id", "key", "contact"]
    )
