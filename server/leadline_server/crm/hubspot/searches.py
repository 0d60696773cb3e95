"""Searches ("Search the CRM"), split to keep to HubSpot's limits on filters and on the size of a request."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import msgspec

from leadline_server.crm.hubspot.wire import Object, a_page
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.crm_errors import CrmError, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm_guarantees import MOST_NUMBERS

PAGE: Final = 200
"""Records on a page, the most that HubSpot allows."""

SEARCH: Final = "search"
"""The scope of the rate limit that HubSpot has for searches."""

MAX_FOUND: Final = 1_000
"""The most records that leadline reads of one search."""

MAX_GROUPS: Final = 5
MAX_CHARACTERS: Final = 2_900
"""The most characters of a search request. HubSpot accepts 3,000, including the position of the page."""

_SEARCHABLE: Final = {
    "phone": "hs_searchable_calculated_phone_number",
    "mobilephone": "hs_searchable_calculated_mobile_number",
}
"""Properties that HubSpot calculates for searches: the digits of the national number."""

_ORDINARY: Final = range(2_079_460_000, 2_079_460_000 + MOST_NUMBERS)
"""Numbers of ten digits, as most have: those of London that are reserved for fiction."""

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
        numbers: at least one.
        patterns: the account's `number_formats`.
        number_properties: the properties with numbers.
        wanted: the properties to return.
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
    """How many ordinary numbers need no more searches than one, without `number_formats`."""
    numbers = [PhoneNumber("", NumberKind.DIALABLE, e164=f"+44{i}", significant=str(i)) for i in _ORDINARY]
    searches = [len(list(phone_searches(numbers[: i + 1], (), number_properties, wanted))) for i in range(len(numbers))]
    return searches.count(searches[0])


def name_search(name: str, wanted: Sequence[str]) -> Search | None:
    """A search that finds every contact with `name` in its name, and others; None if `name` has no word.

    HubSpot finds parts of words, in one property for each filter. The search asks for the two longest words of the name
    in first and last name.
    """
    words = sorted(dict.fromkeys(_WORD.findall(name)), key=len, reverse=True)[:2]
    if not words:
        return None
    properties = product(("firstname", "lastname"), repeat=len(words))
    groups = [[_containing(name, word) for name, word in zip(chosen, words, strict=True)] for chosen in properties]
    return _search(groups, wanted)


def exact_search(property_name: str, value: str) -> Search:
    """A search for records with this value of a property. HubSpot ignores case."""
    return _search([[{"propertyName": property_name, "operator": "EQ", "value": value}]], [property_name])


def _values(
    numbers: Sequence[PhoneNumber], patterns: Sequence[str], number_properties: Sequence[str]
) -> Mapping[str, list[str]]:
    """The values to ask each property for: as written, and as HubSpot calculates them."""
    written = [form.lower() for number in numbers for form in number_forms(number, patterns)]
    calculated = list(_calculated(written))
    named = dict.fromkeys(number_properties, written)
    return {**{_SEARCHABLE[name]: calculated for name in named if name in _SEARCHABLE}, **named}


def _calculated(written: Iterable[str]) -> Iterator[str]:
    """The calculated values of the forms that consist of digits.

    HubSpot stores them as numbers, without leading zeros.
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


async def searched(
    client: HttpClient, path: str, search: Search, too_many: CrmError | None = None, most: int | None = None
) -> Collection[Object]:
    """Every record that a search finds, of all pages; the first `most` of them if there are so many.

    Raises:
        CrmUnavailable: records appeared or disappeared between the pages.
        CrmTooMuch: there are more than MAX_FOUND, and `too_many` is None.
        too_many: there are more than MAX_FOUND.
    """
    found, after = dict[str, Object](), ""
    while True:
        content: Search = search | ({"after": after} if after else {})
        page = (await client.ask("POST", f"{path}/search", json=content, scope=SEARCH)).decode(a_page)
        found.update({record.id: record for record in page.results})
        after = page.after
        if most is not None and len(found) >= most:
            return list(found.values())[:most]
        if page.total > MAX_FOUND:
            raise too_many or CrmTooMuch("HubSpot finds more records than leadline reads.")
        if not after or not page.results:
            break
    if len(found) < page.total:
        raise CrmUnavailable("HubSpot's answer does not have all records that it found.")
    return found.values()
