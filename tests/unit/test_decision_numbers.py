"""The decision, row by row: which numbers of a call are looked up."""

import pytest
from leadline_server.domain.call import Call, Party
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import CallLogReason
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.situation import LeaveUnlogged, LookUp
from unit.decisions import ANN, CREATING, INTERNAL, OUTBOUND, asked, decided, inbound, match, reason
from unit.strategies import ALICE, BOB, NUMBER, effective

# Who is looked up


@pytest.mark.parametrize(
    ("call", "address"),
    [
        (inbound(), NUMBER),
        (inbound(direction=OUTBOUND, callee=Party(phone_number="+442079460123")), "+442079460123"),
        (inbound(direction=INTERNAL, caller=Party(extension="102", user_id=BOB)), "102"),
        (
            inbound(direction=INTERNAL, caller=Party(extension="101", user_id=ALICE), callee=Party(extension="103")),
            "103",
        ),
        (inbound(caller=Party(extension="102")), "102"),
        (inbound(caller=Party(phone_number=NUMBER, extension="102")), NUMBER),
    ],
    ids=["the caller", "the callee", "the internal caller", "the internal callee", "an extension", "number first"],
)
def test_the_other_party_is_looked_up(call: Call, address: str) -> None:
    outcome = asked(call, effective(log_internal_calls=True))
    assert isinstance(outcome, LookUp)
    assert outcome.number.text == address


def test_a_number_without_a_country_is_read_in_the_accounts_region() -> None:
    call = inbound(caller=Party(phone_number="020 7946 0123"))
    outcome = asked(call, rules="GB")
    assert isinstance(outcome, LookUp)
    assert outcome.number.e164 == "+442079460123"


def dialled(number: str) -> Call:
    return inbound(direction=OUTBOUND, callee=Party(phone_number=number))


GERMAN = NumberingRules("DE", "", ("0",))


def test_the_dialled_callee_is_read_without_the_dial_prefix() -> None:
    outcome = asked(dialled("0017612345678"), rules=GERMAN)
    assert isinstance(outcome, LookUp)
    assert [number.e164 for number in outcome.numbers] == ["+4917612345678"]
    assert outcome.number.text == "0017612345678"


def test_a_caller_is_not_read_without_the_dial_prefix() -> None:
    call = inbound(caller=Party(phone_number="0017612345678"))
    outcome = asked(call, rules=GERMAN)
    assert isinstance(outcome, LookUp)
    assert outcome.number.e164 == "+17612345678"


def test_an_extension_is_one_where_numbers_are_as_short() -> None:
    call = inbound(direction=INTERNAL, caller=Party(extension="221236", user_id=BOB))
    outcome = asked(call, effective(log_internal_calls=True), rules="LU")
    assert isinstance(outcome, LookUp)
    assert outcome.number.key == "ext:221236"


def test_both_readings_of_what_was_dialled_are_looked_up() -> None:
    outcome = asked(dialled("0043158858"), rules=GERMAN)
    assert isinstance(outcome, LookUp)
    assert [number.e164 for number in outcome.numbers] == ["+43158858", "+4943158858"]


def test_where_both_readings_can_be_the_number_no_contact_is_created() -> None:
    outcome = decided(dialled("0043158858"), CREATING, rules=GERMAN)
    assert isinstance(outcome, LeaveUnlogged)
    assert outcome.reason is CallLogReason.NO_CONTACT
    assert all(number in outcome.explanation for number in ("0043158858", "+43158858", "+4943158858"))


def test_a_contact_with_one_of_both_readings_is_logged_against() -> None:
    outcome = decided(dialled("0043158858"), CREATING, match(ANN), rules=GERMAN)
    assert isinstance(outcome, Decision)


@pytest.mark.parametrize(("number", "region"), [("14020", "NL"), ("02222", "NO"), ("*2700", "IL")])
def test_a_published_short_number_is_looked_up_and_never_created(number: str, region: str) -> None:
    assert isinstance(asked(dialled(number), CREATING, rules=region), LookUp)
    assert reason(decided(dialled(number), CREATING, rules=region)) is CallLogReason.NO_CONTACT
