"""The decision, over all that may come its way: what never happens."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.call import Attestation, CallDirection
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.decision import decide
from leadline_server.domain.numbers.phone_number import NumberKind
from leadline_server.domain.preferences import EffectivePreferences, UnknownContactAction
from leadline_server.domain.situation import CreatePlaceholder, LeaveUnlogged, LookUp, Situation, Wait
from unit.strategies import DIALABLE, NEVER_CREATING, effective, effective_preferences, matches, situations

CREATING = effective(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER, log_internal_calls=True)
ASKED = st.none() | matches()


@given(situation=situations(), preferences=effective_preferences(), found=ASKED)
def test_only_the_preference_and_a_confirmed_none_make_a_placeholder(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch] | None
) -> None:
    if isinstance(decide(situation, preferences, found), CreatePlaceholder):
        assert found == []
        assert preferences.unknown_contact_action is UnknownContactAction.CREATE_PLACEHOLDER
        assert preferences.auto_log_calls
        assert situation.trigger is LogTrigger.AUTOMATIC
        assert situation.call.direction is not CallDirection.INTERNAL
        assert situation.number.kind is NumberKind.DIALABLE


@given(situation=situations(NEVER_CREATING), found=ASKED)
def test_some_numbers_never_make_a_placeholder(situation: Situation, found: list[ContactMatch] | None) -> None:
    assert not isinstance(decide(situation, CREATING, found), CreatePlaceholder)


@given(situation=situations(DIALABLE), preferences=effective_preferences(), found=ASKED)
def test_a_person_never_makes_a_placeholder(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch] | None
) -> None:
    by_hand = replace(situation, trigger=LogTrigger.MANUAL)
    assert not isinstance(decide(by_hand, preferences, found), CreatePlaceholder | Wait)


@given(situation=situations(DIALABLE))
def test_a_placeholder_is_made_where_nothing_speaks_against_it(situation: Situation) -> None:
    # The other properties would hold of a decision that never creates.
    call = replace(situation.call, direction=CallDirection.INBOUND, attestation=Attestation.B)
    wanted = decide(replace(situation, call=call, trigger=LogTrigger.AUTOMATIC), CREATING, [])
    assert isinstance(wanted, CreatePlaceholder)
    assert wanted.name


@given(situation=situations(), preferences=effective_preferences(), found=matches())
def test_whoever_brings_an_answer_is_not_asked_again(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch]
) -> None:
    assert not isinstance(decide(situation, preferences, found), LookUp)


@given(situation=situations(), preferences=effective_preferences(), found=matches())
def test_what_needs_no_lookup_does_not_depend_on_one(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch]
) -> None:
    before = decide(situation, preferences)
    assert isinstance(before, LookUp) or decide(situation, preferences, found) == before


@given(situation=situations(), preferences=effective_preferences(), found=matches(), data=st.data())
def test_the_order_of_the_matches_is_all_one(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(found))
    assert decide(situation, preferences, shuffled) == decide(situation, preferences, found)


@given(situation=situations(), preferences=effective_preferences(), found=ASKED)
def test_a_chosen_contact_is_always_logged_against(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch] | None
) -> None:
    chosen = Contact(id="chosen")
    outcome = decide(replace(situation, chosen=chosen), preferences, found)
    assert isinstance(outcome, Decision)
    assert outcome.contact is chosen


@given(situation=situations(), preferences=effective_preferences(), found=matches(min_size=1))
def test_who_is_logged_against_was_found(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch]
) -> None:
    outcome = decide(situation, preferences, found)
    if isinstance(outcome, Decision):
        assert outcome.contact in [match.contact for match in found]


@given(situation=situations(), preferences=effective_preferences(), found=ASKED)
def test_a_call_with_no_more_news_to_come_never_waits(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch] | None
) -> None:
    ended = replace(situation, call=replace(situation.call, is_final=True))
    silent = replace(situation, wait_is_over=True)
    assert not isinstance(decide(ended, preferences, found), Wait)
    assert not isinstance(decide(silent, preferences, found), Wait)


@given(situation=situations(DIALABLE), preferences=effective_preferences(), found=ASKED)
def test_a_distrusted_caller_is_neither_logged_nor_made_a_contact(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch] | None
) -> None:
    call = replace(situation.call, attestation=Attestation.FAILED)
    failed = replace(situation, call=call, trigger=LogTrigger.AUTOMATIC)
    outcome = decide(failed, replace(preferences, distrust_failed_attestation=True), found)
    assert isinstance(outcome, LeaveUnlogged | Wait)


@given(situation=situations(), preferences=effective_preferences(), found=matches())
def test_every_outcome_explains_itself_in_one_sentence(
    situation: Situation, preferences: EffectivePreferences, found: list[ContactMatch]
) -> None:
    outcome = decide(situation, preferences, found)
    assert not isinstance(outcome, LookUp)
    assert outcome.explanation.endswith(".")
    assert "\n" not in outcome.explanation
