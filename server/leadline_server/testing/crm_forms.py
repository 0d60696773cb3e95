"""The ways in which people write numbers in a CRM, and the obligation to find them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from leadline_server.testing.crm_harness import CrmUnderTest, a_name, a_number, eventually


@dataclass(frozen=True, slots=True)
class Form:
    """The stored numbers of a contact, and the number that is looked up.

    In both, `{0}` is a new number in E.164, `{1}` is it without the plus, `{2}`, `{3}` and `{4}` are its area, exchange
    and line, and `{5}` is another number of the contact.
    """

    stored: tuple[str, ...]
    asked: str = "{0}"

    def of(self, number: str, other: str) -> tuple[list[str], str]:
        """The stored numbers, and the number that is looked up."""
        parts = (number, number[1:], number[2:5], number[5:8], number[8:], other)
        return [text.format(*parts) for text in self.stored], self.asked.format(*parts)


FORMS: Final[Mapping[str, Form]] = {
    "E.164": Form(("{0}",)),
    "international with spaces": Form(("+1 {2} {3} {4}",)),
    "international with 00": Form(("00{1}",)),
    "international with 00 and spaces": Form(("001 {2} {3} {4}",)),
    "national with brackets": Form(("({2}) {3}-{4}",)),
    "national with dots": Form(("{2}.{3}.{4}",)),
    "national with spaces": Form(("{2} {3} {4}",)),
    "national, digits alone": Form(("{2}{3}{4}",)),
    "national with the trunk prefix": Form(("1-{2}-{3}-{4}",)),
    "as a URI (RFC 3966)": Form(("tel:+1-{2}-{3}-{4}",)),
    "with spaces before and after": Form(("  {0}   ",)),
    "with an extension": Form(("{0} ext. 12",)),
    "with an extension, marked x": Form(("{0} x77",)),
    "as the second number": Form(("{5}", "{0}")),
    "as the third number": Form(("{5}", "+442079460123", "{0}")),
    "abroad, as it is written at home": Form(("01632 960987",), "+441632960987"),
    "abroad": Form(("+44 1632 960986",), "+441632960986"),
    "a bare extension": Form(("1017",), "1017"),
}
"""Every way that the suite tests, by name."""


class FormCases:
    """A number is found in every way to write it. Subclasses provide the fixture `crm`."""

    @pytest.mark.parametrize("form", FORMS)
    async def test_a_number_is_found_however_people_wrote_it_unless_declared_lost(
        self, crm: CrmUnderTest, form: str
    ) -> None:
        stored, asked = FORMS[form].of(a_number(), a_number())
        contact_id = await crm.other_hands().add_contact(a_name(), stored)
        found = await eventually(lambda: crm.ids(asked), lambda ids: contact_id in ids, crm.lag)
        if form in crm.lost_forms:
            assert contact_id not in found, f"It is found after all: take {form!r} out of lost_forms."
        else:
            assert contact_id in found, f"It is not found. If this CRM cannot, declare {form!r} in lost_forms."

    async def test_lost_forms_are_ways_that_the_suite_knows(self, crm: CrmUnderTest) -> None:
        assert crm.lost_forms <= FORMS.keys()
