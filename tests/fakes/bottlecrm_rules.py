"""The rules of BottleCRM for a request, by its source."""

import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import phonenumbers

from fakes.records import Fields

LENGTHS: Final = {
    "first_name": 255,
    "last_name": 255,
    "organization": 255,
    "company_name": 255,
    "phone": 25,
    "source_ref": 255,
}
INTERACTION_LENGTHS: Final = {"subject": 200, "body": 10_000}
PHONE: Final = re.compile(r"[\d\s\-\(\)\+\.]{7,25}")
OUTCOMES: Final = {"connected", "no_answer", "voicemail", "busy", "wrong_number", ""}
FIXED: Final = {"kind", "contact", "lead", "home"}
REGION: Final = "US"  # the organisation's default_country
FUTURE: Final = timedelta(minutes=5)
CALL_ID: Final = re.compile(r"^Call id: (.*)$", re.MULTILINE)


def trimmed(body: Fields) -> Fields:
    """Texts without white space around them, as CharField takes them."""
    return {name: value.strip() if isinstance(value, str) else value for name, value in body.items()}


def field_errors(body: Fields, lengths: dict[str, int], required: Sequence[str]) -> Fields:
    errors: Fields = {name: ["This field is required."] for name in required if not body.get(name)}
    for name, value in body.items():
        if isinstance(value, str) and len(value) > lengths.get(name, 1_000_000):
            errors[name] = [f"Ensure this field has no more than {lengths[name]} characters."]
        if isinstance(value, str) and "\0" in value:
            errors[name] = ["Null characters are not allowed."]
    return errors


def interaction_errors(body: Fields) -> Fields:
    if body.get("direction", "inbound") not in {"inbound", "outbound"}:
        return {"direction": ["Not a valid choice."]}
    if body.get("outcome", "") not in OUTCOMES:
        return {"outcome": ["Not a valid choice."]}
    duration = body.get("duration_seconds")
    if duration is not None and not (isinstance(duration, int) and duration >= 0):
        return {"duration_seconds": ["A valid integer is required."]}
    if "occurred_at" in body and datetime.fromisoformat(body["occurred_at"]) > datetime.now(UTC) + FUTURE:
        return {"occurred_at": ["This is more than five minutes in the future."]}
    return {}


def is_uuid(text: Any) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def same_number(phone: str) -> Callable[[str], bool]:
    """duplicate_detection.duplicate_query: the same E.164 number, or the same last ten digits at the end."""
    digits, e164 = re.sub(r"\D", "", phone)[-10:], e164_of(phone)
    body = "[^0-9]*".join(digits) + "[^0-9]*$"
    pattern = re.compile(body if len(digits) == 10 else "^[^0-9]*" + body) if len(digits) >= 7 else None
    return lambda stored: bool((e164 and e164_of(stored) == e164) or (pattern and pattern.search(stored)))


def e164_of(text: str) -> str:
    """common/phones.py: to_e164."""
    try:
        number = phonenumbers.parse(text.strip(), REGION)
    except phonenumbers.NumberParseException:
        return ""
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else ""
