"""Fields of an administrator's own: checked with the settings, rendered in the sandbox, weaker than leadline's own."""

from dataclasses import replace
from typing import Any

import pytest
from leadline_server.crm.salesforce.adapter_type import SalesforceSettings, _names
from leadline_server.crm.salesforce.wire import contact_kind, lead_kind, record_of
from leadline_server.crm.toolkit import FieldReport, OwnFields, SettingsWithFields, missing_of, sample_draft, with_own
from leadline_server.crm.toolkit.own_fields import sample_entry
from leadline_server.domain.call import Party
from leadline_server.domain.crm_errors import CrmRejected
from pydantic import ValidationError

SALESFORCE = {"instance_url": "https://acme.my.salesforce.com", "client_id": "x"}


def own(**tables: Any) -> OwnFields:
    return OwnFields(SettingsWithFields.model_validate(tables))


def test_fixed_values_of_every_kind_are_written_as_they_are() -> None:
    values = {"text": "South", "number": 7, "flag": True, "list": ["a"], "table": {"value": 1}}
    assert own(placeholder_fields=values).of_contact(sample_draft()) == values


def test_templates_see_the_contact_and_its_number() -> None:
    fields = own(
        placeholder_fields={
            "a": "{{ contact.name | upper }}",
            "b": "{{ number.country_code }}",
            "c": ["{{ number.e164 }}"],
        }
    )
    assert fields.of_contact(sample_draft()) == {"a": "UNKNOWN CALLER", "b": "1", "c": ["+12025550147"]}


def test_an_update_writes_templates_again_and_fixed_values_no_more() -> None:
    fields = own(call_fields={"fixed": "Phone", "outcome": "{{ result }}"})
    entry = sample_entry("1")
    assert fields.of_new_call(entry) == {"fixed": "Phone", "outcome": "UNKNOWN"}
    assert fields.of_changed_call(entry) == {"outcome": "UNKNOWN"}


def test_a_callers_words_are_no_template() -> None:
    entry = sample_entry("1")
    hostile = replace(entry, call=replace(entry.call, caller=Party(name="{{ 7 * 7 }}")))
    assert own(call_fields={"who": "{{ call.caller.name }}"}).of_new_call(hostile) == {"who": "{{ 7 * 7 }}"}


def test_a_template_that_fails_for_one_call_rejects_that_call() -> None:
    fields, entry = own(call_fields={"share": "{{ 1 / (call.attributes.of | default(1) | int) }}"}), sample_entry("1")
    assert fields.of_new_call(entry) == {"share": 1.0}
    with pytest.raises(CrmRejected, match=r"call_fields\.share: cannot be rendered"):
        fields.of_new_call(replace(entry, call=replace(entry.call, attributes={"of": "0"})))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"placeholder_fields": {"a": "{{ contcat.name }}"}}, "there is no contcat here"),
        ({"placeholder_fields": {"a": "{{ contact.name.__class__ }}"}}, "cannot be rendered"),
        ({"placeholder_fields": {"a": "{% for x in y %}{% endfor %}"}}, "a template has no for"),
        ({"call_fields": {"a": {"b": "{{ open"}}}, "call_fields.a.b: is not a template"),
        ({"call_fields": {str(number): "x" for number in range(101)}}, "at most 100 fields"),
        ({"call_fields": {"a": "x" * 20_001}}, "20,000 characters"),
    ],
)
def test_a_table_that_cannot_work_is_refused_with_the_settings(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SettingsWithFields.model_validate(table)
    assert said in str(caught.value)


def test_leadlines_value_is_stronger_and_an_empty_one_is_filled() -> None:
    record = {"WhoId": "1", "Subject": "A call", "CallDisposition": None, "custom_fields": {"mark": "x"}}
    settings = {"WhoId": "2", "CallDisposition": "Phone", "custom_fields": {"mark": "y", "region": "South"}}
    assert with_own(settings, record) == {
        **record,
        "CallDisposition": "Phone",
        "custom_fields": {"mark": "x", "region": "South"},
    }


def test_a_required_field_is_missing_if_it_has_no_value() -> None:
    report = missing_of("Lead", "placeholder_fields", {"A": "", "B": "", "C": ""}, {"A": "x", "B": ""})
    assert [field.name for field in report.missing] == ["B", "C"]
    assert missing_of("Lead", "x", {}, {}) + FieldReport(untold=("calls",)) == FieldReport(untold=("calls",))


@pytest.mark.parametrize(("company", "written"), [("Unknown", "Unknown"), ("", None)])
def test_a_lead_without_a_company_becomes_a_person_account(company: str, written: str | None) -> None:
    settings = SalesforceSettings.model_validate({**SALESFORCE, "lead_company": company})
    record = record_of(sample_draft(), lead_kind(("Phone",)), _names(settings))
    assert record.get("Company") == written
    assert "Company" not in record_of(sample_draft(), contact_kind(("Phone",)), _names(settings))
