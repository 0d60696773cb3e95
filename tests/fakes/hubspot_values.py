"""The values that HubSpot accepts for properties, and how it stores them."""

import re
from collections.abc import Mapping
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException

CONTACT_PROPERTIES: Final = frozenset(
    [
        "firstname",
        "lastname",
        "email",
        "phone",
        "mobilephone",
        "company",
        "jobtitle",
        "lifecyclestage",
        "hs_whatsapp_phone_number",
        "hubspot_owner_id",
        "notes_last_updated",
        "hs_searchable_calculated_phone_number",
        "hs_searchable_calculated_mobile_number",
        "createdate",
        "lastmodifieddate",
        "hs_object_id",
    ]
)
CALL_PROPERTIES: Final = frozenset(
    [
        "hs_timestamp",
        "hs_call_title",
        "hs_call_body",
        "hs_call_direction",
        "hs_call_duration",
        "hs_call_from_number",
        "hs_call_to_number",
        "hs_call_recording_url",
        "hs_call_status",
        "hs_call_disposition",
        "hs_call_source",
        "hs_call_external_id",
        "hs_call_callee_object_id",
        "hs_call_callee_object_type_id",
        "hubspot_owner_id",
        "hs_activity_type",
        "hs_object_id",
        "createdate",
        "hs_lastmodifieddate",
    ]
)

STAGES: Final = frozenset(
    [
        "subscriber",
        "lead",
        "marketingqualifiedlead",
        "salesqualifiedlead",
        "opportunity",
        "customer",
        "evangelist",
        "other",
    ]
)
_OPTIONS: Final = {
    "lifecyclestage": STAGES,
    "hs_call_direction": frozenset({"INBOUND", "OUTBOUND"}),
    "hs_call_source": frozenset({"INTEGRATIONS_PLATFORM"}),
    "hs_call_status": frozenset(
        [
            "BUSY",
            "CALLING_CRM_USER",
            "CANCELED",
            "COMPLETED",
            "CONNECTING",
            "FAILED",
            "IN_PROGRESS",
            "NO_ANSWER",
            "QUEUED",
            "RINGING",
        ]
    ),
    "hs_call_disposition": frozenset(
        {
            "9d9162e7-6cf3-4944-bf63-4dff82258764",
            "f240bbac-87c9-4f6e-bf70-924b57d47db7",
            "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
            "b2cf5968-551e-4856-9783-52b3da59a7d0",
            "73a0d17f-1163-4015-bdd5-ec830791da20",
            "17b47fee-58de-441e-a44c-c6300d46f273",
        }
    ),
}
_NUMERIC: Final = frozenset({"hs_call_duration", "hubspot_owner_id"})
_LONGEST: Final = 65_536
_EMAIL: Final = r"[^@\s]+@[^@\s]+\.[^@\s]+"

_SEARCHABLE: Final = {
    "phone": "hs_searchable_calculated_phone_number",
    "mobilephone": "hs_searchable_calculated_mobile_number",
}


def problems(values: Mapping[str, str], known: frozenset[str]) -> list[tuple[str, str]]:
    """The problems of properties that a client sets: codes and sentences, which repeat the values."""
    found = list[tuple[str, str]]()
    for name, value in values.items():
        if name not in known:
            found.append(("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
        elif problem := _problem(name, value):
            found.append(problem)
    return found


def _problem(name: str, value: str) -> tuple[str, str] | None:
    """The problem of a value. An empty value clears the property."""
    if len(value) > _LONGEST:
        return "VALUE_TOO_LONG", f"{name} is longer than {_LONGEST} characters"
    if not value:
        return None
    rules = {
        "INVALID_OPTION": value not in _OPTIONS.get(name, {value}),
        "INVALID_NUMBER": name in _NUMERIC and not value.isdecimal(),
        "INVALID_URL": name == "hs_call_recording_url" and not value.startswith("https://"),
        "INVALID_EMAIL": name == "email" and re.fullmatch(_EMAIL, value) is None,
    }
    broken = [code for code, is_broken in rules.items() if is_broken]
    return (broken[0], f"{value} is not a valid value of {name}") if broken else None


def calculated(values: Mapping[str, str]) -> dict[str, str]:
    """The properties that HubSpot calculates of those that change."""
    return {_SEARCHABLE[name]: _searchable(value) for name, value in values.items() if name in _SEARCHABLE}


def _searchable(text: str) -> str:
    """The national number as a number, read as one of the account's country where it says no country."""
    try:
        return str(phonenumbers.parse(text, "US").national_number)
    except NumberParseException:
        return "".join(char for char in text if char.isdecimal()).lstrip("0")
