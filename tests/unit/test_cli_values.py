"""Values that people type at the command line, and the contract's words there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1.call_log_pb2 import CallLogReason, CallLogState, UpdateState
from leadline.v1.call_pb2 import (
    CALL_DIRECTION_INTERNAL,
    CALL_RESULT_BUSY,
    CALL_RESULT_NO_ANSWER,
    Attestation,
    CallDirection,
    CallResult,
)
from leadline.v1.preferences_pb2 import (
    UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER,
    AccountSettings,
    Preferences,
)
from leadline_server.cli import choices, values

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "contract"),
    [
        (choices.Direction, CallDirection),
        (choices.Result, CallResult),
        (choices.Verified, Attestation),
        (choices.State, CallLogState),
        (choices.Reason, CallLogReason),
        (choices.Update, UpdateState),
    ],
)
def test_the_words_of_an_option_are_those_of_the_contract(words: Any, contract: Any) -> None:
    assert [one.name for one in words] == [choices.word(contract, number) for number in contract.values() if number]
    assert [one.value for one in words] == [one.name.lower() for one in words]


def test_unspecified_is_no_word_and_a_value_of_a_newer_server_is_its_number() -> None:
    assert (choices.word(CallLogState, 0), choices.word(CallLogState, 99)) == ("", "99")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("1w", NOW - timedelta(days=7)),
        ("2026-02-03T04:05:06Z", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05+02:00", datetime(2026, 2, 3, 2, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_iso_or_now_or_how_long_ago(text: str, expected: datetime) -> None:
    assert values.time("--since", text, NOW) == expected


def test_a_time_without_an_offset_is_local() -> None:
    assert values.time("--since", "2026-02-03") == datetime(2026, 2, 3).astimezone()


@pytest.mark.parametrize("text", ["yesterday", "", "s", "1y", "2026-13-01", "99999999999w", "-5m", "²d"])
def test_what_is_no_time_is_wrong_usage_that_names_the_option(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"^--since"):
        values.time("--since", text, NOW)


def test_an_empty_time_in_a_report_clears_it() -> None:
    assert values.report_time("--end", "") == Timestamp()


def test_key_and_value_are_parted_at_the_first_equals_sign() -> None:
    assert values.pairs("--attribute", ["a=b=c", "d="]) == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("texts", [["a"], ["=b"], ["a=1", "a=2"]])
def test_a_pair_without_a_key_or_twice_the_same_key_is_wrong_usage(texts: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        values.pairs("--attribute", texts)


@pytest.mark.parametrize(
    "text", ["create_placeholder", "CREATE-PLACEHOLDER", "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"]
)
def test_an_enum_is_named_in_any_case_with_or_without_prefix(text: str) -> None:
    preferences = Preferences()
    values.assign(preferences, "unknown_contact_action", text)
    assert preferences.unknown_contact_action == UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER


@pytest.mark.parametrize(("text", "expected"), [("yes", True), ("TRUE", True), ("off", False), ("0", False)])
def test_a_switch_is_true_or_false(text: str, expected: bool) -> None:  # noqa: FBT001 - the case's expected value
    preferences = Preferences()
    values.assign(preferences, "auto_log_calls", text)
    assert preferences.HasField("auto_log_calls")
    assert preferences.auto_log_calls is expected


def test_a_list_is_separated_by_commas_and_nothing_is_the_empty_list() -> None:
    preferences = Preferences()
    values.assign(preferences, "excluded_results", "busy, no-answer")
    values.assign(preferences, "excluded_numbers", "")
    assert list(preferences.excluded_results.values) == [CALL_RESULT_BUSY, CALL_RESULT_NO_ANSWER]
    assert preferences.HasField("excluded_numbers")
    assert list(preferences.excluded_numbers.values) == []


def test_an_accounts_default_is_a_path() -> None:
    settings = AccountSettings()
    values.assign(settings, "defaults.excluded_directions", "internal")
    values.assign(settings, "number_formats", "(###) ###-####")
    assert list(settings.defaults.excluded_directions.values) == [CALL_DIRECTION_INTERNAL]
    assert list(settings.number_formats) == ["(###) ###-####"]


@pytest.mark.parametrize("path", ["color", "defaults", "defaults.color", "auto_log_calls", "time_zone.x", "", "."])
def test_a_field_that_cannot_be_set_is_wrong_usage_that_lists_those_that_can(path: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"defaults\.auto_log_calls, .*default_region"):
        values.assign(AccountSettings(), path, "1")


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("auto_log_calls", "maybe", "true or false"),
        ("unknown_contact_action", "call_them", "CREATE_PLACEHOLDER"),
        ("unknown_contact_action", "unspecified", "CREATE_PLACEHOLDER"),
        ("excluded_results", "busy,bored", "NO_ANSWER"),
    ],
)
def test_a_value_that_cannot_be_is_wrong_usage_that_says_what_can(path: str, text: str, told: str) -> None:
    with pytest.raises(typer.BadParameter, match=told):
        values.assign(Preferences(), path, text)
