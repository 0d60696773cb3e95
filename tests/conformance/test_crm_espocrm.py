"""The adapter of EspoCRM's definition keeps the CRM port's obligations, over a fake EspoCRM."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest_asyncio
from fakes.bodies import note_in
from fakes.espocrm import FakeEspoCrm
from fakes.espocrm_rules import CALLS, PERSONS
from fakes.serving import FakeServer
from fakes.shared import SharedFake, given_or_new, shared_fake
from fakes.trouble import FakeTrouble
from leadline_server.crm.declarative.adapter_type import HTTP
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog
from support.shared_crm import OneFakeConformance


class EspoPeople(People):
    """Acts in a fake EspoCRM that runs in this process."""

    def __init__(self, crm: FakeEspoCrm) -> None:
        self._crm = crm
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        return "contact:" + self._crm.add_person("Contact", name, numbers)

    async def rename_contact(self, contact_id: str, name: str) -> None:
        first, _, last = name.rpartition(" ")
        table, own_id = _place(contact_id)
        self._records.change(table, own_id, {"firstName": first, "lastName": last}, by_people=True)

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
        return len(self._records.all(CALLS))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require(CALLS, log_id).fields
        links = (("contact", "contactsIds"), ("lead", "leadsIds"))
        kind, own_id = next((kind, own_id) for kind, link in links for own_id in fields[link])
        note = note_in(re.sub(r"\n\[leadline:.*\]", "", fields["description"]))
        shown = {name: str(value) for name, value in fields.items()}
        return SeenLog(
            contact_id=f"{kind}:{own_id}",
            subject=fields["name"],
            note=note,
            text=fields["description"],
            peoples_field=fields.get("cFollowUp", ""),
            fields=shown,
        )

    async def add_to_note(self, log_id: str, text: str) -> None:
        description = self._records.require(CALLS, log_id).fields["description"]
        self._records.change(CALLS, log_id, {"description": f"{description}\n{text}"}, by_people=True)

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change(CALLS, log_id, {"cFollowUp": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove(CALLS, log_id, by_people=True)


def _place(contact_id: str) -> tuple[str, str]:
    kind, _, own_id = contact_id.partition(":")
    return kind.title(), own_id


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def fake() -> AsyncIterator[SharedFake[FakeEspoCrm]]:
    async with shared_fake(FakeEspoCrm) as fake:
        yield fake


def _options(server: FakeServer[FakeEspoCrm]) -> dict[str, str]:
    return {"definition": "espocrm", "base_url": server.url, "api_key": server.crm.token}


@asynccontextmanager
async def espocrm_under_test(
    shared: SharedFake[FakeEspoCrm] | None = None, region: str = "US"
) -> AsyncIterator[CrmUnderTest]:
    """A fake EspoCRM in this loop, or the one that tests share, and the adapter to it."""
    known_gaps = HTTP.variants["by the definition espocrm"].known_gaps
    async with (
        given_or_new(shared, FakeEspoCrm) as fake,
        fake.adapter("http", _options(fake.server), AccountSettings(default_region=region)) as adapter,
    ):
        crm = fake.server.crm
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=EspoPeople(crm),
            trouble=FakeTrouble(fake.server),
            secrets=(crm.token,),
            patience=0.5,
            max_name=100,
            page_size=50,
            lost_texts=known_gaps.texts,
            lost_forms=known_gaps.forms,
            lost_fields=known_gaps.fields,
        )


class TestEspoCrm(OneFakeConformance):
    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return espocrm_under_test(self.fake, region)
