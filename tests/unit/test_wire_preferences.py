"""Requests and answers of PreferencesService."""

from dataclasses import fields
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from leadline.v1 import call_pb2
from leadline.v1 import preferences_pb2 as prefs_pb
from leadline.v1 import preferences_service_pb2 as pb
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.call import CallResult
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.preferences import (
    PREFERENCE_FIELDS,
    AccountSettings,
    Preferences,
    resolve,
)
from leadline_server.ports.ledger import PreferencesInForce
from leadline_server.transport import preferences_service as mapping
from leadline_server.wire.preferences import preferences as read_preferences
from leadline_server.wire.preferences import preferences_message, settings_message
from leadline_server.wire.violations import Violations
from support.accounts import read_request
from unit.preference_requests import numbers, preferences, settings_update, update, violations


def test_the_contract_has_the_fields_of_the_domain() -> None:
    assert set(prefs_pb.Preferences.DESCRIPTOR.fields_by_name) == set(PREFERENCE_FIELDS)
    assert set(prefs_pb.AccountSettings.DESCRIPTOR.fields_by_name) == {field.name for field in fields(AccountSettings)}


@given(preferences)
def test_preferences_survive_the_wire_lists_that_are_empty_included(values: Preferences) -> None:
    check = Violations()
    wire = prefs_pb.Preferences.FromString(preferences_message(values).SerializeToString())
    assert read_preferences(check, "preferences", wire, PREFERENCE_FIELDS) == values
    check.raise_any()


async def test_an_empty_mask_writes_the_fields_that_are_set() -> None:
    read = await read_request(
        mapping.preferences_update, update(prefs_pb.Preferences(auto_log_calls=False, crm_user_id=""))
    )
    assert read.fields == ("auto_log_calls", "crm_user_id")
    assert read.values == Preferences(auto_log_calls=False, crm_user_id="")


async def test_a_mask_writes_its_fields_alone_and_clears_those_that_are_absent() -> None:
    values = prefs_pb.Preferences(auto_log_calls=False, placeholder_name="")
    read = await read_request(mapping.preferences_update, update(values, "auto_log_calls", "wait_until_final"))
    assert read.fields == ("auto_log_calls", "wait_until_final")
    assert read.values == Preferences(auto_log_calls=False)


async def test_a_star_writes_every_field() -> None:
    read = await read_request(mapping.preferences_update, update(prefs_pb.Preferences(), "*"))
    assert (read.fields, read.values) == (PREFERENCE_FIELDS, Preferences())


async def test_a_mask_that_names_what_does_not_exist_is_a_violation() -> None:
    wrong = update(prefs_pb.Preferences(), "auto_log_calls", "autoLogCalls", "excluded_numbers.values", "")
    assert await violations(read_request(mapping.preferences_update, wrong)) == {
        f"update_mask.paths[{i}]" for i in (1, 2, 3)
    }


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (prefs_pb.Preferences(unknown_contact_action=0), "unknown_contact_action"),  # type: ignore[arg-type] # by number
        (prefs_pb.Preferences(multiple_match_action=9), "multiple_match_action"),  # type: ignore[arg-type] # by number
        (prefs_pb.Preferences(placeholder_name=" "), "placeholder_name"),
        (prefs_pb.Preferences(placeholder_name="n" * 129), "placeholder_name"),
        (prefs_pb.Preferences(placeholder_contact_type="\0"), "placeholder_contact_type"),
        (prefs_pb.Preferences(crm_user_id="c" * 129), "crm_user_id"),
        (
            prefs_pb.Preferences(excluded_directions=prefs_pb.CallDirectionList(values=[0])),  # type: ignore[list-item] # by number
            "excluded_directions.values[0]",
        ),
        (
            prefs_pb.Preferences(excluded_results=prefs_pb.CallResultList(values=[1, 77])),  # type: ignore[list-item] # by number
            "excluded_results.values[1]",
        ),
        (numbers(*["101"] * 1001), "excluded_numbers.values"),
        (numbers("101", "1" * 65), "excluded_numbers.values[1]"),
        (numbers("anonymous"), "excluded_numbers.values[0]"),
        (numbers("*"), "excluded_numbers.values[0]"),
        (numbers("+*"), "excluded_numbers.values[0]"),
        (numbers("0800*"), "excluded_numbers.values[0]"),
        (numbers("+44*20*"), "excluded_numbers.values[0]"),
    ],
)
async def test_a_wrong_value_is_named_by_its_path(values: prefs_pb.Preferences, path: str) -> None:
    assert await violations(read_request(mapping.preferences_update, update(values))) == {f"preferences.{path}"}
    in_settings = settings_update(prefs_pb.AccountSettings(defaults=values))
    assert await violations(read_request(mapping.account_settings_update, in_settings)) == {f"settings.defaults.{path}"}


async def test_excluded_numbers_become_what_a_call_is_compared_with() -> None:
    written = numbers("020 7946 0123", "+44 (20) 7946-0123", "+44 20 7946 0123 x7", "101", "+44 800 *", "0044800*")
    read = await read_request(mapping.preferences_update, update(written, account_id="gb"))
    assert read.values.excluded_numbers == ("+442079460123", "101", "+44800*")


async def test_an_unknown_account_is_missed_where_its_region_is_needed() -> None:
    with pytest.raises(AccountNotFound):
        await read_request(mapping.preferences_update, update(numbers("101"), account_id="fr"))
    wrong = update(numbers("101"), "nope", account_id="fr")
    assert await violations(read_request(mapping.preferences_update, wrong)) == {"update_mask.paths[0]"}


async def test_who_is_meant_must_be_said() -> None:
    assert await violations(read_request(mapping.preferences_update, pb.UpdatePreferencesRequest())) == {
        "account_id",
        "user_id",
    }
    assert await violations(read_request(mapping.account_settings_update, pb.UpdateAccountSettingsRequest())) == {
        "account_id"
    }
    with pytest.raises(InvalidRequest):
        mapping.user_of(pb.GetPreferencesRequest(account_id="us", user_id="\0"))
    with pytest.raises(InvalidRequest):
        mapping.account_of(pb.GetAccountSettingsRequest())
    assert mapping.user_of(pb.GetPreferencesRequest(account_id="us", user_id="u1")) == "u1"
    assert mapping.account_of(pb.GetAccountSettingsRequest(account_id="us")) == "us"


async def test_a_settings_mask_reaches_into_the_defaults() -> None:
    values = prefs_pb.AccountSettings(defaults=prefs_pb.Preferences(auto_log_calls=False), default_region="GB")
    read = await read_request(
        mapping.account_settings_update, settings_update(values, "defaults.auto_log_calls", "time_zone")
    )
    assert read.fields == ("defaults.auto_log_calls", "time_zone")
    assert read.settings == AccountSettings(defaults=Preferences(auto_log_calls=False))


async def test_the_whole_defaults_are_all_of_their_fields_but_the_users_own() -> None:
    read = await read_request(mapping.account_settings_update, settings_update(prefs_pb.AccountSettings(), "defaults"))
    assert set(read.fields) == {f"defaults.{name}" for name in PREFERENCE_FIELDS if name != "crm_user_id"}


async def test_an_empty_settings_mask_writes_what_is_set() -> None:
    values = prefs_pb.AccountSettings(
        defaults=prefs_pb.Preferences(wait_until_final=True),
        locked=["wait_until_final", "auto_log_calls", "auto_log_calls"],
        time_zone="Europe/London",
        number_formats=["(###) ###-####"],
        caller_id_prefixes=["SALES: ", "Acme", "SALES:"],
        extension_pattern="1XX, 2xxx",
        dial_prefixes=["9", "0", "9"],
    )
    read = await read_request(mapping.account_settings_update, settings_update(values))
    assert set(read.fields) == {
        "defaults.wait_until_final",
        "locked",
        "time_zone",
        "number_formats",
        "extension_pattern",
        "dial_prefixes",
        "caller_id_prefixes",
    }
    assert read.settings == AccountSettings(
        defaults=Preferences(wait_until_final=True),
        locked=("auto_log_calls", "wait_until_final"),
        time_zone="Europe/London",
        number_formats=("(###) ###-####",),
        extension_pattern="1xx,2xxx",
        dial_prefixes=("9", "0"),
        caller_id_prefixes=("SALES:", "Acme"),
    )


async def test_masked_rules_for_numbers_that_are_absent_become_built_in_again() -> None:
    request = settings_update(prefs_pb.AccountSettings(), "extension_pattern", "dial_prefixes")
    read = await read_request(mapping.account_settings_update, request)
    assert (read.settings.extension_pattern, read.settings.dial_prefixes) == ("", ())


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (prefs_pb.AccountSettings(default_region="gb"), "default_region"),
        (prefs_pb.AccountSettings(default_region=""), "default_region"),
        (prefs_pb.AccountSettings(default_region="XX"), "default_region"),
        (prefs_pb.AccountSettings(time_zone=""), "time_zone"),
        (prefs_pb.AccountSettings(time_zone="Europe"), "time_zone"),
        (prefs_pb.AccountSettings(time_zone="Europe/Atlantis"), "time_zone"),
        (prefs_pb.AccountSettings(time_zone="../../etc/passwd"), "time_zone"),
        (prefs_pb.AccountSettings(number_formats=["###", "none"]), "number_formats[1]"),
        (prefs_pb.AccountSettings(number_formats=["#" * 33]), "number_formats[0]"),
        (prefs_pb.AccountSettings(number_formats=["#"] * 9), "number_formats"),
        (prefs_pb.AccountSettings(caller_id_prefixes=["Acme", " ", "Acme"]), "caller_id_prefixes[1]"),
        (prefs_pb.AccountSettings(caller_id_prefixes=["p" * 65]), "caller_id_prefixes[0]"),
        (prefs_pb.AccountSettings(caller_id_prefixes=["a\tb"]), "caller_id_prefixes[0]"),
        (prefs_pb.AccountSettings(caller_id_prefixes=["Acme"] * 101), "caller_id_prefixes"),
        (prefs_pb.AccountSettings(extension_pattern=r"\d{2,6}"), "extension_pattern"),
        (prefs_pb.AccountSettings(extension_pattern="1xx,x"), "extension_pattern"),
        (prefs_pb.AccountSettings(extension_pattern="1xx," * 200), "extension_pattern"),
        (prefs_pb.AccountSettings(dial_prefixes=["9", "nine"]), "dial_prefixes[1]"),
        (prefs_pb.AccountSettings(dial_prefixes=[str(i) for i in range(9)]), "dial_prefixes"),
        (prefs_pb.AccountSettings(locked=["auto_log_calls", "nope"]), "locked[1]"),
        (prefs_pb.AccountSettings(locked=["crm_user_id"]), "locked[0]"),
        (prefs_pb.AccountSettings(defaults=prefs_pb.Preferences(crm_user_id="7")), "defaults.crm_user_id"),
    ],
)
async def test_a_wrong_setting_is_named_by_its_path(values: prefs_pb.AccountSettings, path: str) -> None:
    assert await violations(read_request(mapping.account_settings_update, settings_update(values))) == {
        f"settings.{path}"
    }


async def test_numbers_of_the_defaults_are_read_in_the_region_that_comes_with_them() -> None:
    values = prefs_pb.AccountSettings(defaults=numbers("020 7946 0123"), default_region="GB")
    read = await read_request(mapping.account_settings_update, settings_update(values))
    assert read.settings.defaults.excluded_numbers == ("+442079460123",)


async def test_numbers_of_the_defaults_are_read_by_the_pattern_that_comes_with_them() -> None:
    values = prefs_pb.AccountSettings(defaults=numbers("221236"), default_region="LU", extension_pattern="22xxxx")
    read = await read_request(mapping.account_settings_update, settings_update(values))
    assert read.settings.defaults.excluded_numbers == ("221236",)


@pytest.mark.parametrize("write", [mapping.get_preferences_response, mapping.update_preferences_response])
def test_a_view_says_what_applies_what_the_user_set_and_why(write: Any) -> None:
    settings = AccountSettings(defaults=Preferences(auto_log_calls=False), locked=("wait_until_final",))
    user = Preferences(wait_until_final=True, excluded_numbers=())
    written = write(PreferencesInForce(resolve(settings, user), user, version=1))
    assert {field.name for field, _ in written.effective.ListFields()} == set(PREFERENCE_FIELDS)
    assert (written.effective.auto_log_calls, written.effective.wait_until_final) == (False, False)
    assert {field.name for field, _ in written.user.ListFields()} == {"wait_until_final", "excluded_numbers"}
    assert dict(written.sources) == {
        **dict.fromkeys(PREFERENCE_FIELDS, prefs_pb.PREFERENCE_SOURCE_BUILT_IN),
        "auto_log_calls": prefs_pb.PREFERENCE_SOURCE_ACCOUNT,
        "excluded_numbers": prefs_pb.PREFERENCE_SOURCE_USER,
    }
    assert list(written.locked) == ["wait_until_final"]


def test_settings_are_written_whole() -> None:
    settings = AccountSettings(
        defaults=Preferences(excluded_results=(CallResult.BUSY,)),
        locked=("auto_log_calls",),
        default_region="GB",
        time_zone="Europe/London",
        number_formats=("#### ####",),
        create_without_log=True,
        caller_id_prefixes=("Acme",),
    )
    written = settings_message(settings)
    assert mapping.get_account_settings_response(settings).settings == written
    assert mapping.update_account_settings_response(settings).settings == written
    assert list(written.defaults.excluded_results.values) == [call_pb2.CALL_RESULT_BUSY]
    assert (list(written.locked), written.default_region) == (["auto_log_calls"], "GB")
    assert (written.time_zone, list(written.number_formats)) == ("Europe/London", ["#### ####"])
    assert written.create_without_log
    assert list(written.caller_id_prefixes) == ["Acme"]


async def test_a_hundred_prefixes_of_sixty_four_characters_are_allowed() -> None:
    prefixes = [f"{number:064}" for number in range(100)]
    values = prefs_pb.AccountSettings(caller_id_prefixes=prefixes)
    read = await read_request(mapping.account_settings_update, settings_update(values))
    assert list(read.settings.caller_id_prefixes) == prefixes


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
async def test_create_without_log_is_off_unless_it_is_set(*, value: bool | None, expected: bool) -> None:
    values = prefs_pb.AccountSettings(create_without_log=value)
    mask = FieldMask(paths=["create_without_log"])
    request = pb.UpdateAccountSettingsRequest(account_id="us", settings=values, update_mask=mask)
    read = await read_request(mapping.account_settings_update, request)
    assert (read.fields, read.settings.create_without_log) == (("create_without_log",), expected)
