"""preferences_service.proto: requests of PreferencesService read, its answers written."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from leadline.v1 import preferences_pb2
from leadline.v1 import preferences_service_pb2 as pb

from leadline_server.commands.get_preferences import PreferencesView
from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.commands.update_preferences import PreferencesUpdate
from leadline_server.domain.preferences import PREFERENCE_FIELDS, USER_ONLY_FIELDS, AccountSettings
from leadline_server.transport.mapping.numbers import Regions, region_of
from leadline_server.transport.mapping.preferences import (
    preferences,
    preferences_message,
    settings,
    settings_message,
    sources_message,
    with_region,
)
from leadline_server.transport.mapping.violations import Violations

_DEFAULTS = tuple(f"defaults.{name}" for name in PREFERENCE_FIELDS if name not in USER_ONLY_FIELDS)
_OWN = ("locked", "default_region", "time_zone", "number_formats", "caller_id_prefixes")
_SETTINGS_PATHS = {
    **{path: (path,) for path in (*_DEFAULTS, *_OWN)},
    "defaults": _DEFAULTS,
    "*": (*_DEFAULTS, *_OWN),
}
_PREFERENCES_PATHS = {**{name: (name,) for name in PREFERENCE_FIELDS}, "*": PREFERENCE_FIELDS}


def user_of(request: pb.GetPreferencesRequest) -> tuple[str, str]:
    """Read GetPreferencesRequest: the account's id and the user's."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.identifier("user_id", request.user_id)
    check.raise_any()
    return account_id, user_id


def account_of(request: pb.GetAccountSettingsRequest) -> str:
    """Read GetAccountSettingsRequest: the account's id."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    check.raise_any()
    return account_id


async def preferences_update(request: pb.UpdatePreferencesRequest, regions: Regions) -> PreferencesUpdate:
    """Read UpdatePreferencesRequest. `fields` names what is written; what is None among it inherits again."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.identifier("user_id", request.user_id)
    fields = _masked(check, request.update_mask.paths, _PREFERENCES_PATHS) or _present(request.preferences)
    values = preferences(check, "preferences", request.preferences, fields)
    if values.excluded_numbers:
        region = await region_of(account_id, regions, check)
        values = with_region(check, "preferences", values, region)
    check.raise_any()
    return PreferencesUpdate(account_id=account_id, user_id=user_id, values=values, fields=fields)


async def account_settings_update(request: pb.UpdateAccountSettingsRequest, regions: Regions) -> AccountSettingsUpdate:
    """Read UpdateAccountSettingsRequest. `fields` has every path in full, `defaults.<name>` for the defaults."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    fields = _masked(check, request.update_mask.paths, _SETTINGS_PATHS) or _present_settings(request.settings)
    for name in USER_ONLY_FIELDS & set(_present(request.settings.defaults)):
        check.add(f"settings.defaults.{name}", "Each user has this of their own; an account has no default for it.")
    values = settings(check, "settings", request.settings, fields)
    if values.defaults.excluded_numbers:
        current = await region_of(account_id, regions, check)
        region = values.default_region if "default_region" in fields else current
        values = replace(values, defaults=with_region(check, "settings.defaults", values.defaults, region))
    check.raise_any()
    return AccountSettingsUpdate(account_id=account_id, settings=values, fields=fields)


def get_preferences_response(view: PreferencesView) -> pb.GetPreferencesResponse:
    """Write GetPreferencesResponse."""
    return pb.GetPreferencesResponse(**_view(view))


def update_preferences_response(view: PreferencesView) -> pb.UpdatePreferencesResponse:
    """Write UpdatePreferencesResponse."""
    return pb.UpdatePreferencesResponse(**_view(view))


def get_account_settings_response(values: AccountSettings) -> pb.GetAccountSettingsResponse:
    """Write GetAccountSettingsResponse."""
    return pb.GetAccountSettingsResponse(settings=settings_message(values))


def update_account_settings_response(values: AccountSettings) -> pb.UpdateAccountSettingsResponse:
    """Write UpdateAccountSettingsResponse."""
    return pb.UpdateAccountSettingsResponse(settings=settings_message(values))


def _view(view: PreferencesView) -> dict[str, Any]:
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
