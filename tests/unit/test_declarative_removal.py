"""A contact of a defined CRM is deleted only if the CRM shows that no one used it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.espocrm import LINKS, POSTS, FakeEspoCrm
from fakes.serving import fake_server
from leadline_server.crm.declarative.definition_files import parse_definition
from leadline_server.definitions.problems import BadDefinition
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import ContactDeleter, ContactUse, CrmAdapter
from leadline_server.testing.crm_harness import Report, a_key
from support.acorn import DEFINITION
from support.adapters import opened_adapter

DRAFT = ContactDraft(name="Unknown Caller", phone_number=parse_number("+12025550147", "US"), is_placeholder=True)


@pytest.fixture
async def espo(tmp_path: Path) -> AsyncIterator[tuple[FakeEspoCrm, CrmAdapter]]:
    fake = FakeEspoCrm()
    async with fake_server(fake) as server:
        options = {"definition": "espocrm", "base_url": server.url, "api_key": fake.token}
        async with opened_adapter("http", options, tmp_path) as adapter:
            yield fake, adapter


async def removed(adapter: CrmAdapter, contact: Contact, *log_ids: str) -> ContactUse:
    assert isinstance(adapter, ContactDeleter)
    return await adapter.delete_contact(contact.id, log_ids, only_check=False)


@pytest.mark.parametrize("kind", ["contact", "lead"])
@pytest.mark.parametrize("related", sorted(LINKS - {"calls"} | {POSTS}))
async def test_a_record_that_belongs_to_a_contact_keeps_it(
    espo: tuple[FakeEspoCrm, CrmAdapter], kind: str, related: str
) -> None:
    fake, adapter = espo
    contact = await adapter.create_contact(replace(DRAFT, type=kind), "key")
    fake.records.add(related, {"parent": contact.id.partition(":")[2]}, by_people=True)
    assert await removed(adapter, contact) is ContactUse.USED
    assert await adapter.get_contact(contact.id) is not None


async def test_a_deal_of_a_contact_keeps_it_and_leads_have_none(espo: tuple[FakeEspoCrm, CrmAdapter]) -> None:
    fake, adapter = espo
    contact = await adapter.create_contact(DRAFT, "key")
    fake.records.add("opportunities", {"parent": contact.id.partition(":")[2]}, by_people=True)
    assert await removed(adapter, contact) is ContactUse.USED


async def test_what_the_role_may_not_read_is_not_known_and_keeps_the_contact(
    espo: tuple[FakeEspoCrm, CrmAdapter],
) -> None:
    fake, adapter = espo
    contact = await adapter.create_contact(DRAFT, "key")
    log = await adapter.create_call_log(Report().entry(contact.id), a_key())
    fake.hidden = frozenset({"tasks"})
    assert await removed(adapter, contact, log.id) is ContactUse.UNKNOWN
    assert await removed(adapter, contact) is ContactUse.USED, "A call that leadline did not write is use anyway."
    fake.hidden = frozenset()
    assert await removed(adapter, contact, log.id) is ContactUse.UNUSED
    assert await adapter.get_contact(contact.id) is None


async def test_an_id_of_another_kind_of_record_is_no_log(espo: tuple[FakeEspoCrm, CrmAdapter]) -> None:
    fake, adapter = espo
    contact = await adapter.create_contact(DRAFT, "key")
    log = await adapter.create_call_log(Report().entry(contact.id), a_key())
    fake.records.add("tasks", {"parent": contact.id.partition(":")[2]}, record_id=log.id, by_people=True)
    assert await removed(adapter, contact, log.id) is ContactUse.USED


async def test_credentials_that_are_refused_say_nothing_of_a_contact(espo: tuple[FakeEspoCrm, CrmAdapter]) -> None:
    fake, adapter = espo
    contact = await adapter.create_contact(DRAFT, "key")
    fake.misbehaviour.faults = type(fake.faults)(token="another")
    with pytest.raises(CrmAuthFailed):
        await removed(adapter, contact)


USE = """
[operations.contact_use]
path = "/people/{{ contact_id }}"
[operations.contact_use.response]
edited = "changed"

[operations.related_records]
path = "/people/{{ contact_id }}/{{ list }}"
lists = ["calls"]
log_list = "calls"
[operations.related_records.response]
ids = "[].id"

[operations.delete_contact]
method = "DELETE"
path = "/people/{{ contact_id }}"
"""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("", ""), ""),
        (("[operations.contact_use", "[operations.check_2"), "check_2"),
        (('log_list = "calls"', 'log_list = "notes"'), "operations.related_records.log_list: is not one of lists"),
        (('log_list = "calls"', 'log_list = "calls"\nmore_lists = { lead = ["x"] }'), "there is no kind lead"),
        (("{{ list }}", "calls"), "sends no list"),
        (('DELETE"\npath = "/people/{{ contact_id }}"', 'DELETE"\npath = "/people/1"'), "sends no contact_id"),
    ],
)
def test_a_definition_that_deletes_says_how_it_tells(change: tuple[str, str], problem: str) -> None:
    source = DEFINITION + USE.replace(*change) if change[0] else DEFINITION + USE
    if not problem:
        assert parse_definition(source).delete_contact is not None
        return
    with pytest.raises(BadDefinition) as caught:
        parse_definition(source)
    assert problem in str(caught.value)


def test_a_deletion_without_the_reads_is_refused() -> None:
    alone = "[operations.delete_contact]" + USE.partition("[operations.delete_contact]")[2]
    with pytest.raises(BadDefinition, match="needs contact_use and related_records"):
        parse_definition(DEFINITION + alone)
