"""A decision explains itself: which number matched, and which preference of which level decided."""

import pytest
from leadline_server.domain.call import Attestation, CallResult, Party
from leadline_server.domain.contact import Contact
from leadline_server.domain.preferences import MultipleMatchAction
from leadline_server.domain.situation import Outcome
from unit.decisions import (
    ANN,
    BO,
    BUILT_IN,
    CREATE,
    CREATING,
    INBOUND,
    INTERNAL,
    MANUAL,
    SOMEBODY,
    asked,
    decided,
    explanation,
    inbound,
    match,
)
from unit.strategies import NUMBER, effective


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (decided(inbound(), BUILT_IN, match(ANN)), [NUMBER, "Ann", "c1", "EXACT"]),
        (decided(inbound(), BUILT_IN, match(SOMEBODY)), [NUMBER, "placeholder", "c3"]),
        (decided(inbound()), [NUMBER, "unknown_contact_action is DO_NOTHING by the built-in default"]),
        (
            decided(inbound(), CREATING),
            [NUMBER, "unknown_contact_action is CREATE_PLACEHOLDER by the user's preference", "'Unknown Caller'"],
        ),
        (
            decided(inbound(), effective(unknown_contact_action=CREATE, locked=["unknown_contact_action"])),
            [NUMBER, "CREATE_PLACEHOLDER", "the account's default, locked by the administrator"],
        ),
        (
            decided(inbound(), effective(locked=["unknown_contact_action"])),
            [NUMBER, "DO_NOTHING", "the built-in default, locked by the administrator"],
        ),
        (
            decided(inbound(), BUILT_IN, match(ANN), match(BO)),
            [NUMBER, "2 contacts", "multiple_match_action is DO_NOTHING by the built-in default"],
        ),
        (
            decided(
                inbound(),
                effective(multiple_match_action=MultipleMatchAction.FIRST_ALPHABETICAL),
                match(ANN),
                match(BO),
            ),
            [NUMBER, "2 contacts", "multiple_match_action is FIRST_ALPHABETICAL by the user's preference", "Ann", "c1"],
        ),
        (asked(inbound(), effective(auto_log_calls=False)), ["Automatic logging", "the user's preference"]),
        (
            asked(inbound(), effective(excluded_numbers=(NUMBER,), locked=["excluded_numbers"])),
            [NUMBER, "the account's default, locked by the administrator"],
        ),
        (asked(inbound(), effective(excluded_directions=(INBOUND,))), ["INBOUND", "the user's preference"]),
        (
            asked(inbound(result=CallResult.BUSY), effective(excluded_results=(CallResult.BUSY,))),
            ["BUSY", "the user's preference"],
        ),
        (asked(inbound(direction=INTERNAL)), ["Internal calls", "the built-in default"]),
        (asked(inbound(), effective(wait_until_final=True)), ["final", "the user's preference"]),
        (asked(inbound(), effective(excluded_results=(CallResult.BUSY,))), ["result", "the user's preference"]),
        (
            asked(inbound(attestation=Attestation.FAILED), effective(distrust_failed_attestation=True)),
            ["verification", "the user's preference"],
        ),
        (decided(inbound(), BUILT_IN, chosen=BO, trigger=MANUAL), ["A person chose", "Bo", "c2"]),
        (decided(inbound(), CREATING, trigger=MANUAL), [NUMBER, "a person can choose or create"]),
    ],
)
def test_the_explanation_names_the_number_and_the_preference_that_decided(outcome: Outcome, words: list[str]) -> None:
    assert [word for word in words if word not in outcome.explanation] == []


def test_the_explanation_of_a_placeholder_names_the_level_of_its_name() -> None:
    preferences = effective(unknown_contact_action=CREATE, placeholder_name="Nobody", locked=["placeholder_name"])
    outcome = decided(inbound(), preferences)
    assert "the placeholder name of the account's default, locked by the administrator" in explanation(outcome)
    named = decided(inbound(caller=Party(phone_number=NUMBER, name="Ann Archer")), preferences)
    assert "named by its caller ID" in explanation(named)


def test_an_explanation_is_one_sentence_even_of_a_contact_without_a_name() -> None:
    text = explanation(decided(inbound(), BUILT_IN, match(Contact(id="c9"))))
    assert text == f"{NUMBER} matches a contact without a name [c9] (EXACT)."
