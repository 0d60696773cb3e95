"""Fields of the administrator's own, and required fields, with an adapter in another process."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from google.protobuf.json_format import MessageToDict
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import capabilities_pb2
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.crm.toolkit import FieldReport, RequiredField, TellsRequiredFields
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import Report
from pydantic import ValidationError
from support.scripted_adapters import PROMISES, ScriptedAdapter, says, scripted_adapter

DRAFT: Final = ContactDraft(name="Ada", phone_number=parse_number("+12025550147", "US"), is_placeholder=True)
OWN: Final[dict[str, Any]] = {
    "placeholder_fields": {"region": "South", "score": 5, "ways": ["phone"], "digits": "{{ number.digits }}"},
    "call_fields": {"campaign": "spring", "took": "{{ duration }}"},
}
WRITES: Final = capabilities_pb2.Capabilities(writes_fields=True)
WRITES.MergeFrom(PROMISES)


def described(**about: Any) -> pb.DescribeResponse:
    return pb.DescribeResponse(title="Acme CRM", **{"capabilities": WRITES, **about})


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        running.answers["Describe"] = says(described())
        yield running


def fields_in(adapter: ScriptedAdapter, method: str) -> dict[str, Any]:
    """The fields in the last request of a method."""
    data = [data for name, data in adapter.received if name == method][-1]
    request: Any = getattr(pb, f"{method}Request").FromString(data)
    message = request.draft if method == "CreateContact" else request.entry
    return MessageToDict(message.fields)


async def report_of(crm: CrmAdapter) -> FieldReport:
    assert isinstance(crm, TellsRequiredFields)
    return await crm.required_fields()


async def test_the_fields_of_the_settings_arrive_rendered(adapter: ScriptedAdapter) -> None:
    async with remote_crm(adapter.address, **OWN) as crm:
        await crm.create_contact(DRAFT, "key")
        assert fields_in(adapter, "CreateContact") == {
            "region": "South",
            "score": 5,
            "ways": ["phone"],
            "digits": "12025550147",
        }
        await crm.create_call_log(Report().entry("c-1"), "key")
        assert fields_in(adapter, "CreateCallLog") == {"campaign": "spring", "took": 120}


async def test_an_update_has_the_fields_alone_that_follow_from_the_call(adapter: ScriptedAdapter) -> None:
    async with remote_crm(adapter.address, **OWN) as crm:
        await crm.update_call_log("l-1", Report().entry("c-1"))
    assert fields_in(adapter, "UpdateCallLog") == {"took": 120}


async def test_without_settings_there_are_none(adapter: ScriptedAdapter) -> None:
    async with remote_crm(adapter.address) as crm:
        await crm.create_contact(DRAFT, "key")
    [data] = [data for name, data in adapter.received if name == "CreateContact"]
    assert not pb.CreateContactRequest.FromString(data).draft.HasField("fields")


async def test_an_adapter_that_does_not_write_them_is_not_asked_to_write(adapter: ScriptedAdapter) -> None:
    adapter.answers["Describe"] = says(described(capabilities=PROMISES))
    async with remote_crm(adapter.address, title="Acme CRM", **OWN) as crm:
        with pytest.raises(CrmRejected, match="Acme CRM does not write the placeholder_fields of the settings"):
            await crm.create_contact(DRAFT, "key")
        with pytest.raises(CrmRejected, match="call_fields"):
            await crm.create_call_log(Report().entry("c-1"), "key")
        with pytest.raises(CrmRejected, match="call_fields"):
            await crm.update_call_log("l-1", Report().entry("c-1"))
        with pytest.raises(CrmRejected, match="does not write the placeholder_fields"):
            await report_of(crm)
    assert {name for name, _ in adapter.received} == {"Describe"}


async def test_required_fields_without_a_value_are_named(adapter: ScriptedAdapter) -> None:
    required = pb.RequiredFields(
        contact=[
            pb.RequiredField(name="region", label="Region"),
            pb.RequiredField(name="industry", label="Industry"),
            pb.RequiredField(name="x" * 129),
        ],
        call_log=[pb.RequiredField(name="outcome")],
    )
    adapter.answers["Describe"] = says(described(required_fields=required))
    async with remote_crm(adapter.address, **OWN) as crm:
        report = await report_of(crm)
    assert report == FieldReport(
        (
            RequiredField(record="contact", name="industry", label="Industry", setting="placeholder_fields"),
            RequiredField(record="call", name="outcome", setting="call_fields"),
        )
    )


async def test_an_adapter_that_does_not_tell_leaves_it_open(adapter: ScriptedAdapter) -> None:
    async with remote_crm(adapter.address) as crm:
        assert await report_of(crm) == FieldReport(untold=("contacts", "calls"))


async def test_a_crm_that_requires_nothing_is_not_one_that_does_not_tell(adapter: ScriptedAdapter) -> None:
    adapter.answers["Describe"] = says(described(required_fields=pb.RequiredFields()))
    async with remote_crm(adapter.address) as crm:
        assert await report_of(crm) == FieldReport()


def test_a_template_that_cannot_be_rendered_is_a_wrong_setting() -> None:
    with pytest.raises(ValidationError, match="there is no nothing here"):
        RemoteSettings.model_validate({"address": "127.0.0.1:1", "call_fields": {"a": "{{ nothing }}"}})
