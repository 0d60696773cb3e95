"""Preferences over three levels, with locks (docs/preferences.md)."""

from collections.abc import Mapping
from typing import Any, Final

from faults.model.decision import BUILT_IN
from leadline.v1 import preferences_pb2 as pb

FIELDS: Final = tuple(BUILT_IN)
_LISTS: Final = {"excluded_directions": "CALL_DIRECTION_", "excluded_results": "CALL_RESULT_", "excluded_numbers": ""}
_ENUMS: Final = {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_", "multiple_match_action": "MULTIPLE_MATCH_ACTION_"}


class PreferencesModel:
    """The preferences that the users and the administrator set; None is not kept."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.defaults: dict[str, Any] = {}
        self.locked: frozenset[str] = frozenset()

    def set_user(self, user: str, values: Mapping[str, Any]) -> bool:
        """False, changing nothing, if one of the fields is locked."""
        if self.locked & set(values):
            return False
        self.users[user] = _written(self.users.get(user, {}), values)
        return True

    def set_account(self, defaults: Mapping[str, Any], locked: frozenset[str] | None) -> None:
        self.defaults = _written(self.defaults, defaults)
        if locked is not None:
            self.locked = locked

    def in_force(self, user: str) -> dict[str, Any]:
        """A locked field has the account's value; a user's stored value reappears on unlock."""
        own = {name: value for name, value in self.users.get(user, {}).items() if name not in self.locked}
        return {**BUILT_IN, **self.defaults, **own}

    def source(self, user: str, name: str) -> str:
        if name in self.users.get(user, {}) and name not in self.locked:
            return "USER"
        return "ACCOUNT" if name in self.defaults else "BUILT_IN"

    def check(self, user: str, shown: Any) -> None:
        """Checks an answer of GetPreferences or UpdatePreferences."""
        in_force, own = self.in_force(user), self.users.get(user, {})
        for name in FIELDS:
            assert _read(shown.effective, name) == in_force[name], name
            assert (_read(shown.user, name) if shown.user.HasField(name) else None) == own.get(name), name
            assert pb.PreferenceSource.Name(shown.sources[name]) == f"PREFERENCE_SOURCE_{self.source(user, name)}", name
        assert set(shown.locked) == self.locked


def preferences_message(values: Mapping[str, Any]) -> pb.Preferences:
    """The values as they are sent; None is absent."""
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        if name in _LISTS:
            fields[name] = {"values": [_LISTS[name] + each for each in value]}
        else:
            fields[name] = _ENUMS[name] + value if name in _ENUMS else value
    return pb.Preferences(**fields)


def _written(known: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**known, **values}.items() if value is not None}


def _read(message: pb.Preferences, name: str) -> Any:
    value: Any = getattr(message, name)
    if name in _LISTS:
        kind: Any = message.DESCRIPTOR.fields_by_name[name].message_type
        enum = kind.fields_by_name["values"].enum_type
        return tuple(_name(enum, each, _LISTS[name]) for each in value.values)
    return _name(message.DESCRIPTOR.fields_by_name[name].enum_type, value, _ENUMS[name]) if name in _ENUMS else value


def _name(enum: Any, value: Any, prefix: str) -> Any:
    return value if enum is None else enum.values_by_number[value].name.removeprefix(prefix)
