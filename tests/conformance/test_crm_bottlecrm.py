"""The adapter of BottleCRM's definition keeps the CRM port's obligations, over a fake BottleCRM."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest_asyncio
from fakes.bodies import note_in
from fakes.bottlecrm import INTERACTIONS, PERSONS, FakeBottleCrm
from fakes.serving import FakeServer
from fakes.shared import SharedFake, given_or_new, shared_fake
from fakes.trouble import FakeTrouble
from leadline_server.crm.declarative.adapter_type import HTTP
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog
from support.shared_crm import OneFakeConformance


class BottlePeople(People):
    """Acts in a fake BottleCRM that runs in this process."""

    def __init__(self, crm: FakeBottleCrm) -> None:
        self._crm = crm
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        return "contact:" + self._crm.add_person("contacts", name, numbers[0])

    async def rename_contact(self, contact_id: str, name: str) -> None:
        first, _, last = name.rpartition(" ")
        table, own_id = _place(contact_id)
        self._records.change(table, own_id, {"first_name": first, "last_name": last}, by_people=True)

    async def delete_contact(self, contact_id: str) -> None:
        self._records.remove(*_place(contact_id), by_people=True)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        table, kept = _place(kept_id)
        self._crm.merge(table, kept, _place(gone_id)[1])

    async def convert_contact(self, contact_id: str) -> str:
        return "contact:" + self._crm.convert(_place(contact_id)[1])

    async def count_contacts(self) -> int:
        return sum(len(self._records.all(table)) for table in PERSONS)

    async def count_logs(self) -> int:
        return len(self._records.all(INTERACTIONS))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require(INTERACTIONS, log_id).fields
        contact_id = next(f"{kind}:{fields[kind]}" for kind in ("contact", "lead") if fields.get(kind))
        return SeenLog(
            contact_id=contact_id,
            subject=fields["subject"],
            note=note_in(fields["body"]),
            text=fields["body"],
            peoples_field=str(fields.get("duration_estimated", "")),
            fields={name: str(value) for name, value in fields.items()},
        )

    async def add_to_note(self, log_id: str, text: str) -> None:
        body = self._records.require(INTERACTIONS, log_id).fields["body"]
        self._records.change(INTERACTIONS, log_id, {"body": f"{body}\n{text}"}, by_people=True)

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change(INTERACTIONS, log_id, {"duration_estimated": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove(INTERACTIONS, log_id, by_people=True)


def _place(contact_id: str) -> tuple[str, str]:
    kind, _, own_id = contact_id.partition(":")
    return f"{kind}s", own_id


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def fake() -> AsyncIterator[SharedFake[FakeBottleCrm]]:
    async with shared_fake(FakeBottleCrm) as fake:
        yield fake


def _options(server: FakeServer[FakeBottleCrm]) -> dict[str, str]:
    return {"definition": "bottlecrm", "base_url": server.url, "token": server.crm.token}


@asynccontextmanager
async def bottlecrm_under_test(
    shared: SharedFake[FakeBottleCrm] | None = None, region: str = "US"
) -> AsyncIterator[CrmUnderTest]:
    """A fake BottleCRM in this loop, or the one that tests share, and the adapter to it."""
    known_gaps = HTTP.variants["by the definition bottlecrm"].known_gaps
    async with (
        given_or_new(shared, FakeBottleCrm) as fake,
        fake.adapter("http", _options(fake.server), AccountSettings(default_region=region)) as adapter,
    ):
        crm = fake.server.crm
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=BottlePeople(crm),
            trouble=FakeTrouble(fake.server),
            secrets=(crm.token,),
            patience=0.5,
            max_note=5_000,
            page_size=10,
            lost_texts=known_gaps.texts,
            lost_forms=known_gaps.forms,
            lost_fields=known_gaps.fields,
        )


class TestBottleCrm(OneFakeConformance):
    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return bottlecrm_under_test(self.fake, region)
