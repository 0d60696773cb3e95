"""The adapter to HubSpot keeps the CRM port's obligations, over a fake that speaks HubSpot's wire format."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import pytest_asyncio
from fakes.bodies import note_in, readable
from fakes.hubspot import FakeHubSpot
from fakes.hubspot_people import CALLS, CONTACTS, LINKED
from fakes.shared import SharedFake, given_or_new, shared_fake
from fakes.trouble import FakeTrouble
from leadline_server.crm.hubspot.adapter_type import BY_DEFAULT, HUBSPOT, WITH_PROPERTIES
from leadline_server.crm.hubspot.wire import joined_name
from leadline_server.crm.toolkit.adapter_type import KnownGaps
from leadline_server.domain.person_name import split_name
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_call_log_cases import UpdateLogCases, WriteLogCases
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog
from leadline_server.testing.crm_forms import FormCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from support.shared_crm import ON_ONE_LOOP, OneFakeConformance

UNLIMITED: Final = {"requests_per_10_seconds": 1_000_000, "searches_per_second": 1_000_000}


class HubSpotPeople(People):
    """Acts in a fake HubSpot that runs in this process."""

    def __init__(self, crm: FakeHubSpot) -> None:
        self._crm = crm
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        first, last = split_name(name)
        names = ("phone", "mobilephone", "hs_whatsapp_phone_number")
        return self._crm.add_contact({"firstname": first, "lastname": last, **dict(zip(names, numbers, strict=False))})

    async def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        return self._crm.add_owner(name, email, is_active=is_active)

    async def rename_contact(self, contact_id: str, name: str) -> None:
        first, last = split_name(name)
        self._records.change(CONTACTS, contact_id, {"firstname": first, "lastname": last}, by_people=True)
        assert joined_name(first, last) == name

    async def delete_contact(self, contact_id: str) -> None:
        self._records.remove(CONTACTS, contact_id, by_people=True)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        self._crm.merge(kept_id, gone_id)

    async def count_contacts(self) -> int:
        return len(self._records.all(CONTACTS))

    async def count_logs(self) -> int:
        return len(self._records.all(CALLS))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require(CALLS, log_id).fields
        [contact_id] = fields[LINKED]
        shown = {name: str(value) for name, value in fields.items() if value}
        text, peoples = readable(fields["hs_call_body"]), fields.get("hs_activity_type", "")
        return SeenLog(contact_id, fields["hs_call_title"], note_in(text), peoples, fields=shown, text=text)

    async def add_to_note(self, log_id: str, text: str) -> None:
        body = self._records.require(CALLS, log_id).fields["hs_call_body"]
        self._records.change(CALLS, log_id, {"hs_call_body": f"{body}<p>{text}</p>"}, by_people=True)

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change(CALLS, log_id, {"hs_activity_type": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove(CALLS, log_id, by_people=True)


def _make() -> FakeHubSpot:
    return FakeHubSpot(contact_properties=["leadline_placeholder"], unique_call_properties=["leadline_call_id"])


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def fake() -> AsyncIterator[SharedFake[FakeHubSpot]]:
    async with shared_fake(_make) as fake:
        yield fake


@asynccontextmanager
async def hubspot_under_test(
    options: Mapping[str, Any],
    known_gaps: KnownGaps,
    region: str = "US",
    *,
    shared: SharedFake[FakeHubSpot] | None = None,
) -> AsyncIterator[CrmUnderTest]:
    """A fake HubSpot in this loop, or the one that tests share, and the adapter to it."""
    async with (
        given_or_new(shared, _make) as fake,
        fake.adapter(
            "hubspot",
            {"token": fake.server.crm.token, "api_url": fake.server.url, **UNLIMITED, **options},
            AccountSettings(default_region=region),
        ) as adapter,
    ):
        crm = fake.server.crm
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=HubSpotPeople(crm),
            trouble=FakeTrouble(fake.server),
            secrets=(crm.token,),
            max_name=10_000,
            page_size=200,
            search_lag=timedelta(0),
            patience=0.5,
            lost_forms=known_gaps.forms,
            lost_texts=known_gaps.texts,
            lost_fields=known_gaps.fields,
        )


class TestHubSpot(OneFakeConformance):
    """As it is set up by default."""

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return hubspot_under_test({}, HUBSPOT.variants[BY_DEFAULT].known_gaps, region, shared=self.fake)


class TestHubSpotWithItsOwnProperties(LookupCases, FormCases, WriteLogCases, UpdateLogCases):
    """With a unique property for the call's id, and a third property with numbers: what that makes a difference to."""

    pytestmark = ON_ONE_LOOP

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, fake: SharedFake[FakeHubSpot]) -> AsyncIterator[CrmUnderTest]:
        options = {
            "call_id_property": "leadline_call_id",
            "placeholder_property": "leadline_placeholder",
            "more_phone_properties": ["hs_whatsapp_phone_number"],
        }
        await fake.renew()
        async with hubspot_under_test(options, HUBSPOT.variants[WITH_PROPERTIES].known_gaps, shared=fake) as crm:
            yield crm
