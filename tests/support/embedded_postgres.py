"""The embedded CRM in PostgreSQL as the conformance suite takes it, and people's hands in it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from leadline_server.crm.embedded import EmbeddedCrm
from leadline_server.crm.embedded.adapter_type import EMBEDDED
from leadline_server.crm.embedded.postgres import open_tables
from leadline_server.crm.embedded.rows import fold, new_id, number_keys, prepare
from leadline_server.crm.embedded.tables import WantedContact
from leadline_server.domain.contact import Contact
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.database import PostgresDatabase, open_pool
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog

ACCOUNT = "acme"


@asynccontextmanager
async def postgres_crm_under_test(url: str, region: str = "US") -> AsyncIterator[CrmUnderTest]:
    """An embedded CRM in a database that has the ledger's tables."""
    async with open_pool(PostgresAddress(url=url)) as database:
        tables = await open_tables(database)
        adapter = EmbeddedCrm(tables, ACCOUNT, lambda: region)
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            people=PeopleInPostgres(database, tables, region),
            shows_edits=False,
            max_name=10_000,
            max_note=100_000,
            lost_fields=EMBEDDED.known_gaps.fields,
            lost_texts=EMBEDDED.known_gaps.texts,
        )


class PeopleInPostgres(People):
    """Acts in the tables by SQL."""

    def __init__(self, database: PostgresDatabase, tables: Any, region: str) -> None:
        self._database = database
        self._tables = tables
        self._region = region

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        contact = Contact(id=new_id("c_"), name=name, phone_numbers=tuple(numbers), type="contact")
        row = prepare(contact, None, number_keys(contact, self._region))
        await self._tables.create_contact(WantedContact(ACCOUNT, contact, row))
        return contact.id

    async def rename_contact(self, contact_id: str, name: str) -> None:
        assert await self._do(
            "UPDATE crm_contacts SET name = $2, folded_name = $3 WHERE id = $1 RETURNING 1",
            contact_id,
            name,
            fold(name),
        )

    async def delete_contact(self, contact_id: str) -> None:
        assert await self._do("DELETE FROM crm_contacts WHERE id = $1 RETURNING 1", contact_id)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        raise NotImplementedError("The contact book merges no contacts.")

    async def count_contacts(self) -> int:
        return int((await self._do("SELECT count(*) FROM crm_contacts"))[0][0])

    async def count_logs(self) -> int:
        return int((await self._do("SELECT count(*) FROM crm_call_logs"))[0][0])

    async def see_log(self, log_id: str) -> SeenLog:
        query = (
            "SELECT l.*, c.id AS contact_id FROM crm_call_logs AS l"
            " LEFT JOIN crm_contacts AS c ON c.account_id = l.account_id AND c.pk = l.contact WHERE l.id = $1"
        )
        [row] = await self._do(query, log_id)
        log = dict(row)
        shown = {name: str(value) for name, value in log.items() if name != "update_time"}
        return SeenLog(log["contact_id"], log["subject"], log["note"], log["follow_up"] or "", fields=shown)

    async def add_to_note(self, log_id: str, text: str) -> None:
        raise NotImplementedError("The note is a column of leadline's alone.")

    async def edit_log(self, log_id: str, text: str) -> None:
        assert await self._do("UPDATE crm_call_logs SET follow_up = $2 WHERE id = $1 RETURNING 1", log_id, text)

    async def delete_log(self, log_id: str) -> None:
        assert await self._do("DELETE FROM crm_call_logs WHERE id = $1 RETURNING 1", log_id)

    async def _do(self, statement: str, *values: object) -> Any:
        return await self._database.write(lambda connection: connection.fetch(statement, *values))
