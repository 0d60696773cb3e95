"""What must be right about a definition beyond its form: names, what belongs together, and that templates come out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation, ProblemList
from leadline_server.crm.declarative.definition import Definition, Variable
from leadline_server.crm.declarative.samples import samples
from leadline_server.definitions.templates import Template, TemplateFailed

_PAGED: Final = frozenset({"cursor", "offset", "page", "size"})
_ENTRY: Final = frozenset(
    {"subject", "body", "direction", "result", "start_time", "answer_time", "end_time", "duration", "number"}
    | {"owner", "user_id", "call", "contact_id", "type"}
)
_LOOKUP: Final = _PAGED | {"type"}

KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "find_contacts": _LOOKUP,
    "find_extensions": _LOOKUP,
    "get_contact": frozenset({"contact_id", "type"}),
    "search_contacts": _LOOKUP | {"query", "word"},
    "create_contact": frozenset({"contact", "number", "key", "type"}),
    "create_call_log": _ENTRY | {"key"},
    "read_call_log": _LOOKUP | {"log_id", "contact_id"},
    "update_call_log": _ENTRY | {"log_id"},
    "find_call_log": _PAGED | {"key"},
    "check": frozenset(),
}
"""What the templates of each operation see, besides variables that are no secrets."""

OF_NUMBERS: Final[Mapping[str, frozenset[str]]] = {
    "one": frozenset({"number", "form"}),
    "all": frozenset({"numbers", "forms"}),
}
"""What those of lookups see besides, by `numbers`."""

RESERVED: Final = frozenset({"access_token", "self", "adapter", "definition", "timeout"}).union(
    *KNOWN.values(), *OF_NUMBERS.values()
)
"""Names that no variable may have."""

_MUST_USE: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "get_contact": (frozenset({"contact_id"}),),
    "search_contacts": (frozenset({"query", "word"}),),
    "create_contact": (frozenset({"contact"}), frozenset({"number"})),
    "create_call_log": (frozenset({"contact_id"}),),
    "read_call_log": (frozenset({"log_id", "contact_id"}),),
    "update_call_log": (frozenset({"log_id"}),),
    "find_call_log": (frozenset({"key"}),),
}
"""Of each set, something must be sent, or the operation is not about what it is asked for."""


def check(ready: CompiledDefinition, notes: ProblemList) -> None:
    """Note everything that is wrong."""
    _check_variables(ready.definition, notes)
    _check_outside(ready, notes)
    for operation in ready.operations.values():
        _check_names(ready.definition, operation, notes)
        _check_paging(operation, notes)
    _check_together(ready, notes)
    if not notes.problems:  # else the same would be said again, and less clearly
        for operation in ready.operations.values():
            _try(ready.definition, operation, notes)


def used(operation: CompiledOperation[Any]) -> frozenset[str]:
    """The names that an operation's templates use."""
    return frozenset[str]().union(*(template.names for template in operation.request.templates))


def _check_variables(definition: Definition, notes: ProblemList) -> None:
    for name, variable in definition.variables.items():
        place = f"variables.{name}"
        if name in RESERVED:
            notes.note(place, "this name is leadline's own")
        if variable.kind == "flag" and (variable.secret or not isinstance(variable.default, bool)):
            notes.note(place, "a flag is no secret, and has a default, true or false")
        if variable.kind != "flag" and isinstance(variable.default, bool):
            notes.note(f"{place}.default", "is a text")
        if variable.secret and variable.default:
            notes.note(f"{place}.default", "a secret has none, or an empty one")
    needed = {f"types.{name}.needs": kind.needs for name, kind in definition.types.items()}
    if definition.operations.find_call_log:
        needed["operations.find_call_log.needs"] = definition.operations.find_call_log.needs
    for place, names in needed.items():
        for name in names:
            if name not in definition.variables:
                notes.note(place, f"there is no variable {name}")


def _check_outside(ready: CompiledDefinition, notes: ProblemList) -> None:
    """The templates that belong to no operation."""
    variables = {name for name, variable in ready.definition.variables.items() if not variable.secret}
    _check_template(ready.base_url, variables, ready.definition.variables, notes)
    for template in ready.headers.values():
        _check_template(template, variables, ready.definition.variables, notes)
    _check_template(ready.contact_url, variables | {"contact_id", "type"}, ready.definition.variables, notes)
    _check_template(ready.log_url, variables | {"log_id"}, ready.definition.variables, notes)


def _check_names(definition: Definition, operation: CompiledOperation[Any], notes: ProblemList) -> None:
    known = {name for name, variable in definition.variables.items() if not variable.secret}
    known |= KNOWN[operation.name] | OF_NUMBERS.get(getattr(operation.defined, "numbers", ""), frozenset())
    for template in operation.request.templates:
        _check_template(template, known, definition.variables, notes)
    sets = _MUST_USE.get(operation.name, ())
    if "numbers" in type(operation.defined).model_fields:
        sets = (OF_NUMBERS[operation.defined.numbers],)
    for names in sets:
        if not names & used(operation):
            notes.note(f"operations.{operation.name}", f"sends no {' and no '.join(sorted(names))}")


def _check_template(
    template: Template, known: Iterable[str], variables: Mapping[str, Variable], notes: ProblemList
) -> None:
    for name in sorted(template.names - set(known)):
        if name in variables:
            notes.note(template.place, f"{name} is a secret, which is for authentication alone")
        else:
            notes.note(template.place, f"there is no {name} here; there is {', '.join(sorted(known)) or 'nothing'}")


def _check_paging(operation: CompiledOperation[Any], notes: ProblemList) -> None:
    paging = getattr(operation.defined.response, "paging", None)
    if paging is None:
        return
    place, names = f"operations.{operation.name}.response.paging", used(operation)
    if sum(way is not None for way in (paging.next, paging.next_url, paging.size)) != 1:
        notes.note(place, "has one of next, next_url and size")
    if paging.next is not None and "cursor" not in names:
        notes.note(place, "the request does not send the cursor")
    if paging.size is not None and not names & {"offset", "page"}:
        notes.note(place, "the request sends neither offset nor page")
    if paging.total is not None and paging.size is None:
        notes.note(f"{place}.total", "is for size")


def _check_together(ready: CompiledDefinition, notes: ProblemList) -> None:
    can, writes = ready.definition.capabilities, (ready.create_contact, ready.create_call_log)
    if can.enforces_unique_key and any("key" not in used(operation) for operation in writes):
        notes.note("capabilities.enforces_unique_key", "create_contact and create_call_log do not both send the key")
    if can.moves_log and not (ready.update_call_log and "contact_id" in used(ready.update_call_log)):
        notes.note("capabilities.moves_log", "there is no update_call_log that sends contact_id")
    if ready.find_call_log and "key" not in used(ready.create_call_log):
        notes.note("operations.find_call_log", "create_call_log does not send the key that is looked for")
    if ready.read_call_log and "body" not in ready.read_call_log.answer:
        notes.note("operations.read_call_log.response.body", "is needed: the text that people may have changed")
    if ready.update_call_log and "body" in used(ready.update_call_log) and not ready.read_call_log:
        notes.note(
            "operations.update_call_log",
            "sends the body, and would undo what people wrote there; add read_call_log, or leave the body alone",
        )
    if ready.definition.separate_types and not ready.definition.types:
        notes.note("separate_types", "there are no types")


def _try(definition: Definition, operation: CompiledOperation[Any], notes: ProblemList) -> None:
    """Render an operation with samples: a wrong part of a value, or a filter that does not fit, shows here."""
    attempts: list[Callable[[Any], Any]] = [template.value for template in operation.request.templates]
    attempts.append(operation.request.built)
    problems = dict[str, None]()
    for context in samples(definition, operation.name):
        for attempt in attempts:
            try:
                attempt(context)
            except TemplateFailed as error:
                problems[str(error)] = None
    notes.problems += list(problems)
