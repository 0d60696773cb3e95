"""A lookup reads so much of a CRM's answer and no more. An answer that is cut off is never "no contact"."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.crm.toolkit.bounds import bounded, first_ones, within_bounds
from leadline_server.crm.toolkit.json_nesting import is_nested_deeper
from leadline_server.crm.wrappers.bounded import BoundedCrm
from leadline_server.domain.choosing import are_several, listed
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmTooMuch
from leadline_server.domain.limits import (
    MOST_CANDIDATE_BYTES,
    MOST_CANDIDATES,
    MOST_CONTACT_BYTES,
    MOST_CONTACT_PARTS,
    MOST_LOOKUP_BYTES,
    MOST_NESTING,
    MOST_RECORDS,
)
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.domain.sizes import contact_bytes, contacts_bytes

NUMBER = parse_number("+12025550147", "US")


def contacts(count: int, **more: Any) -> list[Contact]:
    return [Contact(id=f"c{index}", phone_numbers=("+12025550147",), **more) for index in range(count)]


def test_a_hundred_contacts_a_number_are_taken_and_one_more_is_too_much() -> None:
    assert len(within_bounds(contacts(100), 1)) == 100
    with pytest.raises(CrmTooMuch) as raised:
        within_bounds(contacts(101), 1)
    assert len(raised.value.read) == MOST_RECORDS
    assert len(within_bounds(contacts(2 * MOST_RECORDS), 2)) == 2 * MOST_RECORDS


def test_the_contacts_of_a_lookup_are_bounded_in_bytes() -> None:
    large = contacts(100, email="x" * (MOST_CONTACT_BYTES - 300))
    taken = first_ones(large, 1)
    assert contacts_bytes(taken) <= MOST_LOOKUP_BYTES
    assert 1 < len(taken) < 100
    with pytest.raises(CrmTooMuch):
        within_bounds(large, 1)


def test_a_very_large_contact_is_cut_and_keeps_its_id_and_numbers() -> None:
    attributes = {f"field {index}": "x" * 5_000 for index in range(500)}
    contact = Contact(
        id="c1",
        name="n" * 50_000,
        phone_numbers=("+12025550147",),
        url="https://x/" + "u" * 9_000,
        attributes=attributes,
    )
    cut = bounded(contact)
    assert (cut.id, cut.phone_numbers) == (contact.id, contact.phone_numbers)
    assert contact_bytes(cut) < 80_000
    assert cut.url == ""
    assert len(cut.attributes) == MOST_CONTACT_PARTS


@pytest.mark.parametrize(
    "changes", [{"phone_numbers": ("1" * 300,) * 100}, {"id": "i" * 20_000}, {"phone_numbers": ("1" * 20_000,)}]
)
def test_a_contact_whose_numbers_or_id_are_too_large_is_cannot_tell(changes: dict[str, Any]) -> None:
    with pytest.raises(CrmTooMuch):
        bounded(replace(Contact(id="c1"), **changes))


@given(st.integers(0, 300), st.integers(0, 40_000), st.integers(1, 3))
def test_whatever_is_found_what_is_taken_is_within_the_bounds(count: int, size: int, numbers: int) -> None:
    taken = first_ones(contacts(count, email="x" * size), numbers)
    assert len(taken) <= MOST_RECORDS * numbers
    assert contacts_bytes(taken) <= MOST_LOOKUP_BYTES


class _Inner:
    """An adapter that finds what a test says."""

    def __init__(self, found: Sequence[Contact], error: CrmTooMuch | None = None) -> None:
        self._found = found
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return None  # the other methods, which are not called

    async def find_contacts(self, _: Sequence[PhoneNumber]) -> Sequence[Contact]:
        if self._error is not None:
            raise self._error
        return self._found


async def test_what_an_adapter_read_before_it_gave_up_is_bounded_too() -> None:
    crm = BoundedCrm(_Inner((), CrmTooMuch("Too many.", read=contacts(5_000))))
    with pytest.raises(CrmTooMuch) as raised:
        await crm.find_contacts([NUMBER])
    assert len(raised.value.read) == MOST_RECORDS


def match(contact_id: str, kind: MatchKind = MatchKind.EXACT, **more: Any) -> ContactMatch:
    is_respelled = more.pop("is_respelled", False)
    return ContactMatch(Contact(id=contact_id, **more), NUMBER.text, kind, is_respelled)


@pytest.mark.parametrize(
    ("found", "count"),
    [
        ([match("a"), match("b")], 2),
        ([match("a"), match("a")], 1),
        ([match("a"), match("b", is_placeholder=True)], 1),
        ([match("a"), match("b", MatchKind.NATIONAL)], 1),
        ([match("a"), match("b", is_respelled=True)], 1),
        ([match("a", MatchKind.NATIONAL), match("b", MatchKind.NATIONAL)], 1),
        ([match("a")], 1),
        ([], 1),
    ],
)
def test_several_are_two_real_contacts_with_the_strongest_possible_match(found: list[ContactMatch], count: int) -> None:
    assert are_several(found) is (count > 1)


def test_no_match_of_a_bare_extension_is_stronger_than_extension() -> None:
    found = [match("a", MatchKind.EXTENSION), match("b", MatchKind.EXTENSION)]
    assert are_several(found, MatchKind.EXTENSION)
    assert not are_several(found)


def test_candidates_are_bounded_in_number_and_bytes_and_there_is_one_at_least() -> None:
    many = [match(f"c{index:04}") for index in range(5_000)]
    assert len(listed(many)) == MOST_CANDIDATES
    large = [match(f"c{index:04}", email="x" * 10_000) for index in range(400)]
    kept = listed(large)
    assert contacts_bytes([each.contact for each in kept]) <= MOST_CANDIDATE_BYTES
    assert [each.contact.id for each in kept] == [f"c{index:04}" for index in range(len(kept))]
    assert len(listed([match("one", email="x" * 500_000)])) == 1


def answer(body: bytes, *, is_write: bool = False) -> HttpAnswer:
    return HttpAnswer(status=200, headers={}, body=body, is_write=is_write)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"[" * 65 + b"]" * 65,
    ],
)
def test_deeply_nested_json_is_cannot_tell_and_after_a_write_an_unknown_outcome(body: bytes) -> None:
    with pytest.raises(CrmTooMuch, match="nested too deeply"):
        answer(body).json()
    with pytest.raises(CrmOutcomeUnknown, match="nested too deeply"):
        answer(body, is_write=True).json()


def test_the_deepest_nesting_that_is_read() -> None:
    for depth, is_deeper in ((64, False), (65, True)):
        body = b"[" + b"{}," * 200 + b"[" * (depth - 1) + b"]" * (depth - 1) + b"]"
        assert is_nested_deeper(body, MOST_NESTING) is is_deeper


JSON = st.recursive(
    st.none() | st.text(alphabet='a"\\[]{}é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='a"\\[{', max_size=3), inner, max_size=3)
    ),
)


@given(JSON, st.integers(0, 6))
def test_brackets_in_texts_do_not_count(document: Any, most: int) -> None:
    assert is_nested_deeper(json.dumps(document).encode(), most) is (_depth(document) > most)


def _depth(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0)
