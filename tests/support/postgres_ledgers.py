"""Fresh ledgers in PostgreSQL databases."""

from typing import Final

from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress

from support.postgres import PostgresServer

_TEMPLATE: Final = "ledger"


async def new_ledger(server: PostgresServer) -> str:
    """Create a database with the tables of a ledger. Returns its address."""
    return await server.create_like(_TEMPLATE, _build)


async def _build(url: str) -> None:
    """Create the tables in an empty database, of which copies are made that are no restored copies."""
    async with open_postgres_ledger(PostgresAddress(url=url)) as made:
        forget = "UPDATE ledger SET database_id = NULL"
        await made.storage.write(lambda connection: connection.execute(forget))


class PostgresLedgers:
    """Implements support.ledgers.Databases."""

    def __init__(self, server: PostgresServer) -> None:
        self.server: Final = server

    async def prepare(self) -> None:
        """Create the template of the databases. It has to be done first."""
        self.drop(await new_ledger(self.server))

    def create(self) -> str:
        """Create a ledger. Returns its address."""
        return self.server.create(_TEMPLATE)

    def drop(self, url: str) -> None:
        """Drop its database, and cut its connections."""
        self.server.drop(url)

    def rows(self, url: str, query: str) -> str:
        """The result of a query, as `psql` shows it."""
        return self.server.sql(query, url.rpartition("/")[2])
