"""The hands of people in the fake Salesforce, and the fake as the conformance suite takes it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from leadline_server.crm.salesforce.adapter_type import SALESFORCE
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog

from fakes.bodies import note_in
from fakes.salesforce import CLIENT, REFRESH_TOKEN, FakeSalesforce
from fakes.serving import FakeServer
from fakes.shared import SharedFake, given_or_new, shared_fake
from fakes.trouble import FakeTrouble

_PHONES: Final = ("Phone", "MobilePhone", "HomePhone", "OtherPhone")


def options(url: str, **more: Any) -> dict[str, Any]:
    """Settings of a connection to a fake at `url`."""
    return {
        "instance_url": url,
        "login_url": url,
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
        "refresh_token": REFRESH_TOKEN,
        **more,
    }


class SalesforcePeople(People):
    """Acts in a fake that runs in this process."""

    def __init__(self, crm: FakeSalesforce) -> None:
        self._crm = crm
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        return self._crm.add_by_people("Contact", {"LastName": name, **dict(zip(_PHONES, numbers, strict=False))})

    async def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        return self._crm.add_user(name, email, is_active=is_active)

    async def rename_contact(self, contact_id: str, name: str) -> None:
        self._records.change("Lead", contact_id, {"FirstName": None, "LastName": name}, by_people=True)

    async def delete_contact(self, contact_id: str) -> None:
        self._records.remove(self._table(contact_id), contact_id, by_people=True)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        self._crm.merge(kept_id, gone_id)

    async def convert_contact(self, contact_id: str) -> str:
        return self._crm.convert(contact_id)

    async def count_contacts(self) -> int:
        return len(self._records.all("Contact")) + len(self._records.all("Lead"))

    async def count_logs(self) -> int:
        return len(self._records.all("Task"))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require("Task", log_id).fields
        text = fields["Description"]
        shown = {name: str(value) for name, value in fields.items() if value is not None}
        note, theirs = note_in(text), fields.get("Priority") or ""
        return SeenLog(fields["WhoId"], fields["Subject"], note, theirs, text=text, fields=shown)

    async def add_to_note(self, log_id: str, text: str) -> None:
        description = self._records.require("Task", log_id).fields["Description"]
        self._records.change("Task", log_id, {"Description": f"{description}\n{text}"}, by_people=True)

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change("Task", log_id, {"Priority": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove("Task", log_id, by_people=True)

    def _table(self, contact_id: str) -> str:
        return "Lead" if self._records.get("Lead", contact_id) else "Contact"


@asynccontextmanager
async def salesforce(
    settings: AccountSettings | None = None, **more: Any
) -> AsyncIterator[tuple[FakeServer[FakeSalesforce], CrmAdapter]]:
    """A fake in this loop, and an adapter to it with `more` settings, for an account with `settings`."""
    async with shared_fake(FakeSalesforce) as fake, _opened(fake, settings or AccountSettings(), more) as adapter:
        yield fake.server, adapter


def _opened(
    fake: SharedFake[FakeSalesforce], settings: AccountSettings, more: Mapping[str, Any]
) -> AbstractAsyncContextManager[CrmAdapter]:
    return fake.adapter("salesforce", options(fake.server.url, **more), settings)


@asynccontextmanager
async def salesforce_under_test(
    shared: SharedFake[FakeSalesforce] | None = None,
    *,
    age: float = 0.0,
    index_lag: float = 0.0,
    region: str = "US",
    **more: Any,
) -> AsyncIterator[CrmUnderTest]:
    """A fake in this loop, or the one that tests share, and an adapter to it with `more` settings.

    To the adapter, the records seem not to have changed for `age` seconds; to searches, they show after `index_lag`.
    """
    async with (
        given_or_new(shared, FakeSalesforce) as fake,
        _opened(fake, AccountSettings(default_region=region), more) as adapter,
    ):
        server, crm = fake.server, fake.server.crm
        await server.misbehave(age=age, index_lag=index_lag)
        yield CrmUnderTest(
            adapter=adapter,
            region=region,
            ends_with_test=True,
            people=SalesforcePeople(crm),
            trouble=FakeTrouble(server, age=age, index_lag=index_lag),
            max_name=80,
            page_size=1_000,
            patience=1.0,
            secrets=(crm.token, CLIENT[1], REFRESH_TOKEN),
            lost_fields=SALESFORCE.known_gaps.fields,
            lost_texts=SALESFORCE.known_gaps.texts,
        )
