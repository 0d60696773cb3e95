"""The adapter to Pipedrive keeps the CRM port's obligations, over a fake that speaks Pipedrive's wire format."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

import pytest_asyncio
from fakes.bodies import note_in, readable
from fakes.connections import OPTIONS
from fakes.pipedrive import FakePipedrive
from fakes.pipedrive_fields import ACTIVITIES, PERSONS
from fakes.shared import SharedFake, given_or_new, shared_fake
from fakes.trouble import FakeTrouble
from leadline_server.crm.pipedrive.adapter_type import PIPEDRIVE
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog
from leadline_server.testing.crm_forms import FormCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from support.shared_crm import ON_ONE_LOOP, OneFakeConformance

FORMATS: Final = ("(###) ###-####", "###-###-####", "### ### ####", "###.###.####", "#### ######")


class PipedrivePeople(People):
    """Acts in a fake Pipedrive that runs in this process."""

    def __init__(self, crm: FakePipedrive) -> None:
        self._crm = crm
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        phones = [{"value": number, "primary": not index, "label": "work"} for index, number in enumerate(numbers)]
        return self._crm.add_person({"name": name, "phones": phones})

    async def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        return self._crm.add_user(name, email, is_active=is_active)

    async def rename_contact(self, contact_id: str, name: str) -> None:
        self._records.change(PERSONS, contact_id, {"name": name}, by_people=True)

    async def delete_contact(self, contact_id: str) -> None:
        self._records.remove(PERSONS, contact_id, by_people=True)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        self._crm.merge(kept_id, gone_id)

    async def count_contacts(self) -> int:
        return len(self._records.all(PERSONS))

    async def count_logs(self) -> int:
        return len(self._records.all(ACTIVITIES))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require(ACTIVITIES, log_id).fields
        [contact_id] = [str(each["person_id"]) for each in fields["participants"] if each["primary"]]
        shown = {name: str(value) for name, value in fields.items()}
        text, peoples = readable(fields["note"]), fields.get("public_description", "")
        return SeenLog(contact_id, fields["subject"], note_in(text), peoples, fields=shown, text=text)

    async def add_to_note(self, log_id: str, text: str) -> None:
        note = self._records.require(ACTIVITIES, log_id).fields["note"]
        self._records.change(ACTIVITIES, log_id, {"note": f"{note}<p>{text}</p>"}, by_people=True)

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change(ACTIVITIES, log_id, {"public_description": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove(ACTIVITIES, log_id, by_people=True)


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def fake() -> AsyncIterator[SharedFake[FakePipedrive]]:
    async with shared_fake(FakePipedrive) as fake:
        yield fake


@asynccontextmanager
async def pipedrive_under_test(
    lost_forms: frozenset[str],
    formats: tuple[str, ...] = (),
    region: str = "US",
    *,
    shared: SharedFake[FakePipedrive] | None = None,
) -> AsyncIterator[CrmUnderTest]:
    """A fake Pipedrive in this loop, or the one that tests share, and the adapter to it."""
    settings = AccountSettings(number_formats=formats, default_region=region)
    async with (
        given_or_new(shared, FakePipedrive) as fake,
        fake.adapter("pipedrive", OPTIONS["pipedrive"](fake.server.url), settings) as adapter,
    ):
        crm = fake.server.crm
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=PipedrivePeople(crm),
            trouble=FakeTrouble(fake.server),
            secrets=(crm.token,),
            max_name=10_000,
            search_lag=timedelta(0),
            patience=0.5,
            lost_forms=lost_forms,
            lost_texts=PIPEDRIVE.known_gaps.texts,
            lost_fields=PIPEDRIVE.known_gaps.fields,
        )


class TestPipedrive(OneFakeConformance):
    """As it is set up by default."""

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return pipedrive_under_test(PIPEDRIVE.known_gaps.forms, region=region, shared=self.fake)


class TestPipedriveWithNumberFormats(LookupCases, FormCases):
    """With the account's `number_formats`, which find what is written otherwise than in one piece."""

    pytestmark = ON_ONE_LOOP

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, fake: SharedFake[FakePipedrive]) -> AsyncIterator[CrmUnderTest]:
        await fake.renew()
        async with pipedrive_under_test(frozenset(), FORMATS, shared=fake) as crm:
            yield crm
