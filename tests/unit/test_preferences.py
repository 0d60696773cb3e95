"""Preferences: three levels, and the administrator's locks."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.call import CallResult
from leadline_server.domain.preferences import (
    PREFERENCE_FIELDS,
    USER_ONLY_FIELDS,
    AccountSettings,
    EffectivePreferences,
    MultipleMatchAction,
    PlaceholderNameFormat,
    Preferences,
    PreferenceSource,
    UnknownContactAction,
    resolve,
)
from unit.strategies import preferences, settings

CREATE = UnknownContactAction.CREATE_PLACEHOLDER
NOTHING = UnknownContactAction.DO_NOTHING
ACCOUNT_FIELDS = sorted(set(PREFERENCE_FIELDS) - USER_ONLY_FIELDS)


def resolved(account: Preferences, user: Preferences, *locked: str) -> EffectivePreferences:
    return resolve(AccountSettings(defaults=account, locked=locked), user)


def test_the_effective_preferences_have_the_fields_of_the_preferences() -> None:
    effective = {field.name for field in fields(EffectivePreferences)} - {"sources", "locked"}
    assert effective == set(PREFERENCE_FIELDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto_log_calls", True),
        ("unknown_contact_action", UnknownContactAction.DO_NOTHING),
        ("placeholder_name", "Unknown Caller"),
        ("placeholder_contact_type", ""),
        ("multiple_match_action", MultipleMatchAction.DO_NOTHING),
        ("log_internal_calls", False),
        ("excluded_directions", ()),
        ("excluded_results", ()),
        ("excluded_numbers", ()),
        ("wait_until_final", False),
        ("distrust_failed_attestation", True),
        ("crm_user_id", ""),
        ("placeholder_name_format", PlaceholderNameFormat.AS_SENT),
    ],
)
def test_what_nobody_set_is_built_in(name: str, value: object) -> None:
    effective = resolved(Preferences(), Preferences())
    assert (getattr(effective, name), effective.sources[name]) == (value, PreferenceSource.BUILT_IN)


def test_the_accounts_default_beats_the_built_in_value() -> None:
    effective = resolved(Preferences(unknown_contact_action=CREATE), Preferences())
    assert effective.unknown_contact_action is CREATE
    assert effective.sources["unknown_contact_action"] is PreferenceSource.ACCOUNT


def test_the_users_value_beats_the_accounts_default() -> None:
    effective = resolved(Preferences(unknown_contact_action=CREATE), Preferences(unknown_contact_action=NOTHING))
    assert effective.unknown_contact_action is NOTHING
    assert effective.sources["unknown_contact_action"] is PreferenceSource.USER


def test_an_empty_list_of_the_user_is_a_value_of_its_own() -> None:
    effective = resolved(Preferences(excluded_results=(CallResult.BUSY,)), Preferences(excluded_results=()))
    assert (effective.excluded_results, effective.sources["excluded_results"]) == ((), PreferenceSource.USER)


def test_a_users_false_beats_the_accounts_true() -> None:
    effective = resolved(Preferences(wait_until_final=True), Preferences(wait_until_final=False))
    assert effective.wait_until_final is False


def test_a_lock_puts_the_accounts_default_in_force() -> None:
    account, user = Preferences(unknown_contact_action=NOTHING), Preferences(unknown_contact_action=CREATE)
    effective = resolved(account, user, "unknown_contact_action")
    assert effective.unknown_contact_action is NOTHING
    assert effective.sources["unknown_contact_action"] is PreferenceSource.ACCOUNT


def test_a_lock_without_a_default_locks_the_built_in_value() -> None:
    effective = resolved(Preferences(), Preferences(unknown_contact_action=CREATE), "unknown_contact_action")
    assert effective.unknown_contact_action is NOTHING
    assert effective.sources["unknown_contact_action"] is PreferenceSource.BUILT_IN


def test_an_account_has_no_crm_user_id_to_give() -> None:
    effective = resolved(Preferences(crm_user_id="everybody"), Preferences())
    assert (effective.crm_user_id, effective.sources["crm_user_id"]) == ("", PreferenceSource.BUILT_IN)


@pytest.mark.parametrize(
    ("account", "user", "locked", "phrase"),
    [
        (None, None, [], "the built-in default"),
        (NOTHING, None, [], "the account's default"),
        (NOTHING, CREATE, [], "the user's preference"),
        (NOTHING, CREATE, ["unknown_contact_action"], "the account's default, locked by the administrator"),
        (None, CREATE, ["unknown_contact_action"], "the built-in default, locked by the administrator"),
    ],
)
def test_the_origin_names_the_level_and_the_lock(
    account: UnknownContactAction | None, user: UnknownContactAction | None, locked: list[str], phrase: str
) -> None:
    defaults, own = Preferences(unknown_contact_action=account), Preferences(unknown_contact_action=user)
    assert resolved(defaults, own, *locked).origin("unknown_contact_action") == phrase


@given(account=settings(), user=preferences())
def test_every_field_has_a_source_and_the_value_of_that_level(account: AccountSettings, user: Preferences) -> None:
    effective, built_in = resolve(account, user), resolve(AccountSettings(), Preferences())
    assert set(effective.sources) == set(PREFERENCE_FIELDS)
    levels = {
        PreferenceSource.BUILT_IN: built_in,
        PreferenceSource.ACCOUNT: account.defaults,
        PreferenceSource.USER: user,
    }
    for name, source in effective.sources.items():
        assert getattr(effective, name) == getattr(levels[source], name)


@given(account=settings(), user=preferences(), other=preferences(), name=st.sampled_from(PREFERENCE_FIELDS))
def test_a_user_has_no_say_in_a_locked_field(
    account: AccountSettings, user: Preferences, other: Preferences, name: str
) -> None:
    locking = replace(account, locked=(*account.locked, name))
    assert resolve(locking, user).sources[name] is not PreferenceSource.USER
    assert getattr(resolve(locking, user), name) == getattr(resolve(locking, other), name)


@given(account=settings(), user=preferences(), name=st.sampled_from(PREFERENCE_FIELDS))
def test_unlocking_brings_the_users_value_back(account: AccountSettings, user: Preferences, name: str) -> None:
    unlocked = replace(account, locked=tuple(each for each in account.locked if each != name))
    resolve(replace(unlocked, locked=(*unlocked.locked, name)), user)  # a lock in between leaves no trace
    if (own := getattr(user, name)) is not None:
        effective = resolve(unlocked, user)
        assert (getattr(effective, name), effective.sources[name]) == (own, PreferenceSource.USER)


@given(account=settings(), user=preferences(), name=st.sampled_from(ACCOUNT_FIELDS))
def test_a_lock_touches_no_other_field(account: AccountSettings, user: Preferences, name: str) -> None:
    before = resolve(account, user)
    after = resolve(replace(account, locked=(*account.locked, name)), user)
    others = set(PREFERENCE_FIELDS) - {name}
    assert {each: getattr(before, each) for each in others} == {each: getattr(after, each) for each in others}
