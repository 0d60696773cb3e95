"""Tables in Markdown of the capabilities and known gaps of adapters, for documents and test reports."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod, LookupRecall, NameSearch, RateLimit
from leadline_server.testing.crm_fields import FIELDS
from leadline_server.testing.crm_forms import FORMS
from leadline_server.testing.crm_texts import LINES, TEXTS

_KEPT: Final = "yes"
_LOST: Final = "no"
_OPEN: Final = "as set"
_SEARCHES: Final = {NameSearch.NONE: "nothing", NameSearch.WORDS: "words", NameSearch.SUBSTRING: "any part"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The capabilities of an adapter, and the known gaps of its CRM.

    `capabilities` are None if they depend on the connection's settings.
    """

    capabilities: Capabilities | None
    lost_fields: Collection[str] = frozenset()
    lost_forms: Collection[str] = frozenset()
    lost_texts: Collection[str] = frozenset()


def capability_table(adapters: Mapping[str, Facts]) -> str:
    """The capabilities, with a column for each adapter."""
    rows: Mapping[str, Callable[[Capabilities], str]] = {
        "Finds a log by its call": lambda can: _said(is_so=can.finds_log_by_key),
        "Enforces unique keys": lambda can: _said(is_so=can.enforces_unique_key),
        "Moves a log to another contact": lambda can: _said(is_so=can.moves_log),
        "Follows moved contacts": lambda can: _said(is_so=can.follows_moved_contacts),
        "Finds a number however it is stored": lambda can: _said(is_so=can.lookup_recall is LookupRecall.COMPLETE),
        "A new contact is found within": lambda can: _time(can.search_lag),
        "A write settles within": lambda can: _time(can.settle_time),
        "Numbers that go into one lookup": lambda can: str(can.numbers_per_lookup),
        "Rate limits": lambda can: _limits(can.rate_limits),
        "Reads call logs back": lambda can: _said(is_so=CrmMethod.GET_CALL_LOG in can.methods),
        "Deletes unused contacts": lambda can: _said(is_so=can.deletes_contacts),
        "Reads every contact": lambda can: _said(is_so=can.reads_contacts),
        "Searches names for": lambda can: _SEARCHES[can.searches],
        "Keeps subjects": lambda can: _said(is_so=can.has_subject),
        "Keeps companies": lambda can: _said(is_so=can.has_company),
        "An update changes every field": lambda can: _said(is_so=not can.has_fixed_fields),
        "Contact types": lambda can: ", ".join(f"`{kind}`" for kind in can.contact_types) or "none",
    }
    return _table("", adapters, {name: _of_capabilities(row) for name, row in rows.items()})


def field_table(adapters: Mapping[str, Facts]) -> str:
    """The fields of a call that its log shows."""
    return _kept_table("Field of the call", FIELDS, adapters, lambda facts: facts.lost_fields, mark="`")


def form_table(adapters: Mapping[str, Facts]) -> str:
    """The ways to write a number that a lookup finds."""
    return _kept_table("A number written", FORMS, adapters, lambda facts: facts.lost_forms)


def text_table(adapters: Mapping[str, Facts]) -> str:
    """The kinds of text that stay unchanged."""
    return _kept_table("Text with", [*TEXTS, *LINES], adapters, lambda facts: facts.lost_texts)


def describe(name: str, facts: Facts) -> str:
    """All tables of one adapter."""
    adapters = {name: facts}
    return "\n\n".join(table(adapters) for table in (capability_table, field_table, form_table, text_table))


def _of_capabilities(row: Callable[[Capabilities], str]) -> Callable[[Facts], str]:
    return lambda facts: _OPEN if facts.capabilities is None else row(facts.capabilities)


def _kept_table(
    what: str,
    names: Collection[str],
    adapters: Mapping[str, Facts],
    lost: Callable[[Facts], Collection[str]],
    mark: str = "",
) -> str:
    def row(name: str) -> Callable[[Facts], str]:
        return lambda facts: _LOST if name in lost(facts) else _KEPT

    return _table(what, adapters, {f"{mark}{name}{mark}": row(name) for name in names})


def _table(what: str, adapters: Mapping[str, Facts], rows: Mapping[str, Callable[[Facts], str]]) -> str:
    """A row for each of `rows`, a column for each of `adapters`."""
    lines = [[what, *adapters], ["---"] * (len(adapters) + 1)]
    lines += [[name, *(row(facts) for facts in adapters.values())] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _said(*, is_so: bool) -> str:
    return _KEPT if is_so else _LOST


def _time(time: timedelta) -> str:
    return f"{time.total_seconds():g} s" if time else "at once"


def _limits(limits: Sequence[RateLimit]) -> str:
    told = [f"{limit.requests} in {limit.seconds:g} s{f' ({limit.scope})' if limit.scope else ''}" for limit in limits]
    return ", ".join(told) or "none"
