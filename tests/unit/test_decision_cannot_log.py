"""The decision where the CRM cannot log calls: no log, and no contact unless the account asks for it."""

from dataclasses import replace

import pytest
from leadline_server.domain.call_log_states import CallLogReason
from leadline_server.domain.situation import CreatePlaceholder, LeaveUnlogged, LookUp
from unit.decisions import ANN, BO, BUILT_IN, CREATING, MANUAL, asked, decided, explanation, inbound, match, reason
from unit.strategies import effective


def test_the_contacts_are_looked_up_all_the_same() -> None:
    assert isinstance(asked(inbound(), CREATING, can_log=False), LookUp)


def test_no_contact_is_created_for_an_unknown_caller() -> None:
    outcome = decided(inbound(), CREATING, can_log=False)
    assert isinstance(outcome, LeaveUnlogged)
    assert outcome.reason is CallLogReason.CRM_CANNOT_LOG
    assert outcome.explanation.endswith("and none is created. The CRM cannot log calls.")


def test_a_contact_is_created_if_the_account_asks_for_it() -> None:
    outcome = decided(inbound(), CREATING, can_log=False, create_without_log=True)
    assert isinstance(outcome, CreatePlaceholder)
    assert replace(outcome, can_log=True) == decided(inbound(), CREATING)


def test_the_setting_creates_nothing_that_the_preference_does_not() -> None:
    assert reason(decided(inbound(), BUILT_IN, can_log=False, create_without_log=True)) is CallLogReason.NO_CONTACT


@pytest.mark.parametrize("create_without_log", [False, True])
def test_a_call_of_a_known_caller_stays_unlogged(*, create_without_log: bool) -> None:
    outcome = decided(inbound(), BUILT_IN, match(ANN), can_log=False, create_without_log=create_without_log)
    assert reason(outcome) is CallLogReason.CRM_CANNOT_LOG
    assert isinstance(outcome, LeaveUnlogged)
    assert explanation(outcome).endswith("(EXACT). The CRM cannot log calls.")


def test_so_does_one_with_a_contact_that_a_person_chose() -> None:
    assert (
        reason(decided(inbound(), BUILT_IN, can_log=False, chosen=BO, trigger=MANUAL)) is CallLogReason.CRM_CANNOT_LOG
    )


def test_a_call_that_would_not_be_logged_anyway_keeps_its_reason() -> None:
    off = effective(auto_log_calls=False)
    assert reason(decided(inbound(), off, can_log=False)) is CallLogReason.AUTO_LOGGING_OFF
