"""Sample values of templates, so that a definition is tested before the first call."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.definition import Definition, Variable
from leadline_server.crm.toolkit.call_text import BEGIN, END
from leadline_server.crm.toolkit.field_values import Values, of_number
from leadline_server.domain.call import Attestation, Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.ports.crm import LogEntry

_START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_NUMBER: Final = parse_number("+12025550147", "US")
_EXTENSION: Final = parse_number("101", "US")
_FULL: Final = Call(
    id="call-1",
    linked_id="conversation-1",
    direction=CallDirection.INBOUND,
    caller=Party(phone_number="+12025550147", name="Ada Lovelace"),
    callee=Party(extension="101", user_id="alice"),
    start_time=_START,
    answer_time=_START + timedelta(seconds=5),
    end_time=_START + timedelta(seconds=65),
    result=CallResult.ANSWERED,
    disposition="Interested",
    subject="A call",
    note="A note",
    recording_url="https://recordings.example/1",
    voicemail_url="https://recordings.example/2",
    summary="A summary",
    transcript="A transcript",
    attestation=Attestation.A,
    is_final=True,
    attributes={"campaign": "spring"},
)
_EXISTING: Final = f"{BEGIN}\nA call\n{END}"


def samples(definition: Definition, operation: str) -> Iterator[Values]:
    """Sample values of an operation: with every optional value, and with almost none."""
    is_separate = definition.separate_types or operation in {"create_contact", "contact_fields"}
    names = list(definition.types) if definition.types and is_separate else [""]
    for is_full in (True, False):
        for name in names:
            yield {
                **_variables(definition.variables, is_full=is_full),
                "type": template_values.of_type(name, definition.types.get(name)),
                **_of(definition, operation, is_full=is_full),
            }


def variables_of(definition: Definition, *, is_full: bool) -> Values:
    """Sample values of all variables, including the secret ones."""
    return {name: _value(variable, is_full=is_full) for name, variable in definition.variables.items()}


def _variables(variables: Mapping[str, Variable], *, is_full: bool) -> Values:
    return {name: _value(variable, is_full=is_full) for name, variable in variables.items() if not variable.secret}


def _value(variable: Variable, *, is_full: bool) -> str | bool:
    if variable.kind == "flag":
        return is_full
    if not is_full and isinstance(variable.default, str):
        return variable.default
    return "https://crm.example.com" if variable.kind == "address" else "sample"


def _of(definition: Definition, operation: str, *, is_full: bool) -> Values:
    number = _NUMBER if is_full else _EXTENSION
    ids: Values = {"contact_id": "id-1", "log_id": "id-2", "key": "key-1"}
    match operation:
        case "find_contacts" | "find_extensions":
            return {**_of_lookup(number), **template_values.PAGING}
        case "search_contacts":
            return {"query": "Ada Lovelace", "word": "Lovelace", **template_values.PAGING}
        case "create_contact":
            details = ("ada@example.com", "Acme") if is_full else ("", "")
            draft = ContactDraft(
                name="Ada Lovelace" if is_full else "Ada",
                phone_number=number,
                email=details[0],
                company=details[1],
                is_placeholder=not is_full,
            )
            return template_values.of_draft(draft, "key-1")
        case "create_call_log" | "update_call_log":
            existing = _EXISTING if operation == "update_call_log" else None
            return {**_of_entry(definition, existing, is_full=is_full), **ids, "moves": is_full}
        case "related_records":
            return {**ids, "list": "calls"}
        case _:
            return {**ids, **template_values.PAGING}


def _of_lookup(number: PhoneNumber) -> Values:
    values, forms = of_number(number), [number.e164 or number.extension]
    return {"number": values, "form": forms[0], "numbers": [values], "forms": forms}


def _of_entry(definition: Definition, existing: str | None, *, is_full: bool) -> Values:
    entry = LogEntry(
        call=_FULL if is_full else Call(id="call-1"),
        contact_id="id-1",
        user_id="alice",
        crm_user_id="owner-1" if is_full else "",
        number="+12025550147" if is_full else "",
        fallback_time=_START,
    )
    return template_values.of_entry(entry, "UTC", definition.call_log, definition.words, existing)
