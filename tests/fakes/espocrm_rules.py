"""The rules of EspoCRM for a request, by its source."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import phonenumbers
from aiohttp import web

from fakes.records import Fields, Record

CALLS: Final = "Call"
PERSONS: Final = ("Contact", "Lead")
MOST: Final = 200  # records a page (recordListMaxSizeLimit)

NAME_LENGTH: Final = 100
PHONE_LENGTH: Final = 36
BAD_CHARACTERS: Final = re.compile(r"[<>=]")  # regExpPatterns.json: noBadCharacters
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def failed_answer(status: int, reason: str, body: Fields | None = None) -> web.Response:
    headers = {"X-Status-Reason": re.sub(r"[^ \t\x21-\x7e]", " ", reason)} if reason else {}
    return (
        web.Response(status=status, headers=headers)
        if body is None
        else web.json_response(body, status=status, headers=headers)
    )


def invalid_answer(table: str, field: str, kind: str) -> web.Response:
    words = {"label": "validationFailure", "data": {"field": field, "type": kind}}
    reason = f"Field validation failure; entityType: {table}, field: {field}, type: {kind}."
    return failed_answer(400, reason, {"messageTranslation": words})


def person_refused(table: str, body: Fields) -> web.Response | None:
    if not body.get("lastName"):
        return invalid_answer(table, "lastName", "required")
    for field in ("firstName", "lastName"):
        if len(body.get(field) or "") > NAME_LENGTH:
            return invalid_answer(table, field, "maxLength")
    for field in ("firstName", "lastName", "accountName"):
        if BAD_CHARACTERS.search(body.get(field) or ""):
            return invalid_answer(table, field, "pattern")
    return address_refused(table, body.get("phoneNumber") or "", body.get("emailAddress") or "")


def address_refused(table: str, number: str, email: str) -> web.Response | None:
    if len(number) > PHONE_LENGTH:
        return invalid_answer(table, "phoneNumber", "maxLength")
    if email and not EMAIL.fullmatch(email):
        return invalid_answer(table, "emailAddress", "emailAddress")
    return invalid_answer(table, "phoneNumber", "valid") if number and not is_international(number) else None


def is_international(text: str) -> bool:
    """The default of new systems (phoneNumberInternational): E.164, and possible in its plan."""
    try:
        number = phonenumbers.parse(text.strip())
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number)


def call_refused(body: Fields) -> web.Response | None:
    name = body.get("name", "x")
    if not name or len(name) > 255 or BAD_CHARACTERS.search(name):
        return invalid_answer(CALLS, "name", "pattern" if name else "required")
    if body.get("status", "Held") not in {"Planned", "Held", "Not Held"}:
        return invalid_answer(CALLS, "status", "valid")
    if body.get("direction", "Inbound") not in {"Inbound", "Outbound"}:
        return invalid_answer(CALLS, "direction", "valid")
    if not all(TIME.fullmatch(body.get(field, "2026-01-01 00:00:00")) for field in ("dateStart", "dateEnd")):
        return invalid_answer(CALLS, "dateStart", "valid")
    return None


def digits_of(number: str) -> str:
    return re.sub(r"[^0-9]", "", number)


def names_of(fields: Fields) -> list[str]:
    first, last = fields.get("firstName") or "", fields.get("lastName") or ""
    return [first, last, f"{first} {last}".strip(), f"{last} {first}".strip()]


def equal_text(value: str) -> Callable[[str], bool]:
    return lambda text: text.casefold() == value.casefold()


def like_text(pattern: str) -> Callable[[str], bool]:
    """SQL's LIKE in MySQL, by a collation without case."""
    parts = {"%": ".*", "_": "."}
    found = re.compile("".join(parts.get(char) or re.escape(char) for char in pattern), re.DOTALL | re.IGNORECASE)
    return lambda text: found.fullmatch(text) is not None


def listed(table: str, record: Record) -> Fields:
    """A record in a list: of its numbers, the first alone."""
    fields = {name: value for name, value in record.fields.items() if name != "numbers"}
    fields |= {
        "id": record.id,
        "createdAt": time_text(record.created),
        "modifiedAt": time_text(record.changed),
        "modifiedById": None if record.changed == record.created else "somebody",
        "deleted": False,
    }
    if table in PERSONS:
        numbers = record.fields["numbers"]
        fields |= {"name": names_of(record.fields)[2], "phoneNumber": numbers[0] if numbers else None}
    return fields


def whole_number(table: str, record: Record) -> Fields:
    fields = listed(table, record)
    if table in PERSONS:
        fields["phoneNumberData"] = [
            {"phoneNumber": number, "primary": not index, "type": "Mobile", "optOut": False, "invalid": False}
            for index, number in enumerate(record.fields["numbers"])
        ]
    return fields


def time_text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
