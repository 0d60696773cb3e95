"""The hands of people in the fake Zoho CRM, and the fake as the conformance suite takes it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from leadline_server.crm.zoho.adapter_type import KNOWN_GAPS
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog

from fakes.bodies import note_in
from fakes.serving import FakeServer
from fakes.shared import SharedFake, given_or_new, shared_fake
from fakes.trouble import FakeTrouble
from fakes.zoho import CLIENT, REFRESH_TOKEN, FakeZoho
from fakes.zoho_faults import whose

_PHONES = ("Phone", "Mobile", "Home_Phone", "Other_Phone")
_MODULES = {"contact": "Contacts", "lead": "Leads"}


def options(url: str, **more: Any) -> dict[str, Any]:
    """Settings of a connection to a fake at `url`."""
    return {
        "api_url": url,
        "accounts_url": url,
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
        "refresh_token": REFRESH_TOKEN,
        **more,
    }


class ZohoPeople(People):
    """Acts in a fake that runs in this process."""

    def __init__(self, crm: FakeZoho) -> None:
        self._crm = crm
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        return self._crm.add_by_people("Contacts", {"Last_Name": name, **dict(zip(_PHONES, numbers, strict=False))})

    async def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        return self._crm.add_user(name, email, is_active=is_active)

    async def rename_contact(self, contact_id: str, name: str) -> None:
        module, record_id = _place(contact_id)
        self._records.change(module, record_id, {"First_Name": None, "Last_Name": name}, by_people=True)

    async def delete_contact(self, contact_id: str) -> None:
        self._records.remove(*_place(contact_id), by_people=True)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        self._crm.merge(_place(kept_id), _place(gone_id))

    async def convert_contact(self, contact_id: str) -> str:
        return self._crm.convert(_place(contact_id)[1])

    async def count_contacts(self) -> int:
        return len(self._records.all("Contacts")) + len(self._records.all("Leads"))

    async def count_logs(self) -> int:
        return len(self._records.all("Calls"))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require("Calls", log_id).fields
        text = fields["Description"]
        shown = {name: str(value) for name, value in fields.items() if value is not None}
        peoples = fields.get("Call_Purpose") or ""
        return SeenLog(whose(fields), fields["Subject"], note_in(text), peoples, text=text, fields=shown)

    async def add_to_note(self, log_id: str, text: str) -> None:
        description = self._records.require("Calls", log_id).fields["Description"]
        self._records.change("Calls", log_id, {"Description": f"{description}\n{text}"}, by_people=True)

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change("Calls", log_id, {"Call_Purpose": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove("Calls", log_id, by_people=True)


def _place(contact_id: str) -> tuple[str, str]:
    kind, _, record_id = contact_id.partition(":")
    return _MODULES[kind], record_id


@asynccontextmanager
async def zoho(
    settings: AccountSettings | None = None, **more: Any
) -> AsyncIterator[tuple[FakeServer[FakeZoho], CrmAdapter]]:
    """A fake in this loop, and an adapter to it with `more` settings, for an account with `settings`."""
    async with shared_fake(FakeZoho) as fake, _opened(fake, settings or AccountSettings(), more) as adapter:
        yield fake.server, adapter


def _opened(
    fake: SharedFake[FakeZoho], settings: AccountSettings, more: Mapping[str, Any]
) -> AbstractAsyncContextManager[CrmAdapter]:
    return fake.adapter("zoho", options(fake.server.url, **more), settings)


@asynccontextmanager
async def zoho_under_test(
    shared: SharedFake[FakeZoho] | None = None, *, region: str = "US", **more: Any
) -> AsyncIterator[CrmUnderTest]:
    """A fake in this loop, or the one that tests share, and an adapter to it with `more` settings."""
    async with (
        given_or_new(shared, FakeZoho) as fake,
        _opened(fake, AccountSettings(default_region=region), more) as adapter,
    ):
        crm = fake.server.crm
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=ZohoPeople(crm),
            trouble=FakeTrouble(fake.server),
            max_name=80,
            page_size=200,
            patience=1.0,
            secrets=(crm.token, CLIENT[1], REFRESH_TOKEN),
            lost_fields=KNOWN_GAPS.fields,
            lost_texts=KNOWN_GAPS.texts,
        )
