"""The adapter type `embedded`: tables in the ledger's database, with a book for each account."""

from leadline_server.crm.embedded.adapter import CAPABILITIES, EmbeddedCrm
from leadline_server.crm.embedded.database import crm_database_in, open_crm_database
from leadline_server.crm.embedded.old_file import FILE, take_over_old_file
from leadline_server.crm.embedded.rekeying import rekey_books
from leadline_server.crm.embedded.tables import CrmTables
from leadline_server.crm.toolkit.adapter_type import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    KnownGaps,
)
from leadline_server.crm.toolkit.own_fields import OwnFields, SettingsWithFields
from leadline_server.ports.crm import CrmAdapter
from leadline_server.storage.sqlite import SqliteDatabase


class EmbeddedSettings(SettingsWithFields):
    """The settings of the embedded CRM. Fields of one's own become attributes of contacts and calls."""


async def _open(settings: EmbeddedSettings, context: AdapterContext) -> Connect:
    """Open the tables, or create them. Raises CrmUnavailable if they cannot be used; the message says what to do."""
    database = await _tables(context)

    has_fields = bool(settings.placeholder_fields or settings.call_fields)
    own = OwnFields(settings) if has_fields else None

    def connect(account: AccountView) -> CrmAdapter:
        return EmbeddedCrm(database, account.id, lambda: account.settings().numbering, own=own)

    return connect


async def _tables(context: AdapterContext) -> CrmTables:
    """The tables in the ledger's database. Without a ledger they are in a file of their own."""
    if isinstance(context.storage, SqliteDatabase):
        database = await crm_database_in(context.storage)
        await take_over_old_file(database, context.data_dir)
    elif context.storage is None:
        database = await open_crm_database(context.data_dir / FILE)
        context.closing.push_async_callback(database.close)
    else:
        return await _in_postgres(context.storage)
    await rekey_books(database, context.numbering)
    return database


async def _in_postgres(storage: object) -> CrmTables:
    from leadline_server.crm.embedded.postgres import open_tables  # asyncpg is installed only where it is used
    from leadline_server.storage.postgres.database import PostgresDatabase

    if not isinstance(storage, PostgresDatabase):
        raise TypeError(f"the embedded CRM has no tables for {type(storage).__name__}")
    return await open_tables(storage)


EMBEDDED = AdapterType(
    name="embedded",
    title="The embedded contact book and call journal",
    settings=EmbeddedSettings,
    open=_open,
    capabilities=CAPABILITIES,
    known_gaps=KnownGaps(
        fields=frozenset({"caller_extension", "legs"}), texts=frozenset({"marks of direction", "NUL"})
    ),
    has_clean_texts=True,
    is_remote=False,
)
