"""The adapter to HubSpot keeps the CRM port's obligations, over a fake that speaks HubSpot's wire format."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.bodies import note_in, readable
from fakes.hubspot import FakeHubSpot
from fakes.hubspot_people import CALLS, CONTACTS, LINKED
from fakes.serving import fake_server
from fakes.trouble import FakeTrouble
from leadline_server.crm.hubspot.adapter_type import BY_DEFAULT, HUBSPOT, WITH_PROPERTIES
from leadline_server.crm.hubspot.wire import joined_name
from leadline_server.crm.toolkit.adapter_type import KnownGaps
from leadline_server.domain.person_name import split_name
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_call_log_cases import UpdateLogCases, WriteLogCases
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest, People, SeenLog
from leadline_server.testing.crm_forms import FormCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from support.adapters import opened_adapter

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


@asynccontextmanager
async def hubspot_under_test(
    folder: Path, options: Mapping[str, Any], known_gaps: KnownGaps, region: str = "US"
) -> AsyncIterator[CrmUnderTest]:
    """A fake HubSpot in this loop, and the adapter to it."""
    fake = FakeHubSpot(contact_properties=["leadline_placeholder"], unique_call_properties=["leadline_call_id"])
    async with (
        fake_server(fake) as server,
        opened_adapter(
            "hubspot",
            {"token": fake.token, "api_url": server.url, **UNLIMITED, **options},
            folder,
            lambda: AccountSettings(default_region=region),
        ) as adapter,
    ):
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=HubSpotPeople(fake),
            trouble=FakeTrouble(server),
            secrets=(fake.token,),
            max_name=10_000,
            page_size=200,
            search_lag=timedelta(0),
            patience=0.5,
            lost_forms=known_gaps.forms,
            lost_texts=known_gaps.texts,
            lost_fields=known_gaps.fields,
        )


class TestHubSpot(CrmConformance):
    """As it is set up by default."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return self.open_crm_in("US")

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return hubspot_under_test(self.folder, {}, HUBSPOT.variants[BY_DEFAULT].known_gaps, region)


class TestHubSpotWithItsOwnProperties(LookupCases, FormCases, WriteLogCases, UpdateLogCases):
    """With a unique property for the call's id, and a third property with numbers: what that makes a difference to."""

    @pytest.fixture
    async def crm(self, tmp_path: Path) -> AsyncIterator[CrmUnderTest]:
        options = {
            "call_id_property": "leadline_call_id",
            "placeholder_property": "leadline_placeholder",
            "more_phone_properties": ["hs_whatsapp_phone_number"],
        }
        async with hubspot_under_test(tmp_path, options, HUBSPOT.variants[WITH_PROPERTIES].known_gaps) as crm:
            yield crm
