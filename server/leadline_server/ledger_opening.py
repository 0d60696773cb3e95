"""Opens the ledger that the settings name: a SQLite file, or a PostgreSQL database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from leadline_server.config import Settings
from leadline_server.config_values import is_postgres
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.encryption.settings import keys_of
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.ledger import Ledger
from leadline_server.storage.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from leadline_server.storage.postgres.address import PostgresAddress
    from leadline_server.storage.postgres.database import PostgresDatabase


@asynccontextmanager
async def open_ledger(
    settings: Settings,
    make: Callable[..., SqliteDatabase] | None = None,
    make_postgres: "Callable[..., PostgresDatabase] | None" = None,
    *,
    keys: SecretsKeys | None = None,
) -> AsyncIterator[Ledger]:
    """The ledger; closed at the end.

    `make` makes the SQLite database of its parts, `make_postgres` the other; `keys` replace the settings'.

    Raises:
        LedgerUnavailable: it cannot be used; the message says what to do.
    """
    keys = keys or keys_of(settings)
    if not is_postgres(settings.ledger):
        async with open_sqlite_ledger(settings.ledger_path, keys, make=make) as in_file:
            yield in_file
        return
    try:
        from leadline_server.ledger.postgres import open_postgres_ledger
    except ModuleNotFoundError as error:
        raise LedgerUnavailable("A ledger in PostgreSQL needs asyncpg: pip install leadline[postgres].") from error
    async with open_postgres_ledger(address_of(settings), keys, make=make_postgres) as in_postgres:
        yield in_postgres


def address_of(settings: Settings) -> "PostgresAddress":
    """The address of the PostgreSQL database that the settings name."""
    from leadline_server.storage.postgres.address import PostgresAddress

    return PostgresAddress(
        url=settings.ledger,
        direct=settings.ledger_direct,
        password_file=settings.ledger_password_file,
        connections=settings.ledger_connections,
        statement_seconds=settings.ledger_timeout,
    )
