"""preferences.proto: preferences and settings, both ways. Only those fields of a request are read that it writes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leadline.v1 import preferences_pb2 as pb

from leadline_server.domain.caller_id import MAX_PREFIXES
from leadline_server.domain.numbers.numbering_rules import (
    MAX_DIAL_PREFIXES,
    NumberingRules,
    read_dial_prefix,
    read_extension_pattern,
)
from leadline_server.domain.numbers.phone_number import is_region
from leadline_server.domain.placeholder_bounds import MAX_PLACEHOLDER_LIMIT
from leadline_server.domain.preferences import (
    PREFERENCE_FIELDS,
    USER_ONLY_FIELDS,
    AccountSettings,
    EffectivePreferences,
    MultipleMatchAction,
    PlaceholderNameFormat,
    Preferences,
    UnknownContactAction,
)
from leadline_server.wire.call import DIRECTIONS, RESULTS
from leadline_server.wire.directory import own_number
from leadline_server.wire.numbers import excluded_numbers
from leadline_server.wire.violations import Violations

PLACEHOLDER_NAME_LENGTH: Final = 128
CONTACT_TYPE_LENGTH: Final = 256
MAX_NUMBER_FORMATS: Final = 8
NUMBER_FORMAT_LENGTH: Final = 32
CALLER_ID_PREFIX_LENGTH: Final = 64
MAX_OWN_NUMBERS: Final = 1000
EXTENSION_PATTERN_LENGTH: Final = 640
"""Characters of an extension pattern as it is written."""

_COUNTS: Final[Mapping[str, int]] = {
    "placeholder_limit_per_hour": MAX_PLACEHOLDER_LIMIT,
    "placeholder_limit_per_day": MAX_PLACEHOLDER_LIMIT,
    "placeholder_limit_per_user_per_hour": MAX_PLACEHOLDER_LIMIT,
    "placeholder_limit_per_user_per_day": MAX_PLACEHOLDER_LIMIT,
    "placeholder_unattested_percent": 100,
}
"""The numbers among the settings, each with the largest that it may be."""

_LISTS: Final = frozenset({"excluded_directions", "excluded_results", "excluded_numbers"})
_UNKNOWN_CONTACT_ACTIONS: Final = {member.value: member for member in UnknownContactAction}
_MULTIPLE_MATCH_ACTIONS: Final = {member.value: member for member in MultipleMatchAction}
_NAME_FORMATS: Final = {member.value: member for member in PlaceholderNameFormat}

_is_zone_name = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*").fullmatch


def preferences(check: Violations, path: str, message: pb.Preferences, names: Iterable[str]) -> Preferences:
    """The fields `names` of a message; absent ones are None.

    `excluded_numbers` stay as they were written: `with_rules` reads them.
    """
    return Preferences(
        **{
            name: _READERS[name](check, f"{path}.{name}", getattr(message, name))
            for name in names
            if message.HasField(name)  # type: ignore[arg-type] # names of fields, found at run time
        }
    )


def with_rules(check: Violations, path: str, values: Preferences, rules: NumberingRules | None) -> Preferences:
    """The preferences with `excluded_numbers` read by the account's rules. Without rules they stay as written."""
    if not values.excluded_numbers or rules is None:
        return values
    numbers = excluded_numbers(check, f"{path}.excluded_numbers.values", values.excluded_numbers, rules)
    return replace(values, excluded_numbers=numbers)


def with_own_numbers(
    check: Violations, path: str, values: AccountSettings, rules: NumberingRules | None
) -> AccountSettings:
    """The settings with `own_numbers` read by the account's rules. Without rules they stay as written."""
    if rules is None:
        return values
    numbers = (own_number(check, f"{path}.own_numbers[{i}]", text, rules) for i, text in enumerate(values.own_numbers))
    return replace(values, own_numbers=tuple(dict.fromkeys(number for number in numbers if number)))


_SWITCHES: Final = frozenset({"create_without_log", "join_linked_calls"})


def settings(check: Violations, path: str, message: pb.AccountSettings, fields: Iterable[str]) -> AccountSettings:
    """The fields of a message, `defaults.<name>` for those of the defaults; absent ones have their built-in values."""
    chosen = set(fields)
    names = [name for name in PREFERENCE_FIELDS if f"defaults.{name}" in chosen]
    values: dict[str, Any] = {"defaults": preferences(check, f"{path}.defaults", message.defaults, names)}
    if "locked" in chosen:
        values["locked"] = _locked(check, f"{path}.locked", message.locked)
    if "default_region" in chosen and message.HasField("default_region"):
        values["default_region"] = region(check, f"{path}.default_region", message.default_region)
    if "time_zone" in chosen and message.HasField("time_zone"):
        values["time_zone"] = time_zone(check, f"{path}.time_zone", message.time_zone)
    if "default_user_id" in chosen and message.HasField("default_user_id"):
        values["default_user_id"] = check.optional_id(f"{path}.default_user_id", message.default_user_id)
    if "extension_pattern" in chosen and message.HasField("extension_pattern"):
        values["extension_pattern"] = _extension_pattern(check, f"{path}.extension_pattern", message.extension_pattern)
    values |= {name: getattr(message, name) for name in _SWITCHES & chosen}
    for name, most in _COUNTS.items():
        if name in chosen and message.HasField(name):  # type: ignore[arg-type] # names of fields, found at run time
            values[name] = check.count(f"{path}.{name}", getattr(message, name), most)
    for name in _LIST_READERS.keys() & chosen:
        values[name] = _LIST_READERS[name](check, f"{path}.{name}", getattr(message, name))
    return AccountSettings(**values)


def preferences_message(values: Preferences | EffectivePreferences) -> pb.Preferences:
    """The message of preferences. A field that is None is absent."""
    fields = {name: value for name in PREFERENCE_FIELDS if (value := getattr(values, name)) is not None}
    for name in _LISTS & fields.keys():
        fields[name] = {"values": fields[name]}
    return pb.Preferences(**fields)


def settings_message(values: AccountSettings) -> pb.AccountSettings:
    """The message of an account's settings."""
    return pb.AccountSettings(
        defaults=preferences_message(values.defaults),
        locked=values.locked,
        default_region=values.default_region,
        time_zone=values.time_zone,
        number_formats=values.number_formats,
        extension_pattern=values.extension_pattern or None,
        dial_prefixes=values.dial_prefixes,
        own_numbers=values.own_numbers,
        default_user_id=values.default_user_id or None,
        create_without_log=values.create_without_log,
        join_linked_calls=values.join_linked_calls,
        caller_id_prefixes=values.caller_id_prefixes,
        **{name: getattr(values, name) for name in _COUNTS},
    )


def sources_message(values: EffectivePreferences) -> dict[str, pb.PreferenceSource.ValueType]:
    """The level that each field comes from: {"auto_log_calls": PREFERENCE_SOURCE_USER}."""
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
    "crm_user_id": lambda check, path, value: check.optional_id(path, value),
    "placeholder_name_format": _member(_NAME_FORMATS),
}


def _locked(check: Violations, path: str, names: Iterable[str]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in USER_ONLY_FIELDS:
            check.add(f"{path}[{index}]", "Users have this of their own; it cannot be locked.")
        elif name not in PREFERENCE_FIELDS:
            check.add(f"{path}[{index}]", "Not the name of a field of Preferences.")
    return tuple(sorted(set(names)))


def region(check: Violations, path: str, code: str) -> str:
    """A region's code."""
    if not is_region(code):
        check.add(path, "Must be an ISO 3166-1 code of two capital letters, such as GB.")
    return code


def time_zone(check: Violations, path: str, name: str) -> str:
    """A time zone's name."""
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


def _extension_pattern(check: Violations, path: str, text: str) -> str:
    try:
        return read_extension_pattern(check.text(path, text, EXTENSION_PATTERN_LENGTH))
    except ValueError as error:
        check.add(path, str(error))
        return ""


def _dial_prefixes(check: Violations, path: str, texts: Iterable[str]) -> tuple[str, ...]:
    written = tuple(texts)
    if len(written) > MAX_DIAL_PREFIXES:
        check.add(path, f"At most {MAX_DIAL_PREFIXES} prefixes; there are {len(written)}.")
        return ()
    found: dict[str, None] = {}
    for index, text in enumerate(written):
        try:
            found[read_dial_prefix(text)] = None
        except ValueError as error:
            check.add(f"{path}[{index}]", str(error))
    return tuple(found)


def _caller_id_prefixes(check: Violations, path: str, prefixes: Sequence[str]) -> tuple[str, ...]:
    """The prefixes, each once and without outer blanks: a phone system's `SALES: ` is found in `SALES:Jane Roe`."""
    if len(prefixes) > MAX_PREFIXES:
        check.add(path, f"At most {MAX_PREFIXES} prefixes; there are {len(prefixes)}.")
        return ()
    stripped = [prefix.strip() for prefix in prefixes]
    for index, prefix in enumerate(stripped):
        if not prefix:
            check.add(f"{path}[{index}]", "Must not be blank.")
        check.text(f"{path}[{index}]", prefix, CALLER_ID_PREFIX_LENGTH)
    return tuple(dict.fromkeys(stripped))


_LIST_READERS: Final[Mapping[str, Callable[[Violations, str, Sequence[str]], tuple[str, ...]]]] = {
    "own_numbers": _written_own_numbers,
    "dial_prefixes": _dial_prefixes,
    "number_formats": _number_formats,
    "caller_id_prefixes": _caller_id_prefixes,
}
"""The repeated fields of AccountSettings, but for `locked`."""
