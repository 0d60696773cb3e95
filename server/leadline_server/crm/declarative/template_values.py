"""The values that the templates of a definition see: those of `toolkit.field_values`, in the definition's own words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leadline_server.crm.declarative.definition import CallLogFields, CallWords, ContactType
from leadline_server.crm.declarative.operations import FindContactsOperation, Form
from leadline_server.crm.toolkit import field_values
from leadline_server.crm.toolkit.call_text import BEGIN, END, Style, body_of, subject_of, updated_body
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number
from leadline_server.ports.crm import LogEntry

PAGING: Final[Values] = {"cursor": "", "offset": 0, "page": 1, "size": 0}
"""The values of the first page."""


def of_type(name: str, kind: ContactType | None) -> Values:
    """A kind of contact."""
    return {"name": name, **(kind.values if kind else {})}


def forms_of(number: PhoneNumber, asked: FindContactsOperation, number_formats: Sequence[str]) -> tuple[str, ...]:
    """The forms of a number that an operation sends, each once."""
    if not number.e164:
        return number_forms(number)
    plain: Mapping[Form, str] = {
        "e164": number.e164,
        "digits": number.e164[1:],
        "national": number.national,
        "significant": number.significant,
    }
    forms = list[str]()
    for form in asked.forms:
        patterns = {"patterns": asked.patterns, "number_formats": number_formats}.get(form)
        forms += [plain[form]] if patterns is None else [format_number(number, pattern) for pattern in patterns]
    return tuple(dict.fromkeys(form for form in forms if form))


def of_draft(draft: ContactDraft, key: str) -> Values:
    """A contact to create."""
    return {**field_values.of_draft(draft), "key": key}


def of_entry(entry: LogEntry, time_zone: str, fields: CallLogFields, words: CallWords, existing: str | None) -> Values:
    """A call to log. `existing` is the current text in the CRM, which limits the length of the new body."""
    facts, style = field_values.of_call(entry), Style(is_html=fields.html, limit=fields.body_limit)
    return {
        **facts,
        "subject": subject_of(entry, fields.subject_limit),
        "body": body_of(entry, time_zone, style) if existing is None else _updated(entry, time_zone, style, existing),
        "direction": _word(words.direction, facts["direction"]),
        "result": _word(words.result, facts["result"]),
    }


def _word(words: Mapping[Any, Any], name: str) -> Any:
    return words.get(name, name.lower())


def _updated(entry: LogEntry, time_zone: str, style: Style, existing: str) -> str:
    begin, end = existing.find(BEGIN), existing.find(END)
    others = len(existing) - (end + len(END) - begin) if 0 <= begin < end else 0
    room = Style(is_html=style.is_html, limit=max(200, style.limit - others))
    return updated_body(existing, body_of(entry, time_zone, room))
