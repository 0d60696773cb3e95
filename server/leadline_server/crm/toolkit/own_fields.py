"""Fields of an administrator's own: fixed values or templates for required and custom fields of the CRM.

    [connections.sales.placeholder_fields]
    Industry__c = "Unknown"
    Rating = "{{ 'Cold' if contact.is_placeholder else 'Warm' }}"

Templates are those of definitions, in the same sandbox. They see the values of `field_values`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, JsonValue

from leadline_server.crm.toolkit import field_values
from leadline_server.crm.toolkit.adapter_type import ConnectionSettings
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.definitions.problems import ProblemList, unknown_name
from leadline_server.definitions.template_tree import compiled_tree, rendered_tree, size_of_tree, templates_in
from leadline_server.definitions.templates import TemplateFailed, as_text
from leadline_server.domain.call import Call, CallDirection, Party
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.ports.crm import LogEntry

PLACEHOLDER_FIELDS: Final = "placeholder_fields"
CALL_FIELDS: Final = "call_fields"

MOST_FIELDS: Final = 100
MOST_CHARACTERS: Final = 20_000
"""The most fields of one table, and the most characters in it."""

_NUMBER: Final = "+12025550147"


def sample_draft(company: str = "") -> ContactDraft:
    """A placeholder with nothing but a name and a number: the least that leadline creates."""
    return ContactDraft(name="Unknown Caller", phone_number=_sample_number(), company=company, is_placeholder=True)


def sample_entry(contact_id: str) -> LogEntry:
    """A call of which almost nothing is known: the least that leadline logs."""
    return LogEntry(
        call=Call(id="check", direction=CallDirection.INBOUND, caller=Party(phone_number=_NUMBER)),
        contact_id=contact_id,
        user_id="",
        crm_user_id="",
        number=_NUMBER,
        fallback_time=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _sample_number() -> PhoneNumber:
    return parse_number(_NUMBER, "US")


def _checked(fields: Mapping[str, JsonValue], name: str, sample: Values) -> Any:
    """The table, if its templates can be rendered. Raises ValueError."""
    if len(fields) > MOST_FIELDS or size_of_tree(fields) > MOST_CHARACTERS:
        raise ValueError(f"at most {MOST_FIELDS} fields with {MOST_CHARACTERS:,} characters together")
    problems = ProblemList()
    tree = compiled_tree(fields, name, problems)
    for template in templates_in(tree):
        if unknown := sorted(template.names - sample.keys()):
            problems.add(template.location, unknown_name(unknown[0], sample))
    if not problems.problems:
        try:
            rendered_tree(tree, sample)
        except TemplateFailed as error:
            problems.problems.append(str(error))
    if problems.problems:
        raise ValueError("; ".join(problems.problems))
    return fields


def _checked_of_contact(fields: dict[str, JsonValue]) -> Any:
    return _checked(fields, PLACEHOLDER_FIELDS, field_values.of_draft(sample_draft()))


def _checked_of_call(fields: dict[str, JsonValue]) -> Any:
    return _checked(fields, CALL_FIELDS, field_values.of_call(sample_entry("1")))


class SettingsWithFields(ConnectionSettings):
    """The settings of an adapter whose CRM may have required and custom fields."""

    placeholder_fields: Annotated[dict[str, JsonValue], AfterValidator(_checked_of_contact)] = Field(
        default_factory=dict,
        description="Fields of contacts that leadline creates: fixed values, or templates with `contact` and `number`.",
    )
    call_fields: Annotated[dict[str, JsonValue], AfterValidator(_checked_of_call)] = Field(
        default_factory=dict,
        description="Fields of logged calls: fixed values, or templates with the facts of the `call`.",
    )


class OwnFields:
    """The fields of one connection, ready to be rendered. leadline's own value of a field is stronger.

    A fixed value is written when a record is created: people may change it afterwards. A template of `call_fields` is
    rendered again by each update of the call.
    """

    def __init__(self, settings: SettingsWithFields) -> None:
        problems = ProblemList()  # the settings are checked already
        self._contact = compiled_tree(settings.placeholder_fields, PLACEHOLDER_FIELDS, problems)
        self._call = compiled_tree(settings.call_fields, CALL_FIELDS, problems)
        self._changing = {
            name: tree for name, tree in self._call.items() if any(template.names for template in templates_in(tree))
        }

    def of_contact(self, draft: ContactDraft) -> Values:
        """The fields of a new contact. Raises CrmRejected if a template cannot be rendered."""
        return _rendered(self._contact, field_values.of_draft(draft)) if self._contact else {}

    def of_new_call(self, entry: LogEntry) -> Values:
        """The fields of a new call. Raises CrmRejected if a template cannot be rendered."""
        return _rendered(self._call, field_values.of_call(entry)) if self._call else {}

    def of_changed_call(self, entry: LogEntry) -> Values:
        """The fields of an update. Raises CrmRejected if a template cannot be rendered."""
        return _rendered(self._changing, field_values.of_call(entry)) if self._changing else {}


def _rendered(tree: Mapping[str, Any], values: Values) -> Values:
    try:
        fields: Values = rendered_tree(tree, values)
    except TemplateFailed as error:
        raise CrmRejected(f"A field of the settings does not fit: {error}.") from error
    return fields


def as_texts(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fields as attributes, which are texts."""
    return {name: as_text(value) for name, value in fields.items()}


def with_own(own: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with fields of one's own. A field that leadline fills keeps leadline's value; tables are merged."""
    if not own:
        return dict(record)
    merged = {**record, **own, **{name: value for name, value in record.items() if value not in (None, "")}}
    for name in own.keys() & record.keys():
        if isinstance(own[name], dict) and isinstance(record[name], dict):
            merged[name] = with_own(own[name], record[name])
    return merged
