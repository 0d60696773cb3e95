"""The adapter of BottleCRM's definition keeps the CRM port's obligations, over a fake BottleCRM."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from fakes.bodies import note_in
from fakes.bottlecrm import INTERACTIONS, PERSONS, FakeBottleCrm
from fakes.serving import fake_server
from fakes.trouble import FakeTrouble
from leadline_server.crm.declarative.adapter_type import HTTP
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest, People, SeenLog
from support.adapters import opened_adapter


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


@asynccontextmanager
async def bottlecrm_under_test(folder: Path, region: str = "US") -> AsyncIterator[CrmUnderTest]:
    """A fake BottleCRM in this loop, and the adapter to it."""
    fake = FakeBottleCrm()
    known_gaps = HTTP.variants["by the definition bottlecrm"].known_gaps
    async with fake_server(fake) as server:
        options = {"definition": "bottlecrm", "base_url": server.url, "token": fake.token}
        async with opened_adapter("http", options, folder, lambda: AccountSettings(default_region=region)) as adapter:
            yield CrmUnderTest(
                adapter=adapter,
                region=region,
                ends_with_test=True,
                people=BottlePeople(fake),
                trouble=FakeTrouble(server),
                secrets=(fake.token,),
                patience=0.5,
                max_note=5_000,
                page_size=10,
                lost_texts=known_gaps.texts,
                lost_forms=known_gaps.forms,
                lost_fields=known_gaps.fields,
            )


class TestBottleCrm(CrmConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return self.open_crm_in("US")

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return bottlecrm_under_test(self.folder, region)
