"""The embedded CRM keeps the CRM port's obligations, bare and with all wrappers round it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from leadline_server.crm.embedded import ContactBook, EmbeddedCrm, open_crm_database
from leadline_server.crm.embedded.connecting import EMBEDDED
from leadline_server.crm.wrappers import CachedCrm, CachePolicy, CrmMetrics
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.crm.wrapping import Wrapping
from leadline_server.delivery.lines import AccountLines
from leadline_server.delivery.pauses import NotAsked
from leadline_server.domain.contact import Contact
from leadline_server.domain.phone import PhoneNumber
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest, People, SeenLog
from prometheus_client import CollectorRegistry

REMEMBERED = 0.2  # seconds


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[CrmUnderTest]:
    database = await open_crm_database(tmp_path / "crm.db")
    adapter = EmbeddedCrm(database, "acme", lambda: "US")
    yield CrmUnderTest(
        adapter=adapter,
        people=_People(adapter, ContactBook(database, "acme", lambda: "US")),
        max_name=10_000,
        max_note=100_000,
        lost_fields=EMBEDDED.losses.fields,
    )
    await database.close()


@pytest.fixture
def wrapped(bare: CrmUnderTest) -> CachedCrm:
    """All wrappers there are round the bare adapter."""
    connection = Wrapping(lambda: datetime.now(UTC), NotAsked, CrmMetrics(CollectorRegistry())).connection(
        bare.adapter,
        "embedded",
        guard=AccountLines(64, 10_000).of("acme").guard,
        region=lambda: "US",
        cache=CachePolicy(found_seconds=REMEMBERED, none_seconds=REMEMBERED),
    )
    assert isinstance(connection.crm, CachedCrm)
    return connection.crm


class TestEmbeddedCrm(CrmConformance):
    @pytest.fixture
    def crm(self, bare: CrmUnderTest) -> CrmUnderTest:
        return bare


class TestWrappedCrm(CrmConformance):
    @pytest.fixture
    def crm(self, bare: CrmUnderTest, wrapped: CachedCrm) -> CrmUnderTest:
        return replace(bare, adapter=wrapped)


class TestRememberedAnswers(CrmConformance):
    """As the port's, too, are lookups from the cache: it behaves as an index that lags as long as it remembers."""

    @pytest.fixture
    def crm(self, bare: CrmUnderTest, wrapped: CachedCrm) -> CrmUnderTest:
        return replace(bare, adapter=_Remembering(wrapped))


class _Remembering(CrmWrapper):
    def __init__(self, cached: CachedCrm) -> None:
        super().__init__(cached)
        self._cached = cached
        self.capabilities = replace(cached.capabilities, search_lag=timedelta(seconds=REMEMBERED))

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return (await self._cached.find(numbers)).contacts


class _People(People):
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
