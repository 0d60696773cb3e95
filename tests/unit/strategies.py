"""Hypothesis strategies for the domain's values, and the few fixed ones that its tests share."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from leadline_server.domain.call import Attestation, Call, CallDirection, CallResult, Party
from leadline_server.domain.call_log_states import LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import (
    PREFERENCE_FIELDS,
    AccountSettings,
    EffectivePreferences,
    MultipleMatchAction,
    PlaceholderNameFormat,
    Preferences,
    UnknownContactAction,
    resolve,
)
from leadline_server.domain.situation import Situation

NOW: Final = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ALICE: Final = "alice"
BOB: Final = "bob"
NUMBER: Final = "+14155550123"

DIALABLE: Final = (NUMBER, "(415) 555-0123", "tel:+1-415-555-0123", "+442079460123", "+14155550123 ext. 7")
NEVER_CREATING: Final = (
    None,
    "",
    "anonymous",
    "Restricted",
    "unknown",
    "+266696687",
    "911",
    "112",
    "*67",
    "#31#",
    "101",
    "72345",
    "no number at all",
    "+1",
)
"""Withheld, emergency, feature code, extension, short code, unusable."""


def effective(*, locked: Sequence[str] = (), **values: Any) -> EffectivePreferences:
    """The preferences in force for a user who set `values`; those that are `locked` are the account's default."""
    defaults = {name: value for name, value in values.items() if name in locked}
    own = {name: value for name, value in values.items() if name not in locked}
    settings = AccountSettings(defaults=Preferences(**defaults), locked=tuple(locked))
    return resolve(settings, Preferences(**own))


def times() -> st.SearchStrategy[datetime]:
    """Times that often coincide."""
    return st.integers(0, 9).map(lambda minutes: NOW + timedelta(minutes=minutes))


def contacts() -> st.SearchStrategy[list[Contact]]:
    """A CRM's contacts: every id once, names and times that often coincide."""
    contact = st.builds(
        Contact,
        id=st.sampled_from([f"c{number}" for number in range(9)]),
        name=st.sampled_from(["", "Ann", "ann", "Bo", "Zoë"]),
        create_time=st.none() | times(),
        last_activity_time=st.none() | times(),
        is_placeholder=st.booleans(),
    )
    return st.lists(contact, min_size=1, max_size=5, unique_by=lambda each: each.id)


def matches(min_size: int = 0) -> st.SearchStrategy[list[ContactMatch]]:
    """Matches of one lookup; one contact may be there several times."""

    def of(found: list[Contact]) -> st.SearchStrategy[list[ContactMatch]]:
        match = st.builds(ContactMatch, st.sampled_from(found), st.sampled_from(DIALABLE), st.sampled_from(MatchKind))
        return st.lists(match, min_size=min_size, max_size=7)

    return contacts().flatmap(of)


def preferences() -> st.SearchStrategy[Preferences]:
    """One level's values, any of them unset."""
    return st.builds(
        Preferences,
        auto_log_calls=st.none() | st.booleans(),
        unknown_contact_action=st.none() | st.sampled_from(UnknownContactAction),
        placeholder_name=st.none() | st.sampled_from(["Somebody", "Unbekannt"]),
        placeholder_contact_type=st.none() | st.sampled_from(["", "lead"]),
        multiple_match_action=st.none() | st.sampled_from(MultipleMatchAction),
        log_internal_calls=st.none() | st.booleans(),
        excluded_directions=st.none() | st.lists(st.sampled_from(CallDirection), max_size=1).map(tuple),
        excluded_results=st.none() | st.lists(st.sampled_from(CallResult), max_size=2).map(tuple),
        excluded_numbers=st.none() | st.sampled_from([(), ("+44*",), (NUMBER, "101")]),
        wait_until_final=st.none() | st.booleans(),
        distrust_failed_attestation=st.none() | st.booleans(),
        crm_user_id=st.none() | st.sampled_from(["", "owner-1"]),
        placeholder_name_format=st.none() | st.sampled_from(PlaceholderNameFormat),
    )


def settings() -> st.SearchStrategy[AccountSettings]:
    """The settings of an administrator, locks included."""
    locked = st.lists(st.sampled_from(PREFERENCE_FIELDS), unique=True).map(tuple)
    return st.builds(AccountSettings, defaults=preferences(), locked=locked)


def effective_preferences() -> st.SearchStrategy[EffectivePreferences]:
    """Preferences in force, from any mixture of levels."""
    return st.builds(resolve, settings(), preferences())


def parties(numbers: Sequence[str | None] = DIALABLE + NEVER_CREATING) -> st.SearchStrategy[Party]:
    """One end of a call, by any of `numbers`."""
    return st.builds(
        Party,
        phone_number=st.sampled_from(numbers),
        name=st.sampled_from([None, "", "Ann Archer", "WIRELESS CALLER", NUMBER]),
        user_id=st.sampled_from([None, ALICE, BOB]),
    )


def calls(numbers: Sequence[str | None] = DIALABLE + NEVER_CREATING) -> st.SearchStrategy[Call]:
    """A call between any two parties, anywhere in its life."""
    return st.builds(
        Call,
        id=st.just("call-1"),
        direction=st.sampled_from(CallDirection),
        caller=parties(numbers),
        callee=parties(numbers),
        result=st.none() | st.sampled_from(CallResult),
        attestation=st.none() | st.sampled_from(Attestation),
        is_final=st.none() | st.booleans(),
    )


def situations(numbers: Sequence[str | None] = DIALABLE + NEVER_CREATING) -> st.SearchStrategy[Situation]:
    """A call as the decision sees it, with no contact chosen."""

    def situation(call: Call, trigger: LogTrigger, *, is_over: bool) -> Situation:
        number = parse_number(call.counterpart(ALICE).address, "US")
        return Situation(call=call, user_id=ALICE, number=number, trigger=trigger, wait_is_over=is_over)

    return st.builds(situation, calls(numbers), st.sampled_from(LogTrigger), is_over=st.booleans())


_TEXT: Final = st.none() | st.sampled_from(["one", "two", "three"])


def call_fields() -> st.SearchStrategy[dict[str, Any]]:
    """A report's values for a call's fields; None clears."""
    return st.fixed_dictionaries(
        {},
        optional={
            "direction": st.sampled_from(CallDirection),
            "caller.phone_number": st.none() | st.sampled_from(DIALABLE),
            "caller.name": _TEXT,
            "callee.user_id": st.none() | st.sampled_from([ALICE, BOB]),
            "result": st.none() | st.sampled_from(CallResult),
            "attestation": st.none() | st.sampled_from(Attestation),
            "answer_time": st.none() | times(),
            "subject": _TEXT,
            "note": _TEXT,
        },
    )


def events(event_times: st.SearchStrategy[datetime | None] | None = None) -> st.SearchStrategy[CallEvent]:
    """One report of the call "call-1"; its time is one of `event_times`, by default any or none."""
    leg = st.fixed_dictionaries(
        {},
        optional={
            "user_id": st.none() | st.sampled_from([ALICE, BOB]),
            "party.name": _TEXT,
            "result": st.none() | st.sampled_from(CallResult),
        },
    )
    return st.builds(
        CallEvent,
        call_id=st.just("call-1"),
        fields=call_fields(),
        attributes=st.dictionaries(st.sampled_from(["queue", "tag"]), _TEXT),
        legs=st.dictionaries(st.sampled_from(["l1", "l2"]), leg),
        event_time=st.none() | times() if event_times is None else event_times,
        is_final=st.none() | st.booleans(),
    )


def timed_events() -> st.SearchStrategy[list[CallEvent]]:
    """Reports of one call that each have an event time of their own."""
    return st.lists(events(times()), max_size=6, unique_by=lambda event: event.event_time)
