"""A definition made ready: its templates and expressions compiled, and what is wrong with them gathered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Generic, TypeVar

from leadline_server.crm.declarative import operations as defined
from leadline_server.crm.declarative.definition import Definition, ErrorRule
from leadline_server.crm.declarative.request_template import RequestTemplate, compiled_headers
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.templates import Template

OperationT_co = TypeVar("OperationT_co", bound=defined.Operation, covariant=True)


class BadDefinition(Exception):
    """A definition that cannot be used; each problem begins with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(slots=True)
class ProblemList:
    """Compiles the texts of a definition, and gathers what is wrong with them."""

    problems: list[str] = field(default_factory=list)

    def note(self, place: str, message: str) -> None:
        """Something is wrong at a place."""
        self.problems.append(f"{place}: {message}")

    def template(self, source: str, place: str) -> Template:
        """See requests.Problems."""
        return self._made(Template, source, place) or Template("", place)

    def path(self, source: str | None, place: str) -> AnswerPath | None:
        """The expression; None where there is none, or a wrong one, which is noted."""
        return None if source is None else self._made(lambda text, _: AnswerPath(text), source, place)

    def needed_path(self, source: str, place: str) -> AnswerPath:
        """The expression of a field that must be there."""
        return self.path(source, place) or AnswerPath("@")

    T = TypeVar("T")

    def _made(self, make: Callable[[str, str], T], source: str, place: str) -> T | None:
        try:
            return make(source, place)
        except ValueError as error:
            self.note(place, str(error))
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledOperation(Generic[OperationT_co]):
    """One operation: as it is defined, its request, and the expressions of its answer by their names."""

    name: str
    defined: OperationT_co
    request: RequestTemplate
    answer: Mapping[str, AnswerPath]

    def path(self, name: str) -> AnswerPath:
        """An expression that must be there."""
        return self.answer[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledDefinition:
    """A definition that passed every check, or would, but for what is noted."""

    definition: Definition
    base_url: Template
    headers: Mapping[str, Template]
    contact: Mapping[str, AnswerPath]
    contact_url: Template
    attributes: Mapping[str, AnswerPath]
    log_url: Template
    rules: tuple[tuple[ErrorRule, AnswerPath | None, AnswerPath | None], ...]
    words: AnswerPath | None
    find_contacts: CompiledOperation[defined.FindContactsOperation]
    find_extensions: CompiledOperation[defined.FindContactsOperation] | None
    get_contact: CompiledOperation[defined.GetContactOperation]
    search_contacts: CompiledOperation[defined.SearchContactsOperation]
    create_contact: CompiledOperation[defined.CreateContactOperation]
    create_call_log: CompiledOperation[defined.CreateCallLogOperation]
    read_call_log: CompiledOperation[defined.ReadCallLogOperation] | None
    update_call_log: CompiledOperation[defined.UpdateCallLogOperation] | None
    find_call_log: CompiledOperation[defined.FindCallLogOperation] | None
    check: CompiledOperation[defined.CheckOperation]

    @property
    def operations(self) -> Mapping[str, CompiledOperation[defined.Operation]]:
        """Those that there are, by name."""
        found = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: part for name, part in found.items() if isinstance(part, CompiledOperation)}


_OPTIONAL: Final = ("find_extensions", "read_call_log", "update_call_log", "find_call_log")
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


def compile_definition(definition: Definition, notes: ProblemList) -> CompiledDefinition:
    """Compile everything; what is wrong is noted."""
    of_contact = definition.contact
    operations = {name: _operation(name, part, notes) for name, part in definition.operations if part is not None}
    compiled: dict[str, Any] = {**dict.fromkeys(_OPTIONAL), **operations}
    return CompiledDefinition(
        definition=definition,
        base_url=notes.template(definition.base_url, "base_url"),
        headers=compiled_headers(definition.headers, "headers", notes),
        contact=_paths(of_contact, _CONTACT_PATHS, "contact", notes),
        contact_url=notes.template(of_contact.url, "contact.url"),
        attributes={
            name: notes.needed_path(source, f"contact.attributes.{name}")
            for name, source in of_contact.attributes.items()
        },
        log_url=notes.template(definition.call_log.url, "call_log.url"),
        rules=tuple(_rule(rule, index, notes) for index, rule in enumerate(definition.errors)),
        words=notes.path(definition.error_words.body, "error_words.body"),
        **compiled,
    )


def _operation(name: str, operation: Any, notes: ProblemList) -> CompiledOperation[Any]:
    place = f"operations.{name}"
    response = operation.response
    names = ("contacts", "contact", "logs", "id", "body", "complete", "none_when", "ok")
    answer = _paths(response, names, f"{place}.response", notes) if response else {}
    if paging := getattr(response, "paging", None):
        answer |= _paths(paging, ("next", "next_url", "total"), f"{place}.response.paging", notes)
    request = RequestTemplate(operation, place, notes)
    return CompiledOperation(name=name, defined=operation, request=request, answer=answer)


def _paths(table: Any, names: tuple[str, ...], place: str, notes: ProblemList) -> dict[str, AnswerPath]:
    found = {name: notes.path(getattr(table, name, None), f"{place}.{name}") for name in names}
    return {name: path for name, path in found.items() if path is not None}


def _rule(rule: ErrorRule, index: int, notes: ProblemList) -> tuple[ErrorRule, AnswerPath | None, AnswerPath | None]:
    place = f"errors[{index}]"
    if not rule.status and rule.when is None:
        notes.note(place, "fits every answer; give status, when or both")
    return rule, notes.path(rule.when, f"{place}.when"), notes.path(rule.retry_after, f"{place}.retry_after")
