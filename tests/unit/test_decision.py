"""The decision, row by row: what becomes of a call, by the contacts that were found."""

from datetime import timedelta

import pytest
from leadline_server.domain.call import Party
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import CallLogReason
from leadline_server.domain.contact import Contact, MatchKind
from leadline_server.domain.preferences import MultipleMatchAction, PlaceholderNameFormat
from leadline_server.domain.situation import CreatePlaceholder, LeaveUnlogged, LookUp
from unit.decisions import (
    ANN,
    BO,
    BUILT_IN,
    CREATE,
    CREATING,
    INTERNAL,
    MANUAL,
    OUTBOUND,
    SOMEBODY,
    asked,
    decided,
    explanation,
    inbound,
    match,
    reason,
)
from unit.strategies import ALICE, BOB, NOW, NUMBER, effective

# One contact


def test_one_contact_is_logged_against() -> None:
    outcome = decided(inbound(), BUILT_IN, match(ANN))
    assert isinstance(outcome, Decision)
    assert (outcome.contact, outcome.reason, outcome.candidates) == (ANN, CallLogReason.CONTACT_MATCHED, ())


def test_a_contact_found_twice_is_one_contact() -> None:
    outcome = decided(inbound(), BUILT_IN, match(ANN, MatchKind.EXTENSION), match(ANN))
    assert reason(outcome) is CallLogReason.CONTACT_MATCHED


def test_a_known_contact_is_logged_against_where_unknown_ones_are_created() -> None:
    assert reason(decided(inbound(), CREATING, match(ANN))) is CallLogReason.CONTACT_MATCHED


def test_a_placeholder_that_exists_is_used_again() -> None:
    outcome = decided(inbound(), CREATING, match(SOMEBODY))
    assert isinstance(outcome, Decision)
    assert (outcome.contact, outcome.reason) == (SOMEBODY, CallLogReason.PLACEHOLDER_REUSED)


def test_a_real_contact_beside_a_placeholder_needs_no_preference() -> None:
    outcome = decided(inbound(), BUILT_IN, match(SOMEBODY), match(ANN))
    assert isinstance(outcome, Decision)
    assert (outcome.contact, outcome.reason) == (ANN, CallLogReason.CONTACT_MATCHED)
    assert [each.contact for each in outcome.candidates] == [ANN, SOMEBODY]


def test_the_strongest_match_needs_no_preference() -> None:
    outcome = decided(inbound(), BUILT_IN, match(ANN, MatchKind.NATIONAL), match(BO))
    assert isinstance(outcome, Decision)
    assert outcome.contact is BO


# Several contacts


def test_several_contacts_are_left_to_a_person() -> None:
    outcome = decided(inbound(), BUILT_IN, match(BO), match(ANN))
    assert isinstance(outcome, LeaveUnlogged)
    assert outcome.reason is CallLogReason.SEVERAL_CONTACTS
    assert [each.contact for each in outcome.candidates] == [ANN, BO]


def test_several_contacts_never_make_another_one() -> None:
    assert reason(decided(inbound(), CREATING, match(BO), match(ANN))) is CallLogReason.SEVERAL_CONTACTS


@pytest.mark.parametrize(
    ("action", "picked"),
    [
        (MultipleMatchAction.FIRST_ALPHABETICAL, "c1"),
        (MultipleMatchAction.MOST_RECENT_ACTIVITY, "c2"),
        (MultipleMatchAction.EARLIEST_CREATED, "c3"),
    ],
)
def test_the_multiple_match_preference_picks_one(action: MultipleMatchAction, picked: str) -> None:
    day = timedelta(days=1)
    first = Contact(id="c1", name="Ann", last_activity_time=NOW, create_time=NOW)
    active = Contact(id="c2", name="Bo", last_activity_time=NOW + day)
    old = Contact(id="c3", name="Cy", create_time=NOW - day)
    found = [match(old), match(active), match(first)]
    outcome = decided(inbound(), effective(multiple_match_action=action), *found)
    assert isinstance(outcome, Decision)
    assert (outcome.contact.id, outcome.reason) == (picked, CallLogReason.MATCH_RESOLVED)
    assert [each.contact.id for each in outcome.candidates] == ["c1", "c2", "c3"]


@pytest.mark.parametrize("action", [MultipleMatchAction.MOST_RECENT_ACTIVITY, MultipleMatchAction.EARLIEST_CREATED])
def test_contacts_without_the_time_in_question_are_left_to_a_person(action: MultipleMatchAction) -> None:
    outcome = decided(inbound(), effective(multiple_match_action=action), match(ANN), match(BO))
    assert reason(outcome) is CallLogReason.SEVERAL_CONTACTS
    assert "none of which has the time" in explanation(outcome)


# No contact


def test_an_unknown_caller_stays_unlogged_unless_somebody_says_otherwise() -> None:
    assert reason(decided(inbound())) is CallLogReason.NO_CONTACT


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("Ann Archer", "Ann Archer"),
        (None, "Unknown Caller"),
        ("", "Unknown Caller"),
        ("WIRELESS CALLER", "Unknown Caller"),
        ("UNAVAILABLE", "Unknown Caller"),
        (NUMBER, "Unknown Caller"),
    ],
)
def test_a_placeholder_is_named_by_a_caller_id_that_names_somebody(name: str | None, named: str) -> None:
    outcome = decided(inbound(caller=Party(phone_number=NUMBER, name=name)), CREATING)
    assert isinstance(outcome, CreatePlaceholder)
    assert (outcome.name, outcome.number.e164) == (named, NUMBER)


def test_a_placeholder_has_the_name_and_the_type_of_the_preferences() -> None:
    preferences = effective(
        unknown_contact_action=CREATE, placeholder_name="Unbekannt", placeholder_contact_type="lead"
    )
    outcome = decided(inbound(), preferences)
    assert isinstance(outcome, CreatePlaceholder)
    assert (outcome.name, outcome.contact_type) == ("Unbekannt", "lead")


def test_a_placeholder_is_named_without_the_accounts_prefixes() -> None:
    call = inbound(caller=Party(phone_number=NUMBER, name="ACME WEST ROE JANE"))
    outcome = decided(call, CREATING, caller_id_prefixes=("Acme West",))
    assert isinstance(outcome, CreatePlaceholder)
    assert outcome.name == "ROE JANE"


@pytest.mark.parametrize(
    ("how", "region", "named"),
    [
        (None, "US", "ROE JANE"),
        (PlaceholderNameFormat.AS_SENT, "US", "ROE JANE"),
        (PlaceholderNameFormat.TITLE_CASE, "US", "Roe Jane"),
        (PlaceholderNameFormat.FIRST_LAST, "US", "Jane Roe"),
        (PlaceholderNameFormat.FIRST_LAST, "GB", "ROE JANE"),
    ],
)
def test_a_caller_id_name_is_written_as_the_preference_and_the_region_say(
    how: PlaceholderNameFormat | None, region: str, named: str
) -> None:
    preferences = effective(unknown_contact_action=CREATE, placeholder_name_format=how)
    outcome = decided(inbound(caller=Party(phone_number=NUMBER, name="ROE JANE")), preferences, region=region)
    assert isinstance(outcome, CreatePlaceholder)
    assert outcome.name == named
    assert named in outcome.explanation


def test_the_administrators_placeholder_name_keeps_its_case() -> None:
    preferences = effective(
        unknown_contact_action=CREATE,
        placeholder_name="NEW CALLER",
        placeholder_name_format=PlaceholderNameFormat.TITLE_CASE,
    )
    outcome = decided(inbound(), preferences)
    assert isinstance(outcome, CreatePlaceholder)
    assert outcome.name == "NEW CALLER"


def test_an_unknown_callee_follows_the_same_preference() -> None:
    call = inbound(direction=OUTBOUND, caller=Party(user_id=ALICE), callee=Party(phone_number=NUMBER))
    assert reason(decided(call)) is CallLogReason.NO_CONTACT
    assert isinstance(decided(call, CREATING), CreatePlaceholder)


def test_a_lookup_comes_before_any_placeholder() -> None:
    assert isinstance(asked(inbound(), CREATING), LookUp)


# Numbers that no contact can be created for


@pytest.mark.parametrize("number", ["anonymous", "Restricted", "unknown", "+266696687", "", None])
def test_a_withheld_number_is_neither_looked_up_nor_made_a_contact(number: str | None) -> None:
    call = inbound(caller=Party(phone_number=number))
    assert reason(asked(call, CREATING)) is CallLogReason.NUMBER_WITHHELD
    assert reason(decided(call, CREATING)) is CallLogReason.NUMBER_WITHHELD


@pytest.mark.parametrize("number", ["911", "112", "*67", "*98", "not a number", "+1", "+1415555012399999"])
def test_a_service_code_or_garbage_is_neither_looked_up_nor_made_a_contact(number: str) -> None:
    call = inbound(direction=OUTBOUND, callee=Party(phone_number=number))
    assert reason(asked(call, CREATING)) is CallLogReason.NUMBER_UNUSABLE
    assert reason(decided(call, CREATING)) is CallLogReason.NUMBER_UNUSABLE


@pytest.mark.parametrize("party", [Party(extension="102"), Party(phone_number="72345")])
def test_an_extension_or_short_code_is_looked_up_but_never_made_a_contact(party: Party) -> None:
    call = inbound(caller=party)
    assert isinstance(asked(call, CREATING), LookUp)
    assert reason(decided(call, CREATING)) is CallLogReason.NO_CONTACT
    assert reason(decided(call, CREATING, match(ANN))) is CallLogReason.CONTACT_MATCHED


def test_a_person_gets_no_contact_from_a_withheld_number_either() -> None:
    call = inbound(caller=Party(phone_number="anonymous"))
    assert reason(asked(call, CREATING, trigger=MANUAL)) is CallLogReason.NUMBER_WITHHELD


# By hand


def test_a_person_who_chose_nobody_is_shown_the_candidates() -> None:
    preferences = effective(multiple_match_action=MultipleMatchAction.FIRST_ALPHABETICAL)
    outcome = decided(inbound(), preferences, match(BO), match(ANN), trigger=MANUAL)
    assert isinstance(outcome, LeaveUnlogged)
    assert outcome.reason is CallLogReason.SEVERAL_CONTACTS
    assert [each.contact for each in outcome.candidates] == [ANN, BO]


def test_logging_by_hand_never_creates() -> None:
    assert reason(decided(inbound(), CREATING, trigger=MANUAL)) is CallLogReason.NO_CONTACT


@pytest.mark.parametrize("number", ["anonymous", "911", "garbage", "102"])
def test_a_chosen_contact_needs_no_number(number: str) -> None:
    outcome = asked(inbound(caller=Party(phone_number=number)), chosen=BO, trigger=MANUAL)
    assert reason(outcome) is CallLogReason.CONTACT_CHOSEN


def test_a_chosen_contact_beats_those_that_match() -> None:
    outcome = decided(inbound(), BUILT_IN, match(ANN), chosen=BO, trigger=MANUAL)
    assert isinstance(outcome, Decision)
    assert outcome.contact is BO


# Internal calls


def test_an_internal_call_is_logged_against_a_colleague_who_is_a_contact() -> None:
    call = inbound(direction=INTERNAL, caller=Party(extension="102", user_id=BOB))
    assert reason(decided(call, effective(log_internal_calls=True), match(ANN))) is CallLogReason.CONTACT_MATCHED


@pytest.mark.parametrize("party", [Party(extension="102"), Party(phone_number=NUMBER)])
def test_an_internal_call_never_creates(party: Party) -> None:
    call = inbound(direction=INTERNAL, caller=party)
    outcome = decided(call, effective(log_internal_calls=True, unknown_contact_action=CREATE))
    assert reason(outcome) is CallLogReason.NO_CONTACT
