"""Numbers of twelve numbering plans, as people store them, and the obligation to find them where recall is complete."""

from collections.abc import Mapping
from typing import Final

import phonenumbers
import pytest

from leadline_server.ports.crm import LookupRecall
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


class PlanCases:
    """Numbers of other countries. Subclasses provide the fixture `crm`."""

    @pytest.mark.parametrize("plan", PLANS)
    async def test_a_number_of_any_plan_is_found_in_every_form_where_that_is_declared(
        self, crm: CrmUnderTest, plan: str
    ) -> None:
        people, number = crm.other_hands(), PLANS[plan]
        added = {await people.add_contact(a_name(), [stored(number)]): form for form, stored in STORED.items()}
        found = await eventually(lambda: crm.ids(number), lambda ids: added.keys() <= ids, crm.lag)
        missed = sorted(form for contact_id, form in added.items() if contact_id not in found)
        for contact_id in added:
            await people.delete_contact(contact_id)
        if missed and crm.adapter.capabilities.lookup_recall is not LookupRecall.COMPLETE:
            pytest.skip(f"Not found, and lookup_recall is not COMPLETE: {', '.join(missed)}.")
        assert not missed, f"lookup_recall is COMPLETE, and lookups miss numbers stored {', '.join(missed)}."
