"""The user of a report that names none: the order of docs/directory.md."""

from typing import Any

import pytest
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.directory import DirectoryIndex, User, described
from leadline_server.domain.merge import CallEvent

INBOUND, OUTBOUND, INTERNAL = CallDirection.INBOUND, CallDirection.OUTBOUND, CallDirection.INTERNAL
JANE = User(user_id="jane", extensions=("101",), phone_numbers=("+12025550162",), emails=("jane@example.com",))
CARL = User(user_id="carl", extensions=("102",))
GONE = User(user_id="gone", extensions=("103",), phone_numbers=("+12025550163",), is_active=False)
DIRECTORY = DirectoryIndex(
    users={key: user.user_id for user in (JANE, CARL, GONE) for key in user.keys}, inactive=frozenset({"gone"})
)
ANSWERED = {"party.extension": "102", "result": CallResult.ANSWERED}


def user_of(legs: dict[str, dict[str, Any]] | None = None, **fields: Any) -> str:
    said = {name.replace("__", "."): value for name, value in fields.items()}
    return DIRECTORY.user_of(CallEvent(call_id="c1", fields=said, legs=legs or {}), "US")


@pytest.mark.parametrize(
    ("direction", "user"), [(INBOUND, "jane"), (OUTBOUND, "carl"), (INTERNAL, "jane"), (None, "jane")]
)
def test_the_direction_says_which_party_is_the_accounts(direction: CallDirection | None, user: str) -> None:
    assert user_of(direction=direction, callee__extension="101", caller__extension="102") == user


@pytest.mark.parametrize(("direction", "user"), [(INBOUND, ""), (OUTBOUND, "carl"), (INTERNAL, "carl"), (None, "carl")])
def test_the_other_party_of_a_call_with_the_outside_is_no_user(direction: CallDirection | None, user: str) -> None:
    assert user_of(direction=direction, callee__phone_number="+12025550147", caller__extension="102") == user


def test_the_party_of_an_answered_leg_comes_before_the_callee_and_other_legs_after_it() -> None:
    silent = {"party.extension": "102", "result": CallResult.NO_ANSWER}
    assert user_of({"a": ANSWERED}, direction=INBOUND, callee__extension="101") == "carl"
    assert user_of({"a": silent}, direction=INBOUND, callee__extension="101") == "jane"
    assert user_of({"a": silent}, direction=INBOUND) == "carl"


@pytest.mark.parametrize(
    "party",
    [
        {"user_id": "jane", "extension": "102"},
        {"extension": "101", "phone_number": "102"},
        {"phone_number": "(202) 555-0162"},
        {"phone_number": "101"},
        {"phone_number": "sip:Jane@example.com;transport=udp"},
        {"phone_number": "jane@example.com"},
    ],
)
def test_a_party_is_found_by_id_then_extension_then_number_then_address(party: dict[str, Any]) -> None:
    assert user_of(direction=INBOUND, **{f"callee__{name}": value for name, value in party.items()}) == "jane"


def test_a_leg_names_its_user_by_the_id() -> None:
    assert user_of({"a": {"user_id": "mia", "result": CallResult.ANSWERED}}, callee__extension="101") == "mia"


def test_a_user_who_is_not_active_is_not_found_and_the_numbers_stay_the_accounts_own() -> None:
    assert user_of(direction=INBOUND, callee__extension="103") == ""
    assert {"103", "+12025550163"} <= DIRECTORY.addresses
    assert "jane@example.com" not in DIRECTORY.addresses


def test_an_error_names_the_kinds_that_were_looked_for_and_no_number() -> None:
    event = CallEvent(call_id="c1", fields={"direction": INBOUND, "callee.phone_number": "+12025550199"})
    assert described(event) == "number"
    assert described(CallEvent(call_id="c1", fields={"direction": INBOUND})).startswith("nothing")
