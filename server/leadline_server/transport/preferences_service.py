"""PreferencesService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from leadline.v1 import preferences_pb2
from leadline.v1 import preferences_service_pb2 as pb
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceServicer

from leadline_server.audit.acting import PRINCIPAL
from leadline_server.commands import Commands
from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.commands.update_preferences import PreferencesUpdate
from leadline_server.domain.access.answers import shown_settings
from leadline_server.domain.numbers.numbering_rules import NumberingRules, numbering_rules
from leadline_server.domain.preferences import PREFERENCE_FIELDS, USER_ONLY_FIELDS, AccountSettings
from leadline_server.ports.ledger import PreferencesInForce
from leadline_server.transport.context import Context
from leadline_server.transport.endpoint import read_by_rules
from leadline_server.wire.preferences import (
    preferences,
    preferences_message,
    settings,
    settings_message,
    sources_message,
    with_own_numbers,
    with_rules,
)
from leadline_server.wire.violations import Violations

_DEFAULTS = tuple(f"defaults.{name}" for name in PREFERENCE_FIELDS if name not in USER_ONLY_FIELDS)
_OWN = tuple(field.name for field in fields(AccountSettings) if field.name != "defaults")
_SETTINGS_PATHS = {
    **{path: (path,) for path in (*_DEFAULTS, *_OWN)},
    "defaults": _DEFAULTS,
    "*": (*_DEFAULTS, *_OWN),
}
_PREFERENCES_PATHS = {**{name: (name,) for name in PREFERENCE_FIELDS}, "*": PREFERENCE_FIELDS}


def user_of(request: pb.GetPreferencesRequest) -> str:
    """Read GetPreferencesRequest: the user's id."""
    check = Violations()
    check.identifier("account_id", request.account_id)
    user_id = check.identifier("user_id", request.user_id)
    check.raise_any()
    return user_id


def account_of(request: pb.GetAccountSettingsRequest) -> str:
    """Read GetAccountSettingsRequest: the account's id."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    check.raise_any()
    return account_id


def preferences_update(request: pb.UpdatePreferencesRequest, rules: NumberingRules | None) -> PreferencesUpdate:
    """Read UpdatePreferencesRequest. `fields` names the fields to write. A field whose value is None inherits again."""
    check = Violations()
    check.identifier("account_id", request.account_id)
    user_id = check.identifier("user_id", request.user_id)
    paths = _masked(check, request.update_mask.paths, _PREFERENCES_PATHS) or _present(request.preferences)
    values = preferences(check, "preferences", request.preferences, paths)
    if values.excluded_numbers:
        values = with_rules(check, "preferences", values, rules)
    check.raise_any()
    return PreferencesUpdate(user_id=user_id, values=values, fields=paths)


def account_settings_update(
    request: pb.UpdateAccountSettingsRequest, rules: NumberingRules | None
) -> AccountSettingsUpdate:
    """Read UpdateAccountSettingsRequest. `fields` has every path in full, `defaults.<name>` for the defaults."""
    check = Violations()
    check.identifier("account_id", request.account_id)
    paths = _masked(check, request.update_mask.paths, _SETTINGS_PATHS) or _present_settings(request.settings)
    for name in USER_ONLY_FIELDS & set(_present(request.settings.defaults)):
        check.add(f"settings.defaults.{name}", "Each user has this of their own; an account has no default for it.")
    values = settings(check, "settings", request.settings, paths)
    rules = rules and _rules_after(rules, values, paths)
    if values.own_numbers:
        values = with_own_numbers(check, "settings", values, rules)
    if values.defaults.excluded_numbers:
        values = replace(values, defaults=with_rules(check, "settings.defaults", values.defaults, rules))
    check.raise_any()
    return AccountSettingsUpdate(settings=values, fields=paths)


def get_preferences_response(view: PreferencesInForce) -> pb.GetPreferencesResponse:
    """Write GetPreferencesResponse."""
    return pb.GetPreferencesResponse(**_view(view))


def update_preferences_response(view: PreferencesInForce) -> pb.UpdatePreferencesResponse:
    """Write UpdatePreferencesResponse."""
    return pb.UpdatePreferencesResponse(**_view(view))


def get_account_settings_response(values: AccountSettings) -> pb.GetAccountSettingsResponse:
    """Write GetAccountSettingsResponse."""
    return pb.GetAccountSettingsResponse(settings=settings_message(values))


def update_account_settings_response(values: AccountSettings) -> pb.UpdateAccountSettingsResponse:
    """Write UpdateAccountSettingsResponse."""
    return pb.UpdateAccountSettingsResponse(settings=settings_message(values))


def _rules_after(current: NumberingRules, values: AccountSettings, paths: Iterable[str]) -> NumberingRules:
    """How the account's numbers are read once these fields are written."""
    written = set(paths)
    return numbering_rules(
        values.default_region if "default_region" in written else current.region,
        values.extension_pattern if "extension_pattern" in written else current.extension_pattern,
        values.dial_prefixes if "dial_prefixes" in written else current.dial_prefixes,
    )


def _view(view: PreferencesInForce) -> dict[str, Any]:
    return {
        "effective": preferences_message(view.effective),
        "user": preferences_message(view.user),
        "sources": sources_message(view.effective),
        "locked": sorted(view.effective.locked),
    }


def _masked(check: Violations, paths: Iterable[str], known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The fields that a mask names, each once and in full; empty for an empty mask."""
    fields: dict[str, None] = {}
    for index, path in enumerate(paths):
        if path not in known:
            check.add(f"update_mask.paths[{index}]", "There is no such field to write.")
        fields.update(dict.fromkeys(known.get(path, ())))
    return tuple(fields)


def _present(message: preferences_pb2.Preferences) -> tuple[str, ...]:
    return tuple(field.name for field, _ in message.ListFields())


def _present_settings(message: preferences_pb2.AccountSettings) -> tuple[str, ...]:
    defaults = tuple(path for name in _present(message.defaults) if (path := f"defaults.{name}") in _SETTINGS_PATHS)
    return defaults + tuple(field.name for field, _ in message.ListFields() if field.name != "defaults")


class PreferencesServicer(PreferencesServiceServicer):
    """PreferencesService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def GetPreferences(self, request: pb.GetPreferencesRequest, context: Context) -> pb.GetPreferencesResponse:
        """Show the preferences of a user."""
        user_id = user_of(request)
        account = await self._commands.accounts.get(request.account_id)
        return get_preferences_response(await account.preferences(user_id))

    async def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: Context
    ) -> pb.UpdatePreferencesResponse:
        """Write preferences of a user."""
        account, update = await read_by_rules(self._commands.accounts, request, preferences_update)
        return update_preferences_response(await self._commands.update_preferences.execute(account, update))

    async def GetAccountSettings(
        self, request: pb.GetAccountSettingsRequest, context: Context
    ) -> pb.GetAccountSettingsResponse:
        """Show an account's settings."""
        account_id = account_of(request)
        account = await self._commands.accounts.get(account_id)
        return get_account_settings_response(shown_settings(PRINCIPAL.get(), account.settings))

    async def UpdateAccountSettings(
        self, request: pb.UpdateAccountSettingsRequest, context: Context
    ) -> pb.UpdateAccountSettingsResponse:
        """Write an account's settings."""
        account, update = await read_by_rules(self._commands.accounts, request, account_settings_update)
        settings = await self._commands.update_account_settings.execute(account, update)
        return update_account_settings_response(settings)
