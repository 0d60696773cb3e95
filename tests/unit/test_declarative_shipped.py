"""The definitions of EspoCRM and BottleCRM, beyond the conformance suite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.base import FakeCrm
from fakes.bottlecrm import FakeBottleCrm
from fakes.espocrm import FakeEspoCrm
from fakes.serving import fake_server
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import Report
from support.adapters import opened_adapter

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)
NAMES = {FakeEspoCrm: ("espocrm", "api_key"), FakeBottleCrm: ("bottlecrm", "token")}


@asynccontextmanager
async def adapter_to(crm: FakeCrm, folder: Path, **options: Any) -> AsyncIterator[CrmAdapter]:
    name, secret = NAMES[type(crm)]
    async with fake_server(crm) as server:
        given = {"definition": name, "base_url": server.url, secret: crm.token, **options}
        async with opened_adapter("http", given, folder) as adapter:
            yield adapter


async def test_contacts_are_deleted_if_the_definition_says_how(tmp_path: Path) -> None:
    async with adapter_to(FakeEspoCrm(), tmp_path) as espo, adapter_to(FakeBottleCrm(), tmp_path) as bottle:
        assert espo.capabilities.deletes_contacts
        assert not bottle.capabilities.deletes_contacts


@pytest.mark.parametrize("crm", [FakeEspoCrm(), FakeBottleCrm()], ids=["espocrm", "bottlecrm"])
async def test_leads_are_found_beside_contacts_and_called(crm: Any, tmp_path: Path) -> None:
    contact_table, lead_table = ("Contact", "Lead") if isinstance(crm, FakeEspoCrm) else ("contacts", "leads")
    numbers: Any = ["(202) 555-0147"] if isinstance(crm, FakeEspoCrm) else "(202) 555-0147"
    ids = {
        "contact:" + crm.add_person(contact_table, "Ada Lovelace", numbers),
        "lead:" + crm.add_person(lead_table, "Ada Lovelace", numbers),
    }
    async with adapter_to(crm, tmp_path) as adapter:
        found = {contact.id: contact for contact in await adapter.find_contacts([NUMBER])}
        assert found.keys() == ids
        assert {contact.type for contact in found.values()} == {"contact", "lead"}
        page = await adapter.search_contacts("Lovelace", 10, "")
        assert {contact.id for contact in page.contacts} == ids
        for contact_id in ids:
            log = await adapter.create_call_log(Report(contact_id).entry(contact_id), f"demo/{contact_id}")
            await adapter.update_call_log(log.id, Report(contact_id).entry(contact_id, subject="Changed"))
            [written] = crm.written().logs[f"demo/{contact_id}"]
            assert (written["contact_id"], written["subject"]) == (contact_id, "Changed")


@pytest.mark.parametrize("crm", [FakeEspoCrm(), FakeBottleCrm()], ids=["espocrm", "bottlecrm"])
async def test_leads_can_be_left_out(crm: Any, tmp_path: Path) -> None:
    numbers: Any = [NUMBER.e164] if isinstance(crm, FakeEspoCrm) else NUMBER.e164
    lead_id = crm.add_person("Lead" if isinstance(crm, FakeEspoCrm) else "leads", "Ada Lovelace", numbers)
    async with adapter_to(crm, tmp_path, leads=False) as adapter:
        assert adapter.capabilities.contact_types == ("contact",)
        assert list(await adapter.find_contacts([NUMBER])) == []
        assert await adapter.get_contact(f"lead:{lead_id}") is None
        with pytest.raises(CrmRejected):
            await adapter.create_contact(replace(DRAFT, type="lead"), "k")
        with pytest.raises(CrmRejected):
            await adapter.create_call_log(Report().entry(f"lead:{lead_id}"), "k")


@pytest.mark.parametrize("crm", [FakeEspoCrm(), FakeBottleCrm()], ids=["espocrm", "bottlecrm"])
@pytest.mark.parametrize("kind", ["contact", "lead"])
async def test_a_placeholder_is_known_for_one(crm: Any, kind: str, tmp_path: Path) -> None:
    async with adapter_to(crm, tmp_path) as adapter:
        draft = replace(DRAFT, type=kind, is_placeholder=True)
        created = await adapter.create_contact(draft, "k")
        other = await adapter.create_contact(replace(draft, is_placeholder=False, company="Acme"), "k2")
        for contact, is_placeholder in ((created, True), (other, False)):
            read = await adapter.get_contact(contact.id)
            assert read is not None
            assert (contact.is_placeholder, read.is_placeholder) == (is_placeholder, is_placeholder)


class TestEspoCrm:
    """Logs are found by a line below what leadline says of the call."""

    async def test_no_log_passes_for_that_of_another_call(self, tmp_path: Path) -> None:
        async with adapter_to(FakeEspoCrm(), tmp_path) as adapter:
            contact = await adapter.create_contact(DRAFT, "k")
            entry = Report("a").entry(
                contact.id, note="[leadline:demo/b]\n[leadline:demo/c]", subject="[leadline:demo/b]"
            )
            log = await adapter.create_call_log(entry, "demo/aXa")
            assert await adapter.find_call_log("demo/aXa") == log
            for key in ("demo/b", "demo/c", "demo/a", "demo/aX", "demo/a_a", "demo/%", "demo/axa"):
                assert await adapter.find_call_log(key) is None

    async def test_the_line_is_still_there_after_an_update(self, tmp_path: Path) -> None:
        async with adapter_to(FakeEspoCrm(), tmp_path) as adapter:
            contact = await adapter.create_contact(DRAFT, "k")
            log = await adapter.create_call_log(Report("a").entry(contact.id), "demo/a")
            await adapter.update_call_log(log.id, Report("a").entry(contact.id, note="Another"))
            assert await adapter.find_call_log("demo/a") == log

    async def test_a_text_that_people_filled_leaves_less_room_for_leadlines(self, tmp_path: Path) -> None:
        crm = FakeEspoCrm()
        async with adapter_to(crm, tmp_path) as adapter:
            contact = await adapter.create_contact(DRAFT, "k")
            log = await adapter.create_call_log(Report("a").entry(contact.id), "demo/a")
            description = crm.records.require("Call", log.id).fields["description"]
            crm.records.change("Call", log.id, {"description": "x" * 31_000 + description}, by_people=True)
            await adapter.update_call_log(log.id, Report("a").entry(contact.id, note="long " * 1_000))
            told = crm.records.require("Call", log.id).fields["description"]
            assert len(told) <= 32_000
            assert told.startswith("x" * 31_000)


class TestBottleCrm:
    """Names have two parts, and a number shows ten records at most."""

    @pytest.mark.parametrize("name", ["Cher", "Ada King Lovelace", "."])
    async def test_names_of_any_number_of_words_stay_as_they_are(self, name: str, tmp_path: Path) -> None:
        async with adapter_to(FakeBottleCrm(), tmp_path) as adapter:
            created = await adapter.create_contact(replace(DRAFT, name=name), "k")
            read = await adapter.get_contact(created.id)
            assert read is not None
            assert read.name == ("" if name == "." else name)

    async def test_ten_on_one_number_may_be_more(self, tmp_path: Path) -> None:
        crm = FakeBottleCrm()
        for index in range(10):
            crm.add_person("contacts", f"Person {index}", NUMBER.e164)
        async with adapter_to(crm, tmp_path) as adapter:
            with pytest.raises(CrmUnavailable, match="more records than it sent"):
                await adapter.find_contacts([NUMBER])

    async def test_an_address_that_is_taken_is_refused_in_its_words(self, tmp_path: Path) -> None:
        async with adapter_to(FakeBottleCrm(), tmp_path) as adapter:
            draft = replace(DRAFT, email="ada@example.com")
            await adapter.create_contact(draft, "k")
            with pytest.raises(CrmRejected, match="already exists with this email"):
                await adapter.create_contact(draft, "k2")
