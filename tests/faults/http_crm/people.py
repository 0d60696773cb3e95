"""The hands of people in the faulty CRM, and the CRM as the conformance suite takes it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from fakes.serving import fake_server
from fakes.trouble import FakeTrouble
from faults.http_crm.adapter import HttpCrm, HttpCrmConfig
from faults.http_crm.server import FaultyCrm
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_conformance import CrmUnderTest, People, SeenLog
from leadline_server.testing.crm_fields import FIELDS
from leadline_server.testing.crm_forms import FORMS

LOST_FORMS: Final = frozenset(FORMS) - {"E.164"}
LOST_FIELDS: Final = frozenset(FIELDS) - {"number", "start_time", "result", "subject", "note"}

_UNASKED: Final = {"type": "", "email": "", "company": "", "is_placeholder": False, "key": ""}


class FaultyPeople(People):
    """Acts in a faulty CRM that runs in this process."""

    def __init__(self, crm: FaultyCrm) -> None:
        self._records = crm.records

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        fields = {"name": name, "number": numbers[0], **_UNASKED}
        return self._records.add("contacts", fields, record_id=f"person-{self._records.next_id()}", by_people=True).id

    async def rename_contact(self, contact_id: str, name: str) -> None:
        self._records.change("contacts", contact_id, {"name": name}, by_people=True)

    async def delete_contact(self, contact_id: str) -> None:
        self._records.remove("contacts", contact_id, by_people=True)

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        self._records.remove("contacts", gone_id, by_people=True)
        for log in self._records.all("logs"):
            if log.fields["contact_id"] == gone_id:
                self._records.change("logs", log.id, {"contact_id": kept_id}, by_people=True)

    async def count_contacts(self) -> int:
        return len(self._records.all("contacts"))

    async def count_logs(self) -> int:
        return len(self._records.all("logs"))

    async def see_log(self, log_id: str) -> SeenLog:
        fields = self._records.require("logs", log_id).fields
        shown = {name: str(value) for name, value in fields.items()}
        return SeenLog(
            fields["contact_id"], fields["subject"], fields["note"], fields.get("follow_up", ""), fields=shown
        )

    async def add_to_note(self, log_id: str, text: str) -> None:
        raise NotImplementedError("The note is a field of leadline's alone.")

    async def edit_log(self, log_id: str, text: str) -> None:
        self._records.change("logs", log_id, {"follow_up": text}, by_people=True)

    async def delete_log(self, log_id: str) -> None:
        self._records.remove("logs", log_id, by_people=True)


@asynccontextmanager
async def faulty_crm_under_test(*, unique_keys: bool = True, lag: float = 0.0) -> AsyncIterator[CrmUnderTest]:
    """A faulty CRM in this loop, whose index lags so many seconds, and its adapter."""
    faults = {"unique_keys": unique_keys, "index_lag": lag}
    async with fake_server(FaultyCrm()) as fake, aiohttp.ClientSession() as session:
        await fake.misbehave(**faults)
        config = HttpCrmConfig(url=fake.url, deadline=20.0, unique_keys=unique_keys, search_lag=lag)
        adapter: CrmAdapter = HttpCrm(session, config)
        yield CrmUnderTest(
            adapter=adapter,
            people=FaultyPeople(fake.crm),
            trouble=FakeTrouble(fake, **faults),
            secrets=(fake.crm.token,),
            max_name=10_000,
            patience=0.5,
            lost_forms=LOST_FORMS,
            lost_fields=LOST_FIELDS,
        )
