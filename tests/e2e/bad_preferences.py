"""Bad requests of PreferencesService, and what each must be answered with."""

from typing import Final

from e2e.bad_requests import ADA, BELL, FAILED_PRECONDITION, LOCKED, LONG_ID, Bad, ids


def _settings(what: str, field: str, value: str) -> Bad:
    return Bad(what, "UpdateAccountSettings", {"settings": {field: value}}, {f"settings.{field}"})


PREFERENCES_REQUESTS: Final = [
    *ids("GetPreferences", "user_id"),
    *ids("UpdatePreferences", "user_id"),
    Bad(
        "paths of a mask that name no field",
        "UpdatePreferences",
        {"update_mask": {"paths": ["auto_log_calls", "nonsense", "preferences.auto_log_calls", ""]}},
        {"update_mask.paths[1]", "update_mask.paths[2]", "update_mask.paths[3]"},
    ),
    Bad(
        "everything at once",
        "UpdatePreferences",
        {
            "preferences": {
                "unknown_contact_action": 0,
                "placeholder_name": " ",
                "placeholder_contact_type": "t" * 257,
                "multiple_match_action": 9,
                "placeholder_name_format": 4,
                "excluded_directions": {"values": [1, 0, 7]},
                "excluded_results": {"values": [99]},
                "excluded_numbers": {"values": [ADA, "hello", "anonymous", "1900*", "1" * 65]},
                "crm_user_id": LONG_ID,
            }
        },
        {
            *("preferences.unknown_contact_action", "preferences.placeholder_name", "preferences.crm_user_id"),
            *("preferences.placeholder_contact_type", "preferences.multiple_match_action"),
            "preferences.placeholder_name_format",
            *("preferences.excluded_directions.values[1]", "preferences.excluded_directions.values[2]"),
            *("preferences.excluded_results.values[0]", "preferences.excluded_numbers.values[1]"),
            *(f"preferences.excluded_numbers.values[{index}]" for index in (2, 3, 4)),
        },
    ),
    Bad(
        "too long a name for placeholders",
        "UpdatePreferences",
        {"preferences": {"placeholder_name": "n" * 129}},
        {"preferences.placeholder_name"},
    ),
    Bad(
        "too many excluded numbers",
        "UpdatePreferences",
        {"preferences": {"excluded_numbers": {"values": [ADA] * 1001}}},
        {"preferences.excluded_numbers.values"},
    ),
    *[
        Bad(what, "UpdatePreferences", fields, set(), "PREFERENCE_LOCKED", FAILED_PRECONDITION)
        for what, fields in (
            ("a locked field", {"preferences": {LOCKED: True, "auto_log_calls": False}}),
            ("a mask with a locked field", {"update_mask": {"paths": ["auto_log_calls", LOCKED]}}),
            ("a mask of everything", {"update_mask": {"paths": ["*"]}}),
        )
    ],
    *ids("GetAccountSettings"),
    *ids("UpdateAccountSettings"),
    Bad(
        "paths of a mask that name no field",
        "UpdateAccountSettings",
        {"update_mask": {"paths": ["locked", "defaults.nonsense", "nonsense", "defaults.crm_user_id"]}},
        {"update_mask.paths[1]", "update_mask.paths[2]", "update_mask.paths[3]"},
    ),
    *[_settings(f"the region {region!r}", "default_region", region) for region in ("", "XX", "us", "USA", "001")],
    *[
        _settings(f"the time zone {zone!r}", "time_zone", zone)
        for zone in ("", "Mars/Olympus", "Europe", "../UTC", "/etc/localtime", "UTC+1")
    ],
    Bad(
        "too many number formats",
        "UpdateAccountSettings",
        {"settings": {"number_formats": ["###"] * 9}},
        {"settings.number_formats"},
    ),
    *[
        _settings(f"the extension pattern {pattern!r}", "extension_pattern", pattern)
        for pattern in (r"\d{2,6}", "1", "1xx;2xx", "123456789", "1xx," * 200, BELL)
    ],
    Bad(
        "too many dial prefixes",
        "UpdateAccountSettings",
        {"settings": {"dial_prefixes": [str(i) for i in range(9)]}},
        {"settings.dial_prefixes"},
    ),
    Bad(
        "too many caller-ID prefixes",
        "UpdateAccountSettings",
        {"settings": {"caller_id_prefixes": ["Acme"] * 101}},
        {"settings.caller_id_prefixes"},
    ),
    Bad(
        "everything at once",
        "UpdateAccountSettings",
        {
            "settings": {
                "defaults": {"placeholder_name": "", "crm_user_id": "u1", "excluded_results": {"values": [0]}},
                "locked": ["auto_log_calls", "nonsense", "crm_user_id"],
                "default_region": "XX",
                "time_zone": "Mars/Olympus",
                "number_formats": ["(###) ###-####", "no digits", "#" * 33],
                "extension_pattern": "[1-4]xx",
                "dial_prefixes": ["9", "", "12345"],
                "caller_id_prefixes": ["SALES:", "", "p" * 65],
            }
        },
        {
            *("settings.defaults.placeholder_name", "settings.defaults.crm_user_id"),
            *("settings.defaults.excluded_results.values[0]", "settings.locked[1]", "settings.locked[2]"),
            *("settings.default_region", "settings.time_zone"),
            *("settings.number_formats[1]", "settings.number_formats[2]", "settings.extension_pattern"),
            *("settings.dial_prefixes[1]", "settings.dial_prefixes[2]"),
            *("settings.caller_id_prefixes[1]", "settings.caller_id_prefixes[2]"),
        },
    ),
]
