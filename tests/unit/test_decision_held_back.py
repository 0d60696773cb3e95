"""The decision, row by row: what holds a call back, or makes it wait, and what does not."""

from typing import Any

import pytest
from leadline_server.domain.call import Attestation, Call, CallResult, Party
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import CallLogReason, LogTrigger
from leadline_server.domain.situation import LookUp, Wait
from unit.decisions import (
    ANN,
    BO,
    CREATE,
    INBOUND,
    INTERNAL,
    MANUAL,
    OUTBOUND,
    asked,
    decided,
    inbound,
    match,
    reason,
)
from unit.strategies import BOB, NUMBER, effective

HOLDING_BACK = [
    ({"auto_log_calls": False}, {}, CallLogReason.AUTO_LOGGING_OFF),
    ({"excluded_directions": (INBOUND,)}, {}, CallLogReason.EXCLUDED),
    ({"excluded_results": (CallResult.BUSY,)}, {"result": CallResult.BUSY}, CallLogReason.EXCLUDED),
    ({"excluded_numbers": (NUMBER,)}, {}, CallLogReason.EXCLUDED),
    ({}, {"direction": INTERNAL}, CallLogReason.INTERNAL_CALL),
    (
        {"distrust_failed_attestation": True},
        {"attestation": Attestation.FAILED},
        CallLogReason.UNTRUSTED_CALLER,
    ),
]
"""Preferences, and a call that they hold back."""


# What holds an automatic call back


@pytest.mark.parametrize(("held", "call", "why"), HOLDING_BACK, ids=lambda value: str(value)[:40])
def test_an_automatic_call_is_held_back_without_a_lookup(
    held: dict[str, Any], call: dict[str, Any], why: CallLogReason
) -> None:
    preferences = effective(unknown_contact_action=CREATE, **held)
    assert reason(asked(inbound(**call), preferences)) is why
    assert reason(decided(inbound(**call), preferences)) is why
    assert reason(decided(inbound(**call), preferences, match(ANN))) is why


@pytest.mark.parametrize(("held", "call", "why"), HOLDING_BACK, ids=lambda value: str(value)[:40])
def test_a_person_is_not_held_back(held: dict[str, Any], call: dict[str, Any], why: CallLogReason) -> None:
    preferences = effective(unknown_contact_action=CREATE, **held)
    call = {"caller": Party(phone_number=NUMBER, user_id=BOB), **call}
    assert isinstance(asked(inbound(**call), preferences, trigger=MANUAL), LookUp)
    assert reason(decided(inbound(**call), preferences, match(ANN), trigger=MANUAL)) is CallLogReason.CONTACT_MATCHED


@pytest.mark.parametrize(
    ("preferences", "call"),
    [
        ({"excluded_directions": (OUTBOUND,)}, {}),
        ({"excluded_results": (CallResult.BUSY,)}, {"result": CallResult.ANSWERED}),
        ({"excluded_numbers": ("+14155550124", "+44*")}, {}),
        ({"distrust_failed_attestation": True}, {"attestation": Attestation.C}),
        ({"distrust_failed_attestation": True}, {}),
        ({"distrust_failed_attestation": False}, {"attestation": Attestation.FAILED}),
        ({"log_internal_calls": True}, {"direction": INTERNAL, "caller": Party(phone_number=NUMBER)}),
        ({"wait_until_final": True}, {"is_final": True}),
    ],
)
def test_other_calls_are_not_held_back(preferences: dict[str, Any], call: dict[str, Any]) -> None:
    assert isinstance(asked(inbound(**call), effective(**preferences)), LookUp)


@pytest.mark.parametrize(
    ("number", "patterns"),
    [
        (NUMBER, (NUMBER,)),
        ("(415) 555-0123", (NUMBER,)),
        (NUMBER, ("+1415555*",)),
        (NUMBER, ("+442079460123", "+1*")),
        ("102", ("102",)),
        ("102", ("10*",)),
    ],
)
def test_a_number_is_excluded_in_whatever_form_it_comes(number: str, patterns: tuple[str, ...]) -> None:
    call = inbound(caller=Party(phone_number=number))
    assert reason(asked(call, effective(excluded_numbers=patterns))) is CallLogReason.EXCLUDED


def test_a_bare_extension_excludes_no_number_that_has_the_same_one() -> None:
    call = inbound(caller=Party(phone_number=f"{NUMBER} ext. 102"))
    assert isinstance(asked(call, effective(excluded_numbers=("102",))), LookUp)


# Waiting


@pytest.mark.parametrize("is_final", [None, False])
def test_a_call_waits_to_be_final_where_that_is_preferred(is_final: bool | None) -> None:  # noqa: FBT001 - a value, not a switch
    preferences = effective(wait_until_final=True)
    assert isinstance(asked(inbound(is_final=is_final), preferences), Wait)
    assert isinstance(decided(inbound(is_final=is_final), preferences, match(ANN)), Wait)


@pytest.mark.parametrize("call", [inbound(), inbound(is_final=False)])
def test_a_call_without_a_result_waits_where_results_are_excluded(call: Call) -> None:
    assert isinstance(asked(call, effective(excluded_results=(CallResult.BUSY,))), Wait)


def test_a_call_with_a_result_does_not_wait_to_be_final_for_the_exclusions() -> None:
    call = inbound(result=CallResult.ANSWERED)
    assert isinstance(asked(call, effective(excluded_results=(CallResult.BUSY,))), LookUp)


@pytest.mark.parametrize("preferences", [{"wait_until_final": True}, {"excluded_results": (CallResult.BUSY,)}])
def test_a_silent_call_is_decided_with_what_is_there(preferences: dict[str, Any]) -> None:
    assert isinstance(asked(inbound(), effective(**preferences), wait_is_over=True), LookUp)


@pytest.mark.parametrize("preferences", [{"wait_until_final": True}, {"excluded_results": (CallResult.BUSY,)}])
def test_a_final_call_is_decided_with_what_is_there(preferences: dict[str, Any]) -> None:
    assert isinstance(asked(inbound(is_final=True), effective(**preferences)), LookUp)


@pytest.mark.parametrize("preferences", [{"wait_until_final": True}, {"excluded_results": (CallResult.BUSY,)}])
def test_a_person_does_not_wait(preferences: dict[str, Any]) -> None:
    assert isinstance(asked(inbound(), effective(**preferences), trigger=MANUAL), LookUp)


def test_a_call_that_is_not_logged_at_all_does_not_wait() -> None:
    preferences = effective(auto_log_calls=False, wait_until_final=True)
    assert reason(asked(inbound(), preferences)) is CallLogReason.AUTO_LOGGING_OFF


# By hand


@pytest.mark.parametrize("trigger", LogTrigger)
@pytest.mark.parametrize(("held", "call", "why"), HOLDING_BACK, ids=lambda value: str(value)[:40])
def test_a_chosen_contact_beats_every_preference(
    held: dict[str, Any], call: dict[str, Any], why: CallLogReason, trigger: LogTrigger
) -> None:
    outcome = asked(inbound(**call), effective(wait_until_final=True, **held), chosen=BO, trigger=trigger)
    assert isinstance(outcome, Decision)
    assert (outcome.contact, outcome.reason) == (BO, CallLogReason.CONTACT_CHOSEN)
