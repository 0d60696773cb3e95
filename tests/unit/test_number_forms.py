"""The forms of a number that CRMs are asked for which search the text as people wrote it."""

import pytest
from leadline_server.crm.declarative.definition_files import load_definition
from leadline_server.crm.declarative.template_values import forms_of
from leadline_server.crm.pipedrive.search_terms import phone_terms
from leadline_server.crm.toolkit.number_forms import digit_groups
from leadline_server.crm.zoho.coql import number_conditions
from leadline_server.domain.numbers.phone_number import parse_number


def test_a_german_number_is_asked_for_in_the_groups_of_libphonenumber_and_of_people() -> None:
    groups = digit_groups(parse_number("+4915123456789", "DE"))
    assert groups[0] == ("1512", "3456789")
    assert ("151", "23456789") in groups
    assert ("1", "42", "34", "56", "78") in digit_groups(parse_number("+33142345678", "FR"))


def test_a_north_american_number_has_one_way_to_be_grouped() -> None:
    assert digit_groups(parse_number("+12025550147", "US")) == (("202", "555", "0147"),)


@pytest.mark.parametrize("written", ["151 23456789", "151-23456789", "1512 3456789", "15123456789", "151.23456789"])
def test_zoho_is_asked_for_what_people_write_in_germany(written: str) -> None:
    conditions = " ".join(number_conditions([parse_number("+4915123456789", "DE")], (), ("Phone",)))
    assert f"LIKE '%{written}%'" in conditions


def test_pipedrive_is_asked_for_few_forms_since_each_costs_a_search() -> None:
    terms = [term for term, _ in phone_terms([parse_number("+12025550147", "US")], ())]
    assert terms == ["+12025550147", "2025550147", "202 555 0147", "202-555-0147", "(202) 555-0147"]


def test_bottlecrm_is_asked_once_more_only_where_its_last_ten_digits_differ() -> None:
    asked = load_definition("bottlecrm").definition.operations.find_contacts
    assert forms_of(parse_number("+12025550147", "US"), asked, ()) == ("+12025550147",)
    assert forms_of(parse_number("+33142345678", "FR"), asked, ()) == ("+33142345678", "0142345678")
