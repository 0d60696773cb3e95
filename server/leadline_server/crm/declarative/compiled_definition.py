"""A definition with its templates and expressions compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Generic, TypeVar

from leadline_server.crm.declarative import operations as defined
from leadline_server.crm.declarative.definition import Definition, ErrorRule
from leadline_server.crm.declarative.request_template import RequestTemplate, compiled_headers
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.problems import ProblemList
from leadline_server.definitions.templates import Template

OperationT_co = TypeVar("OperationT_co", bound=defined.Operation, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledOperation(Generic[OperationT_co]):
    """One operation: its definition, its request, and the expressions of its answer by name, such as `contacts`."""

    name: str
    defined: OperationT_co
    request: RequestTemplate
    answer: Mapping[str, AnswerPath]

    @property
    def names(self) -> frozenset[str]:
        """The names that its templates use."""
        return frozenset[str]().union(*(template.names for template in self.request.templates))

    def path(self, name: str) -> AnswerPath:
        """An expression that the operation must have."""
        return self.answer[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """An error rule, with its expressions."""

    rule: ErrorRule
    when: AnswerPath | None
    retry_after: AnswerPath | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledDefinition:
    """A compiled definition. It is valid if no problem was added while it was compiled and checked."""

    definition: Definition
    base_url: Template
    headers: Mapping[str, Template]
    contact: Mapping[str, AnswerPath]
    contact_url: Template
    attributes: Mapping[str, AnswerPath]
    log_url: Template
    rules: tuple[CompiledRule, ...]
    error_text: AnswerPath | None
    find_contacts: CompiledOperation[defined.FindContactsOperation]
    find_extensions: CompiledOperation[defined.FindContactsOperation] | None
    get_contact: CompiledOperation[defined.GetContactOperation]
    search_contacts: CompiledOperation[defined.SearchContactsOperation]
    create_contact: CompiledOperation[defined.CreateContactOperation]
    create_call_log: CompiledOperation[defined.CreateCallLogOperation]
    read_call_log: CompiledOperation[defined.ReadCallLogOperation] | None
    update_call_log: CompiledOperation[defined.UpdateCallLogOperation] | None
    find_call_log: CompiledOperation[defined.FindCallLogOperation] | None
    delete_call_log: CompiledOperation[defined.DeleteCallLogOperation] | None
    contact_use: CompiledOperation[defined.ContactUseOperation] | None
    related_records: CompiledOperation[defined.RelatedRecordsOperation] | None
    delete_contact: CompiledOperation[defined.DeleteContactOperation] | None
    contact_fields: CompiledOperation[defined.FieldsOperation] | None
    call_log_fields: CompiledOperation[defined.FieldsOperation] | None
    check: CompiledOperation[defined.CheckOperation]

    @property
    def operations(self) -> Mapping[str, CompiledOperation[defined.Operation]]:
        """The operations of the definition, by name."""
        found = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: part for name, part in found.items() if isinstance(part, CompiledOperation)}


_OPTIONAL: Final = (
    "find_extensions",
    "read_call_log",
    "update_call_log",
    "find_call_log",
    "delete_call_log",
    "contact_use",
    "related_records",
    "delete_contact",
    "contact_fields",
    "call_log_fields",
)
_CONTACT_PATHS: Final = (
    "id",
    "name",
    "phone_numbers",
    "type",
    "email",
    "company",
    "title",
    "create_time",
    "last_activity_time",
    "is_placeholder",
)

_ANSWER_PATHS: Final = (
    *("contacts", "contact", "logs", "id", "subject", "body", "complete", "none_when", "moved_to", "ok"),
    *("fields", "name", "label", "required", "edited", "ids"),
)


def compile_definition(definition: Definition, problems: ProblemList) -> CompiledDefinition:
    """Compile all texts of a definition, and add the problems of wrong ones."""
    contact = definition.contact
    operations = {name: _operation(name, part, problems) for name, part in definition.operations if part is not None}
    compiled: dict[str, Any] = {**dict.fromkeys(_OPTIONAL), **operations}
    return CompiledDefinition(
        definition=definition,
        base_url=problems.template(definition.base_url, "base_url"),
        headers=compiled_headers(definition.headers, "headers", problems),
        contact=_paths(contact, _CONTACT_PATHS, "contact", problems),
        contact_url=problems.template(contact.url, "contact.url"),
        attributes={
            name: problems.needed_path(source, f"contact.attributes.{name}")
            for name, source in contact.attributes.items()
        },
        log_url=problems.template(definition.call_log.url, "call_log.url"),
        rules=tuple(_rule(rule, index, problems) for index, rule in enumerate(definition.errors)),
        error_text=problems.path(definition.error_words.body, "error_words.body"),
        **compiled,
    )


def _operation(name: str, operation: Any, problems: ProblemList) -> CompiledOperation[Any]:
    location = f"operations.{name}"
    response = operation.response
    answer = _paths(response, _ANSWER_PATHS, f"{location}.response", problems) if response else {}
    if paging := getattr(response, "paging", None):
        answer |= _paths(paging, ("next", "next_url", "total"), f"{location}.response.paging", problems)
    request = RequestTemplate(operation, location, problems)
    return CompiledOperation(name=name, defined=operation, request=request, answer=answer)


def _paths(table: Any, names: tuple[str, ...], location: str, problems: ProblemList) -> dict[str, AnswerPath]:
    found = {name: problems.path(getattr(table, name, None), f"{location}.{name}") for name in names}
    return {name: path for name, path in found.items() if path is not None}


def _rule(rule: ErrorRule, index: int, problems: ProblemList) -> CompiledRule:
    location = f"errors[{index}]"
    if not rule.status and rule.when is None:
        problems.add(location, "matches every answer; give status, when or both")
    when = problems.path(rule.when, f"{location}.when")
    return CompiledRule(rule=rule, when=when, retry_after=problems.path(rule.retry_after, f"{location}.retry_after"))
