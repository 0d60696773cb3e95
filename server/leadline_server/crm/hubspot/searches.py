"""Search requests ("Search the CRM"), as many as HubSpot's limits on filters and on a request's size make them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import msgspec

from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm import MOST_NUMBERS

PAGE: Final = 200
"""Records a page, the most that HubSpot gives."""

MAX_GROUPS: Final = 5
MAX_CHARACTERS: Final = 2_900
"""Of a search request: HubSpot takes 3,000, and the place of a page comes to these."""

_SEARCHABLE: Final = {
    "phone": "hs_searchable_calculated_phone_number",
    "mobilephone": "hs_searchable_calculated_mobile_number",
}
"""What HubSpot makes of these properties for searches: the digits of the national number."""

_ORDINARY: Final = range(2_079_460_000, 2_079_460_000 + MOST_NUMBERS)
"""Numbers of ten digits beside a trunk prefix, as most have; London's that are set aside for fiction."""

_SORTED: Final = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
_WORD: Final = re.compile(r"\w{1,60}")
_encode: Final = msgspec.json.Encoder().encode

Search = dict[str, Any]
_Group = list[dict[str, Any]]


def phone_searches(
    numbers: Sequence[PhoneNumber], patterns: Sequence[str], number_properties: Sequence[str], wanted: Sequence[str]
) -> Iterator[Search]:
    """The searches that together find every contact with one of `numbers`.

    Args:
        numbers: one at least.
        patterns: the account's `number_formats`.
        number_properties: where numbers are.
        wanted: the properties asked for.
    """
    groups = [[_among(name, values)] for name, values in _values(numbers, patterns, number_properties).items()]
    searches = [_search(groups[i : i + MAX_GROUPS], wanted) for i in range(0, len(groups), MAX_GROUPS)]
    if all(len(_encode(search)) <= MAX_CHARACTERS for search in searches):
        yield from searches
    elif len(numbers) > 1:
        half = len(numbers) // 2
        for some in (numbers[:half], numbers[half:]):
            yield from phone_searches(some, patterns, number_properties, wanted)
    else:
        yield from (_search([group], wanted) for group in groups)


def numbers_per_search(number_properties: Sequence[str], wanted: Sequence[str]) -> int:
    """How many ordinary numbers are found by no more searches than one is, without `number_formats`."""
    numbers = [PhoneNumber("", NumberKind.DIALABLE, e164=f"+44{i}", significant=str(i)) for i in _ORDINARY]
    searches = [len(list(phone_searches(numbers[: i + 1], (), number_properties, wanted))) for i in range(len(numbers))]
    return searches.count(searches[0])


def name_search(name: str, wanted: Sequence[str]) -> Search | None:
    """A search that finds every contact with `name` in its name, and others; None if there is no word to search by.

    HubSpot finds words, by parts too, in one property each. The two longest words of the name are looked for in first
    and last name.
    """
    words = sorted(dict.fromkeys(_WORD.findall(name)), key=len, reverse=True)[:2]
    if not words:
        return None
    places = product(("firstname", "lastname"), repeat=len(words))
    groups = [[_containing(place, word) for place, word in zip(chosen, words, strict=True)] for chosen in places]
    return _search(groups, wanted)


def exact_search(property_name: str, value: str) -> Search:
    """A search for records with this value of a property; upper and lower case are one to HubSpot."""
    return _search([[{"propertyName": property_name, "operator": "EQ", "value": value}]], [property_name])


def _values(
    numbers: Sequence[PhoneNumber], patterns: Sequence[str], number_properties: Sequence[str]
) -> Mapping[str, list[str]]:
    """What to ask each property for: as written, and as HubSpot calculates it."""
    written = [form.lower() for number in numbers for form in number_forms(number, patterns)]
    calculated = list(_calculated(written))
    named = dict.fromkeys(number_properties, written)
    return {**{_SEARCHABLE[name]: calculated for name in named if name in _SEARCHABLE}, **named}


def _calculated(written: Iterable[str]) -> Iterator[str]:
    """The digits that numbers may have become, of all forms that are digits alone.

    HubSpot keeps them as a number, so that zeros before it are gone.
    """
    for form in written:
        if form.isdecimal() and (digits := form.lstrip("0")):
            yield digits


def _among(name: str, values: Sequence[str]) -> dict[str, Any]:
    return {"propertyName": name, "operator": "IN", "values": list(dict.fromkeys(values))}


def _containing(name: str, word: str) -> dict[str, Any]:
    return {"propertyName": name, "operator": "CONTAINS_TOKEN", "value": f"*{word}*"}


def _search(groups: Sequence[_Group], wanted: Sequence[str]) -> Search:
    return {
        "filterGroups": [{"filters": group} for group in groups],
        "properties": list(wanted),
        "sorts": _SORTED,
        "limit": PAGE,
    }
