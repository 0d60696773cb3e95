"""The embedded CRM keeps the CRM port's obligations."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from leadline_server.crm.embedded import ContactBook, EmbeddedCrm, open_crm_database
from leadline_server.domain.contact import Contact
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest, SeenLog


class TestEmbeddedCrm(CrmConformance):
    @pytest.fixture
    async def crm(self, tmp_path: Path) -> AsyncIterator[CrmUnderTest]:
        database = await open_crm_database(tmp_path / "crm.db")
        people = _People(ContactBook(database, "acme", lambda: "US"))
        yield CrmUnderTest(adapter=EmbeddedCrm(database, "acme", lambda: "US"), people=people, max_name=10_000)
        await database.close()


class _People:
    def __init__(self, book: ContactBook) -> None:
        self._book = book

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        return (await self._book.add(Contact(id="", name=name, phone_numbers=tuple(numbers)))).id

    async def delete_contact(self, contact_id: str) -> None:
        assert await self._book.delete(contact_id)

    async def count_contacts(self) -> int:
        return await self._book.count()

    async def see_log(self, log_id: str) -> SeenLog:
        log = await self._book.read_log(log_id)
        assert log is not None
        return SeenLog(log["contact_id"], log["subject"], log["note"], log["follow_up"] or "")

    async def edit_log(self, log_id: str, text: str) -> None:
        await self._book.set_follow_up(log_id, text)

    async def delete_log(self, log_id: str) -> None:
        await self._book.delete_log(log_id)
