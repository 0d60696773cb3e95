"""HubSpot's search, as its documentation has it: groups of filters, pages, limits."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from fakes.records import Record, Records

INDEXED: Final = (
    "phone",
    "mobilephone",
    "hs_searchable_calculated_phone_number",
    "hs_searchable_calculated_mobile_number",
    "hs_call_external_id",
    "email",
)
"""Properties that are looked up without reading every record."""

_MOST: Final = 10_000  # records that a search can page through
_PAGE: Final = 200


def refusal(text: str, body: Mapping[str, Any], known: frozenset[str]) -> str:
    """The problem of a search; empty if there is none."""
    groups = [group["filters"] for group in body.get("filterGroups", [])]
    filters = [each for group in groups for each in group]
    if len(text) > 3_000:
        return "The request is longer than 3,000 characters"
    if len(groups) > 5 or any(len(group) > 10 for group in groups) or len(filters) > 25:
        return "There are too many filters"
    if unknown := {each["propertyName"] for each in filters} - known:
        return f"Property {unknown} does not exist"
    if body.get("limit", 10) > _PAGE or len(body.get("sorts", [])) > 1:
        return "The limit is 200, and there is one sort at most"
    if int(body.get("after", 0)) + body.get("limit", 10) > _MOST:
        return "A search pages through 10,000 records at most"
    return ""


def matching(records: Records, table: str, body: Mapping[str, Any]) -> list[Record]:
    """Every record that one of the groups has all filters of, by id."""
    found = {
        record.id: record for group in body["filterGroups"] for record in _in_group(records, table, group["filters"])
    }
    return sorted(found.values(), key=lambda record: int(record.id))


def _in_group(records: Records, table: str, filters: Sequence[Mapping[str, Any]]) -> Iterable[Record]:
    first, tests = filters[0], [_test(each) for each in filters]
    candidates = _indexed(records, table, first) if first["propertyName"] in INDEXED else None
    for record in records.all(table) if candidates is None else candidates:
        if all(test(record) for test in tests):
            yield record


def _indexed(records: Records, table: str, each: Mapping[str, Any]) -> list[Record] | None:
    if each["operator"] not in {"EQ", "IN"}:
        return None
    values = each["values"] if each["operator"] == "IN" else [each["value"]]
    return [record for value in values for record in records.find(table, each["propertyName"], value.casefold())]


def _test(each: Mapping[str, Any]) -> Callable[[Record], bool]:
    name, operator = each["propertyName"], each["operator"]
    if operator == "EQ":
        return lambda record: _value(record, name) == each["value"].casefold()
    if operator == "IN":
        values = frozenset(each["values"])  # in upper case they match nothing
        return lambda record: _value(record, name) in values
    assert operator == "CONTAINS_TOKEN", operator
    pattern = re.sub(r"[\[\]?]", "", each["value"].casefold())
    return lambda record: any(fnmatchcase(word, pattern) for word in re.findall(r"\w+", _value(record, name)))


def _value(record: Record, name: str) -> str:
    return (record.fields.get(name) or "").casefold()
