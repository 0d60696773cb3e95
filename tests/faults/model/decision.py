"""What becomes of a call (docs/flow.md, "The decision").

Plain statements over a handful of numbers whose reading is written down here: nothing of leadline's own is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from faults.model.facts import Facts


class Number(NamedTuple):
    """How a number reads in region US. `home` is how it is written in its own country."""

    kind: str
    main: str = ""
    extension: str = ""
    home: str = ""

    @property
    def key(self) -> str:
        return f"{self.main};{self.extension}"


ANN: Final = Number("dialable", "+12025550147", "", "2025550147")
ANNS_DESK: Final = Number("dialable", "+12025550147", "5", "2025550147")
BO: Final = Number("dialable", "+12025550148", "", "2025550148")
LONDON: Final = Number("dialable", "+442079460123", "", "02079460123")
DESK: Final = Number("extension", "", "101")

NUMBERS: Final[Mapping[str, Number]] = {
    "+12025550147": ANN,
    "(202) 555-0147": ANN,
    "tel:+1-202-555-0147;ext=5": ANNS_DESK,
    "+12025550148": BO,
    "00442079460123": LONDON,
    "101": DESK,
    "911": Number("service"),
    "*67": Number("service"),
    "abc def": Number("unusable"),
    "anonymous": Number("withheld"),
    "Restricted": Number("withheld"),
    "": Number("withheld"),
}
"""The numbers that call and are called, as they are written."""

STORED: Final[Mapping[str, Number]] = {
    "+1 202 555 0147": ANN,
    "+12025550147": ANN,
    "202-555-0147 x5": ANNS_DESK,
    "+12025550147;ext=5": ANNS_DESK,
    "(202) 555-0148": BO,
    "+12025550148": BO,
    "+442079460123": LONDON,
    "020 7946 0123": Number("at home", "", "", "02079460123"),
    "101": DESK,
}
"""The numbers that contacts have, as they are written."""

EXACT, NATIONAL, EXTENSION = 1, 2, 3


def read_number(text: str) -> Number:
    """How a number reads that leadline asks for: as it was written in a report, or in a contact."""
    return NUMBERS.get(text) or STORED[text]


CALLER_IDS: Final[Mapping[str | None, str | None]] = {
    None: None,
    "Ann Archer": "Ann Archer",
    "WIRELESS CALLER": None,
    "+12025550147": None,
}
"""Caller-ID names, and the names of the people in them; None if a text names no person."""

BUILT_IN: Final[Mapping[str, Any]] = {
    "auto_log_calls": True,
    "unknown_contact_action": "DO_NOTHING",
    "placeholder_name": "Unknown Caller",
    "placeholder_contact_type": "",
    "multiple_match_action": "DO_NOTHING",
    "log_internal_calls": False,
    "excluded_directions": (),
    "excluded_results": (),
    "excluded_numbers": (),
    "wait_until_final": False,
    "distrust_failed_attestation": True,
}


class Person(NamedTuple):
    """A contact as the CRM has it. With `known_by` it is not indexed yet; leadline knows it by that number alone."""

    id: str
    name: str
    numbers: tuple[str, ...]
    is_placeholder: bool
    created: int | None
    active: int | None
    known_by: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome of a call.

    `contact` is an id; empty where a contact is to be made, then `make` is its number's key, its name and its type.
    `candidates` are the ids that a person is shown to choose from.
    """

    state: str
    reason: str
    contact: str = ""
    make: tuple[str, str, str] | None = None
    candidates: frozenset[str] = frozenset()

    @property
    def is_logged(self) -> bool:
        return self.state == "LOGGED"


WAIT: Final = Verdict("PENDING", "NOT_FINAL")
CHOICE_IS_GONE: Final = Verdict("FAILED", "CRM_REJECTED")


@dataclass(frozen=True)
class Case:
    """A call to decide: what is known, who wants it logged, the contact they chose, and whether more may come."""

    facts: Facts
    is_manual: bool = False
    chosen: str = ""
    is_silent: bool = False

    @property
    def number(self) -> Number:
        return NUMBERS[self.facts.address]

    @property
    def is_open(self) -> bool:
        return not self.facts.final and not self.is_silent


def decide(case: Case, prefs: Mapping[str, Any], people: Sequence[Person]) -> Verdict:
    """The outcome of the call, with these preferences in force and these contacts in the CRM."""
    if case.chosen:
        is_there = any(person.id == case.chosen for person in people)
        return Verdict("LOGGED", "CONTACT_CHOSEN", case.chosen) if is_there else CHOICE_IS_GONE
    if not case.is_manual and (held := _held_back(case, prefs)):
        return held
    if case.number.kind == "withheld":
        return _unlogged("NUMBER_WITHHELD")
    if case.number.kind in ("service", "unusable"):
        return _unlogged("NUMBER_UNUSABLE")
    matches = matching(case.number, people)
    return _among(case, prefs, matches) if matches else _unknown(case, prefs)


def _held_back(case: Case, prefs: Mapping[str, Any]) -> Verdict | None:  # noqa: PLR0911 - one a line of the table
    """Why a call that no person asked for is not logged, or not yet."""
    values = case.facts.values
    result = values.get("result")
    if not prefs["auto_log_calls"]:
        return _unlogged("AUTO_LOGGING_OFF")
    if prefs["wait_until_final"] and case.is_open:
        return WAIT
    if values["direction"] == "INTERNAL" and not prefs["log_internal_calls"]:
        return _unlogged("INTERNAL_CALL")
    is_excluded = case.number.main in prefs["excluded_numbers"] if case.number.main else False
    if values["direction"] in prefs["excluded_directions"] or result in prefs["excluded_results"] or is_excluded:
        return _unlogged("EXCLUDED")
    if prefs["excluded_results"] and result is None and case.is_open:
        return WAIT
    if prefs["distrust_failed_attestation"] and values.get("attestation") == "FAILED":
        return _unlogged("UNTRUSTED_CALLER")
    return None


def matching(number: Number, people: Sequence[Person]) -> dict[str, tuple[int, Person]]:
    """The contacts that have a number, by id, each with its strongest kind of match."""
    found = {}
    for person in people:
        if person.known_by not in (None, number.key):
            continue
        kinds = [kind for text in person.numbers if (kind := _kind(number, STORED[text]))]
        if kinds:
            found[person.id] = (min(kinds), person)
    return found


def _kind(asked: Number, stored: Number) -> int | None:
    if asked.kind == "extension" or stored.kind == "extension":
        return EXTENSION if asked.kind == stored.kind and asked.extension == stored.extension else None
    if stored.kind == "at home":
        # Written without a country, it may be another country's number that looks alike.
        return (EXTENSION if asked.extension else NATIONAL) if asked.home == stored.home else None
    if asked.kind != "dialable" or asked.main != stored.main:
        return None
    if asked.extension == stored.extension:
        return EXACT
    return None if asked.extension and stored.extension else EXTENSION


def _among(case: Case, prefs: Mapping[str, Any], matches: Mapping[str, tuple[int, Person]]) -> Verdict:
    """Only the strongest kind of match counts; real contacts beat placeholders; then the preference."""
    strongest = min(kind for kind, _ in matches.values())
    rivals = [person for kind, person in matches.values() if kind == strongest]
    rivals = [person for person in rivals if not person.is_placeholder] or rivals
    everybody = frozenset(matches)
    if len(rivals) == 1:
        reason = "PLACEHOLDER_REUSED" if rivals[0].is_placeholder else "CONTACT_MATCHED"
        return Verdict("LOGGED", reason, rivals[0].id, candidates=everybody if len(matches) > 1 else frozenset())
    picked = None if case.is_manual else pick(rivals, prefs["multiple_match_action"])
    if picked is None:
        return Verdict("UNLOGGED", "SEVERAL_CONTACTS", candidates=everybody)
    return Verdict("LOGGED", "MATCH_RESOLVED", picked.id, candidates=everybody)


def pick(rivals: Sequence[Person], action: str) -> Person | None:
    """Ties by id; a missing time sorts last; with no times at all it is left to a person."""
    if action == "DO_NOTHING":
        return None
    if action == "FIRST_ALPHABETICAL":
        return min(rivals, key=lambda person: (person.name.casefold(), person.id))
    if action == "EARLIEST_CREATED":
        timed = [(person.created, person.id, person) for person in rivals if person.created is not None]
    else:
        timed = [(-person.active, person.id, person) for person in rivals if person.active is not None]
    return min(timed)[2] if timed else None


def _unknown(case: Case, prefs: Mapping[str, Any]) -> Verdict:
    """The outcome if certainly no contact has the number."""
    is_creatable = case.number.kind == "dialable" and case.facts.values["direction"] != "INTERNAL"
    wants = prefs["unknown_contact_action"] == "CREATE_PLACEHOLDER"
    if case.is_manual or not is_creatable or not wants:
        return _unlogged("NO_CONTACT")
    name = CALLER_IDS[case.facts.caller_id] or prefs["placeholder_name"]
    make = (case.number.key, name, prefs["placeholder_contact_type"] or "contact")
    return Verdict("LOGGED", "PLACEHOLDER_CREATED", make=make)


def _unlogged(reason: str) -> Verdict:
    return Verdict("UNLOGGED", reason)
