"""preferences.proto: preferences and settings, both ways. Of a request only the fields to be written are read."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leadline.v1 import preferences_pb2 as pb

from leadline_server.domain.numbers.phone_number import is_region, parse_number
from leadline_server.domain.preferences import (
    PREFERENCE_FIELDS,
    USER_ONLY_FIELDS,
    AccountSettings,
    EffectivePreferences,
    MultipleMatchAction,
    Preferences,
    UnknownContactAction,
)
from leadline_server.wire.call import DIRECTIONS, RESULTS
from leadline_server.wire.directory import own_number
from leadline_server.wire.violations import ID_LENGTH, NUMBER_LENGTH, Violations

PLACEHOLDER_NAME_LENGTH: Final = 128
CONTACT_TYPE_LENGTH: Final = 256
MAX_NUMBER_FORMATS: Final = 8
NUMBER_FORMAT_LENGTH: Final = 32
MAX_OWN_NUMBERS: Final = 1000
MAX_EXCLUDED_NUMBERS: Final = 1000

_LISTS: Final = frozenset({"excluded_directions", "excluded_results", "excluded_numbers"})
_UNKNOWN_CONTACT_ACTIONS: Final = {member.value: member for member in UnknownContactAction}
_MULTIPLE_MATCH_ACTIONS: Final = {member.value: member for member in MultipleMatchAction}

_is_prefix = re.compile(r"\+[1-9][0-9]{0,14}").fullmatch
_without_layout = {ord(mark): None for mark in " -./()\u00a0"}
_is_zone_name = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*").fullmatch


def preferences(check: Violations, path: str, message: pb.Preferences, names: Iterable[str]) -> Preferences:
    """The fields `names` of a message; absent ones are None.

    `excluded_numbers` stay as they were written: `with_region` reads them.
    """
    return Preferences(
        **{
            name: _READERS[name](check, f"{path}.{name}", getattr(message, name))
            for name in names
            if message.HasField(name)  # type: ignore[arg-type] # names of fields, found at run time
        }
    )


def with_region(check: Violations, path: str, values: Preferences, region: str | None) -> Preferences:
    """The preferences with `excluded_numbers` read in `region`; unread where that is unknown."""
    if not values.excluded_numbers or region is None:
        return values
    numbers = _excluded_numbers(check, f"{path}.excluded_numbers.values", values.excluded_numbers, region)
    return replace(values, excluded_numbers=numbers)


def with_own_numbers(check: Violations, path: str, values: AccountSettings, region: str | None) -> AccountSettings:
    """The settings with `own_numbers` read in `region`; unread if that is unknown."""
    if region is None:
        return values
    numbers = (own_number(check, f"{path}.own_numbers[{i}]", text, region) for i, text in enumerate(values.own_numbers))
    return replace(values, own_numbers=tuple(dict.fromkeys(number for number in numbers if number)))


def settings(check: Violations, path: str, message: pb.AccountSettings, fields: Iterable[str]) -> AccountSettings:
    """The fields of a message, `defaults.<name>` for those of the defaults; absent ones have their built-in values."""
    chosen = set(fields)
    names = [name for name in PREFERENCE_FIELDS if f"defaults.{name}" in chosen]
    values: dict[str, Any] = {"defaults": preferences(check, f"{path}.defaults", message.defaults, names)}
    if "locked" in chosen:
        values["locked"] = _locked(check, f"{path}.locked", message.locked)
    if "default_region" in chosen and message.HasField("default_region"):
        values["default_region"] = _region(check, f"{path}.default_region", message.default_region)
    if "time_zone" in chosen and message.HasField("time_zone"):
        values["time_zone"] = _time_zone(check, f"{path}.time_zone", message.time_zone)
    if "own_numbers" in chosen:
        values["own_numbers"] = _written_own_numbers(check, f"{path}.own_numbers", message.own_numbers)
    if "default_user_id" in chosen and message.HasField("default_user_id"):
        values["default_user_id"] = check.text(f"{path}.default_user_id", message.default_user_id)
    if "number_formats" in chosen:
        values["number_formats"] = _number_formats(check, f"{path}.number_formats", message.number_formats)
    if "create_without_log" in chosen:
        values["create_without_log"] = message.create_without_log
    return AccountSettings(**values)


def preferences_message(values: Preferences | EffectivePreferences) -> pb.Preferences:
    """The contract's form of preferences: what is None is absent."""
    fields = {name: value for name in PREFERENCE_FIELDS if (value := getattr(values, name)) is not None}
    for name in _LISTS & fields.keys():
        fields[name] = {"values": fields[name]}
    return pb.Preferences(**fields)


def settings_message(values: AccountSettings) -> pb.AccountSettings:
    """The contract's form of an account's settings."""
    return pb.AccountSettings(
        defaults=preferences_message(values.defaults),
        locked=values.locked,
        default_region=values.default_region,
        time_zone=values.time_zone,
        number_formats=values.number_formats,
        own_numbers=values.own_numbers,
        default_user_id=values.default_user_id or None,
        create_without_log=values.create_without_log,
    )


def sources_message(values: EffectivePreferences) -> dict[str, pb.PreferenceSource.ValueType]:
    """The level of each field, as the contract's map has it."""
    return {name: pb.PreferenceSource.ValueType(source) for name, source in values.sources.items()}


def _as_is(_check: Violations, _path: str, value: Any) -> Any:
    return value


def _member(members: Mapping[int, Any]) -> Callable[[Violations, str, Any], Any]:
    return lambda check, path, value: check.member(path, value, members)


def _members(members: Mapping[int, Any]) -> Callable[[Violations, str, Any], Any]:
    return lambda check, path, value: check.members(f"{path}.values", value.values, members)


def _text(limit: int) -> Callable[[Violations, str, Any], Any]:
    return lambda check, path, value: check.text(path, value, limit)


def _placeholder_name(check: Violations, path: str, value: str) -> str:
    name = value.strip()
    if not name:
        check.add(path, "A contact needs a name; leave the field absent to inherit one.")
    return check.text(path, name, PLACEHOLDER_NAME_LENGTH)


def _written_numbers(_check: Violations, _path: str, value: pb.PhoneNumberList) -> tuple[str, ...]:
    return tuple(value.values)


_READERS: Final[Mapping[str, Callable[[Violations, str, Any], Any]]] = {
    "auto_log_calls": _as_is,
    "unknown_contact_action": _member(_UNKNOWN_CONTACT_ACTIONS),
    "placeholder_name": _placeholder_name,
    "placeholder_contact_type": _text(CONTACT_TYPE_LENGTH),
    "multiple_match_action": _member(_MULTIPLE_MATCH_ACTIONS),
    "log_internal_calls": _as_is,
    "excluded_directions": _members(DIRECTIONS),
    "excluded_results": _members(RESULTS),
    "excluded_numbers": _written_numbers,
    "wait_until_final": _as_is,
    "distrust_failed_attestation": _as_is,
    "crm_user_id": _text(ID_LENGTH),
}


def _locked(check: Violations, path: str, names: Iterable[str]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in USER_ONLY_FIELDS:
            check.add(f"{path}[{index}]", "Users have this of their own; it cannot be locked.")
        elif name not in PREFERENCE_FIELDS:
            check.add(f"{path}[{index}]", "Not the name of a field of Preferences.")
    return tuple(sorted(set(names)))


def _region(check: Violations, path: str, code: str) -> str:
    if not is_region(code):
        check.add(path, "Must be an ISO 3166-1 code of two capital letters, such as GB.")
    return code


def _time_zone(check: Violations, path: str, name: str) -> str:
    try:
        is_known = bool(_is_zone_name(name)) and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones, such as "Europe"
        is_known = False
    if not is_known:
        check.add(path, "Must be an IANA time zone, such as Europe/London.")
    return name


def _written_own_numbers(check: Violations, path: str, texts: Iterable[str]) -> tuple[str, ...]:
    """The numbers as they are written; `with_own_numbers` reads them."""
    given = tuple(texts)
    if len(given) > MAX_OWN_NUMBERS:
        check.add(path, f"At most {MAX_OWN_NUMBERS} numbers; there are {len(given)}.")
        return ()
    return given


def _number_formats(check: Violations, path: str, patterns: Iterable[str]) -> tuple[str, ...]:
    unique = tuple(patterns)
    if len(unique) > MAX_NUMBER_FORMATS:
        check.add(path, f"At most {MAX_NUMBER_FORMATS} patterns; there are {len(unique)}.")
        return ()
    for index, pattern in enumerate(unique):
        check.text(f"{path}[{index}]", pattern, NUMBER_FORMAT_LENGTH)
        if "#" not in pattern:
            check.add(f"{path}[{index}]", "Needs at least one #, which stands for a digit.")
    return unique


def _excluded_numbers(check: Violations, field: str, texts: Sequence[str], region: str) -> tuple[str, ...]:
    """Numbers and prefixes as `domain.decision.is_excluded` compares them, each once.

    A number becomes E.164 without its extension, or stays a bare extension; a prefix becomes `+` with digits and `*`.
    """
    if len(texts) > MAX_EXCLUDED_NUMBERS:
        check.add(field, f"At most {MAX_EXCLUDED_NUMBERS} numbers; there are {len(texts)}.")
        return ()
    return tuple(dict.fromkeys(_pattern(check, f"{field}[{i}]", text, region) for i, text in enumerate(texts)))


def _pattern(check: Violations, field: str, text: str, region: str) -> str:
    if len(text) > NUMBER_LENGTH:
        check.add(field, f"At most {NUMBER_LENGTH} characters; there are {len(text)}.")
        return ""
    if text.rstrip().endswith("*"):
        return _prefix(check, field, text.rstrip()[:-1])
    number = parse_number(text, region)
    if not number.key:
        check.add(field, f"No phone number, extension or prefix, read in region {region}.")
    return number.e164 or number.extension


def _prefix(check: Violations, field: str, text: str) -> str:
    written = text.translate(_without_layout)
    prefix = f"+{written[2:]}" if written.startswith("00") else written
    if not _is_prefix(prefix):
        check.add(field, "A prefix needs its country code, such as +44800*.")
    return f"{prefix}*"
