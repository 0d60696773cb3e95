"""The embedded CRM as the conformance suite takes it, and people's hands in it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.crm.embedded.adapter_type import EMBEDDED
from leadline_server.domain.contact import Contact
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog

from support.contact_book import ContactBook
from support.empty_files import put_empty_crm


@asynccontextmanager
async def embedded_crm_under_test(region: str = "US") -> AsyncIterator[CrmUnderTest]:
    """An embedded CRM on a file of its own."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crm.db"
        await put_empty_crm(path)
        database = await open_crm_database(path)
        try:
            adapter = EmbeddedCrm(database, "acme", lambda: region)
            yield CrmUnderTest(
                adapter=adapter,
                region=region,
                people=_People(adapter, ContactBook(database, "acme", lambda: region)),
                shows_edits=False,
                max_name=10_000,
                max_note=100_000,
                lost_fields=EMBEDDED.known_gaps.fields,
                lost_texts=EMBEDDED.known_gaps.texts,
            )
        finally:
            await database.close()


class _People(People):
    """Acts in the contact book and the journal."""

    def __init__(self, adapter: EmbeddedCrm, book: ContactBook) -> None:
        self._adapter = adapter
        self._book = book

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        return (await self._book.add(Contact(id="", name=name, phone_numbers=tuple(numbers)))).id

    async def rename_contact(self, contact_id: str, name: str) -> None:
        contact = await self._adapter.get_contact(contact_id)
        assert contact is not None
        assert await self._book.save(replace(contact, name=name))

    async def delete_contact(self, contact_id: str) -> None:
        assert await self._book.delete(contact_id)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        raise NotImplementedError("The contact book merges no contacts.")

    async def count_contacts(self) -> int:
        return await self._book.count()

    async def count_logs(self) -> int:
        return await self._book.count_logs()

    async def see_log(self, log_id: str) -> SeenLog:
        log = await self._book.read_log(log_id)
        assert log is not None
        shown = {name: str(value) for name, value in log.items() if name != "update_time"}
        return SeenLog(log["contact_id"], log["subject"], log["note"], log["follow_up"] or "", fields=shown)

    async def add_to_note(self, log_id: str, text: str) -> None:
        raise NotImplementedError("The note is a column of leadline's alone.")

    async def edit_log(self, log_id: str, text: str) -> None:
        await self._book.set_follow_up(log_id, text)

    async def delete_log(self, log_id: str) -> None:
        await self._book.delete_log(log_id)
