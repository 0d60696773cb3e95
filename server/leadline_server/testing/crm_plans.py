"""Numbers of twelve numbering plans, as people store them, and the obligation to find them where recall is complete."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

import phonenumbers
import pytest

from leadline_server.ports.crm_guarantees import LookupRecall
from leadline_server.testing.crm_harness import CrmUnderTest, a_name, eventually

PLANS: Final[Mapping[str, str]] = {
    "United States": "+12025550173",
    "United Kingdom": "+442079460173",
    "Germany, mobile": "+4915112345673",
    "Germany, short": "+4930901873",
    "France": "+33142345673",
    "Switzerland": "+41446681873",
    "Spain": "+34911234573",
    "Italy": "+390669812373",
    "Norway": "+4722123473",
    "Singapore": "+6561234573",
    "Australia": "+61291234573",
    "India": "+912212345673",
}
"""An example of each plan."""

_FORMAT: Final = phonenumbers.PhoneNumberFormat.INTERNATIONAL


def _international(number: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(number), _FORMAT)


def _people(number: str) -> str:
    """In two groups after the country code: `+49 151 12345673`."""
    parsed = phonenumbers.parse(number)
    digits = phonenumbers.national_significant_number(parsed)
    return f"+{parsed.country_code} {digits[:3]} {digits[3:]}"


STORED: Final = {
    "E.164": lambda number: number,
    "in groups": _international,
    "in groups with hyphens": lambda number: _international(number).replace(" ", "-"),
    "with 00": lambda number: f"00{_international(number)[1:]}",
    "in two groups": _people,
}
"""Ways to store a number that mean the same in every region."""


REGIONS: Final[Mapping[str, str]] = {
    "United States": "US",
    "United Kingdom": "GB",
    "Germany, mobile": "DE",
    "Germany, short": "DE",
    "France": "FR",
    "Switzerland": "CH",
    "Spain": "ES",
    "Italy": "IT",
    "Norway": "NO",
    "Singapore": "SG",
    "Australia": "AU",
    "India": "IN",
}
"""The region of each plan, in which people write its numbers as at home."""


def _national(number: str) -> str:
    """As libphonenumber writes it: `01 42 34 56 73`."""
    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.NATIONAL)


def _national_digits(number: str) -> str:
    return "".join(filter(str.isdigit, _national(number)))


def _in_two_groups(number: str, separator: str) -> str:
    """The area and the rest, as people write it: `0151 12345673`."""
    digits = _national_digits(number)
    head = 3 + len(digits) - len(phonenumbers.national_significant_number(phonenumbers.parse(number)))
    return f"{digits[:head]}{separator}{digits[head:]}"


NATIONAL: Final = {
    "national in groups": _national,
    "national, digits alone": _national_digits,
    "national with hyphens": lambda number: "-".join(re.findall("[0-9]+", _national(number))),
    "national in two groups": lambda number: _in_two_groups(number, " "),
    "national with a slash": lambda number: _in_two_groups(number, "/"),
}
"""Ways to store a number without its country code. They mean it in its region alone."""

Forms = Mapping[str, Callable[[str], str]]


class PlanCases:
    """Numbers of other countries. Subclasses provide the fixture `crm`."""

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest] | None:
        """A CRM under test whose account reads numbers in `region`. None: tests of national numbers are skipped."""
        del region
        return None

    @pytest.mark.parametrize("plan", PLANS)
    async def test_a_number_of_any_plan_is_found_in_every_form_where_that_is_declared(
        self, crm: CrmUnderTest, plan: str
    ) -> None:
        await _assert_found(crm, PLANS[plan], STORED)

    @pytest.mark.parametrize("plan", PLANS)
    async def test_a_number_that_was_stored_as_at_home_is_found_where_that_is_declared(
        self, crm: CrmUnderTest, plan: str
    ) -> None:
        region = REGIONS[plan]
        if crm.region == region:
            await _assert_found(crm, PLANS[plan], NATIONAL)
            return
        opening = self.open_crm_in(region)
        if opening is None:
            pytest.skip(f"The author opens no CRM in region {region}: see open_crm_in.")
        async with opening as at_home:
            assert at_home.region == region, "open_crm_in opens a CRM in the region that it is asked for."
            await _assert_found(at_home, PLANS[plan], NATIONAL)


async def _assert_found(crm: CrmUnderTest, number: str, forms: Forms) -> None:
    people = crm.other_hands()
    added = {await people.add_contact(a_name(), [stored(number)]): form for form, stored in forms.items()}
    found = await eventually(lambda: crm.ids(number), lambda ids: added.keys() <= ids, crm.lag)
    missed = sorted(form for contact_id, form in added.items() if contact_id not in found)
    for contact_id in added:
        await people.delete_contact(contact_id)
    if missed and crm.adapter.capabilities.lookup_recall is not LookupRecall.COMPLETE:
        pytest.skip(f"Not found, and lookup_recall is not COMPLETE: {', '.join(missed)}.")
    assert not missed, f"lookup_recall is COMPLETE, and lookups miss numbers stored {', '.join(missed)}."
