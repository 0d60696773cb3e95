"""The obligations of ports.ledger.Accounts and PreferenceStore, as tests."""

import asyncio
from dataclasses import replace

import pytest

from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.errors import PreferenceLocked
from leadline_server.domain.preferences import (
    AccountSettings,
    MultipleMatchAction,
    PlaceholderNameFormat,
    Preferences,
    UnknownContactAction,
)
from leadline_server.ports.ledger import Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, ALICE, OpenLedger, call_log, put

_FULL_PREFERENCES = Preferences(
    auto_log_calls=False,
    unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER,
    placeholder_name="Unbekannter Anrufer ☎",
    placeholder_contact_type="lead",
    multiple_match_action=MultipleMatchAction.EARLIEST_CREATED,
    log_internal_calls=True,
    excluded_directions=(CallDirection.OUTBOUND, CallDirection.INTERNAL),
    excluded_results=(CallResult.BUSY,),
    excluded_numbers=(),
    wait_until_final=False,
    distrust_failed_attestation=True,
    crm_user_id="u'1",
    placeholder_name_format=PlaceholderNameFormat.FIRST_LAST,
)
_FULL_SETTINGS = AccountSettings(
    defaults=_FULL_PREFERENCES,
    locked=("auto_log_calls", "placeholder_name"),
    default_region="GB",
    time_zone="Europe/London",
    number_formats=("(###) ###-####",),
    extension_pattern="1xx,2xxx",
    dial_prefixes=("9", "0"),
    caller_id_prefixes=("SALES:", "Büro"),
)


def _with_format(settings: AccountSettings) -> AccountSettings:
    return replace(settings, number_formats=(*settings.number_formats, "#"))


def _with_number(_: AccountSettings, preferences: Preferences) -> Preferences:
    return replace(preferences, excluded_numbers=(*(preferences.excluded_numbers or ()), "+14155550123"))


class AccountCases:
    """Accounts and their settings."""

    async def test_settings_are_read_as_they_were_written(self, ledger: Ledger) -> None:
        assert await ledger.accounts.create(ACCOUNT, _FULL_SETTINGS)
        assert await ledger.accounts.get(ACCOUNT) == _FULL_SETTINGS

    async def test_an_account_that_exists_is_not_created_again(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, _FULL_SETTINGS)
        assert not await ledger.accounts.create(ACCOUNT, AccountSettings())
        assert await ledger.accounts.get(ACCOUNT) == _FULL_SETTINGS

    async def test_of_many_who_create_an_account_one_does(self, ledger: Ledger) -> None:
        created = await asyncio.gather(*(ledger.accounts.create(ACCOUNT, AccountSettings()) for _ in range(8)))
        assert sorted(created) == [False] * 7 + [True]

    async def test_an_unknown_account_has_no_settings(self, ledger: Ledger) -> None:
        with pytest.raises(AccountNotFound):
            await ledger.accounts.get("unknown")
        with pytest.raises(AccountNotFound):
            await ledger.accounts.change("unknown", _with_format)
        with pytest.raises(AccountNotFound):
            await ledger.accounts.get("unknown")

    async def test_an_account_is_found_as_soon_as_it_is_created(self, ledger: Ledger) -> None:
        with pytest.raises(AccountNotFound):
            await ledger.accounts.get(ACCOUNT)
        await ledger.accounts.create(ACCOUNT, _FULL_SETTINGS)
        assert await ledger.accounts.get(ACCOUNT) == _FULL_SETTINGS

    async def test_changed_settings_are_returned_and_in_force(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.accounts.get(ACCOUNT)
        assert await ledger.accounts.change(ACCOUNT, lambda _: _FULL_SETTINGS) == _FULL_SETTINGS
        assert await ledger.accounts.get(ACCOUNT) == _FULL_SETTINGS

    async def test_changes_of_settings_at_once_lose_none(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        async with open_ledger() as other:
            await asyncio.gather(
                *(handle.accounts.change(ACCOUNT, _with_format) for _ in range(8) for handle in (ledger, other))
            )
        assert len((await ledger.accounts.get(ACCOUNT)).number_formats) == 16

    async def test_a_change_of_settings_that_raises_changes_nothing(self, ledger: Ledger) -> None:
        def refuse(_: AccountSettings) -> AccountSettings:
            raise PreferenceLocked(["time_zone"])

        await ledger.accounts.create(ACCOUNT, _FULL_SETTINGS)
        with pytest.raises(PreferenceLocked):
            await ledger.accounts.change(ACCOUNT, refuse)
        assert await ledger.accounts.get(ACCOUNT) == _FULL_SETTINGS

    async def test_settings_changed_through_another_handle_are_in_force_at_once(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        async with open_ledger() as other:
            for count in range(1, 20):
                assert len((await ledger.accounts.get(ACCOUNT)).number_formats) == count - 1
                await other.accounts.change(ACCOUNT, _with_format)
                assert len((await ledger.accounts.get(ACCOUNT)).number_formats) == count

    async def test_stored_bytes_grow_with_calls_and_preferences_and_are_those_of_all_handles(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        async with open_ledger() as other:
            await put(ledger, call_log("small"))
            small = (await other.accounts.stored_bytes())[ACCOUNT]
            await put(other, call_log("large", explanation="x" * 1_000_000))
            large = (await ledger.accounts.stored_bytes())[ACCOUNT] - small
            assert 0 < small < 20_000
            assert 1_000_000 <= large < 1_050_000
            await put(ledger, call_log("large", revision=2))
            assert (await other.accounts.stored_bytes())[ACCOUNT] == 2 * small
            await ledger.accounts.create(ACCOUNT, AccountSettings())
            await ledger.preferences.change(ACCOUNT, ALICE, lambda _settings, _preferences: _FULL_PREFERENCES)
            assert (await other.accounts.stored_bytes())[ACCOUNT] > 2 * small


class PreferenceCases:
    """Users' preferences."""

    async def test_a_user_who_set_nothing_has_empty_preferences(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, _FULL_SETTINGS)
        assert (await ledger.preferences.get(ACCOUNT, ALICE)).user == Preferences()

    async def test_preferences_are_read_as_they_were_written(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.preferences.get(ACCOUNT, ALICE)
        await ledger.preferences.change(ACCOUNT, ALICE, lambda _settings, _preferences: _FULL_PREFERENCES)
        assert (await ledger.preferences.get(ACCOUNT, ALICE)).user == _FULL_PREFERENCES
        for other in ("aaron", "bob", "Alice", "alice "):
            assert (await ledger.preferences.get(ACCOUNT, other)).user == Preferences()
        await ledger.accounts.create("other", AccountSettings())
        assert (await ledger.preferences.get("other", ALICE)).user == Preferences()

    async def test_a_change_gets_and_returns_settings_and_preferences(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, _FULL_SETTINGS)
        await ledger.preferences.change(ACCOUNT, ALICE, lambda _settings, _preferences: _FULL_PREFERENCES)
        given: list[object] = []

        def change(settings: AccountSettings, preferences: Preferences) -> Preferences:
            given[:] = [settings, preferences]
            return Preferences(placeholder_name="")

        result = await ledger.preferences.change(ACCOUNT, ALICE, change)
        assert given == [_FULL_SETTINGS, _FULL_PREFERENCES]
        assert result == (_FULL_SETTINGS, Preferences(placeholder_name=""))

    async def test_preferences_of_an_unknown_account_cannot_be_changed(self, ledger: Ledger) -> None:
        with pytest.raises(AccountNotFound):
            await ledger.preferences.change("unknown", ALICE, _with_number)
        with pytest.raises(AccountNotFound):
            await ledger.preferences.get("unknown", ALICE)

    async def test_a_change_of_preferences_that_raises_changes_nothing(self, ledger: Ledger) -> None:
        def refuse(_settings: AccountSettings, _preferences: Preferences) -> Preferences:
            raise PreferenceLocked(["auto_log_calls"])

        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.preferences.change(ACCOUNT, ALICE, _with_number)
        with pytest.raises(PreferenceLocked):
            await ledger.preferences.change(ACCOUNT, ALICE, refuse)
        assert (await ledger.preferences.get(ACCOUNT, ALICE)).user == Preferences(excluded_numbers=("+14155550123",))

    async def test_changes_of_preferences_at_once_lose_none(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        async with open_ledger() as other:
            await asyncio.gather(
                *(
                    handle.preferences.change(ACCOUNT, ALICE, _with_number)
                    for _ in range(8)
                    for handle in (ledger, other)
                )
            )
        assert len((await ledger.preferences.get(ACCOUNT, ALICE)).user.excluded_numbers or ()) == 16

    async def test_no_preference_is_written_past_a_lock_set_at_the_same_time(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        def write_unless_locked(settings: AccountSettings, preferences: Preferences) -> Preferences:
            if settings.locked:
                raise PreferenceLocked(settings.locked)
            return _with_number(settings, preferences)

        has_written = asyncio.Event()

        async def count_writes(handle: Ledger) -> int:
            for count in range(1_000):
                try:
                    await handle.preferences.change(ACCOUNT, ALICE, write_unless_locked)
                except PreferenceLocked:
                    return count
                has_written.set()
            return 1_000

        await ledger.accounts.create(ACCOUNT, AccountSettings())
        async with open_ledger() as other:
            writing = asyncio.create_task(count_writes(other))
            await has_written.wait()
            await ledger.accounts.change(ACCOUNT, lambda settings: replace(settings, locked=("excluded_numbers",)))
            at_lock = (await ledger.preferences.get(ACCOUNT, ALICE)).user
            writes = await writing
        assert (await ledger.preferences.get(ACCOUNT, ALICE)).user == at_lock
        assert len(at_lock.excluded_numbers or ()) == writes

    async def test_effective_preferences_are_the_users_the_accounts_or_the_built_in_ones(self, ledger: Ledger) -> None:
        defaults = Preferences(wait_until_final=True, placeholder_name="Account")
        await ledger.accounts.create(ACCOUNT, AccountSettings(defaults=defaults))
        await ledger.preferences.change(ACCOUNT, ALICE, lambda _, user: replace(user, placeholder_name="User"))
        effective = (await ledger.preferences.get(ACCOUNT, ALICE)).effective
        assert (effective.placeholder_name, effective.wait_until_final, effective.auto_log_calls) == (
            "User",
            True,
            True,
        )

    async def test_preferences_are_of_the_settings_version_until_settings_or_preferences_change(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        async with open_ledger() as other:
            for _ in range(3):
                before = await ledger.preferences.get(ACCOUNT, ALICE)
                assert before.version == await ledger.settings_versions.current(ACCOUNT)
                await other.preferences.change(ACCOUNT, ALICE, _with_number)
                assert before.version != await ledger.settings_versions.current(ACCOUNT)
                before = await ledger.preferences.get(ACCOUNT, ALICE)
                await other.accounts.change(ACCOUNT, _with_format)
                assert before.version != await ledger.settings_versions.current(ACCOUNT)

    async def test_preferences_changed_through_another_handle_are_in_force_at_once(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        async with open_ledger() as other:
            for count in range(1, 20):
                await ledger.preferences.get(ACCOUNT, ALICE)
                await other.preferences.change(ACCOUNT, ALICE, _with_number)
                assert len((await ledger.preferences.get(ACCOUNT, ALICE)).user.excluded_numbers or ()) == count
