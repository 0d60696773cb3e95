"""Checks a definition beyond its form: names of variables, keys that need each other, and templates with samples."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.definition import Definition, Variable
from leadline_server.crm.declarative.samples import samples
from leadline_server.definitions.problems import ProblemList, unknown_name
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
    "update_call_log": _ENTRY | {"log_id", "moves"},
    "find_call_log": _PAGED | {"key"},
    "delete_call_log": frozenset({"log_id"}),
    "contact_use": frozenset({"contact_id", "type"}),
    "related_records": frozenset({"contact_id", "type", "list"}),
    "delete_contact": frozenset({"contact_id", "type"}),
    "contact_fields": frozenset({"type"}),
    "call_log_fields": frozenset(),
    "check": frozenset(),
}
"""The values that the templates of each operation see, besides variables that are not secret."""

OF_NUMBERS: Final[Mapping[str, frozenset[str]]] = {
    "one": frozenset({"number", "form"}),
    "all": frozenset({"numbers", "forms"}),
}
"""The further values of lookups, by the key `numbers`."""

RESERVED: Final = frozenset(
    {"access_token", "self", "adapter", "definition", "timeout", "placeholder_fields", "call_fields"}
).union(*KNOWN.values(), *OF_NUMBERS.values())
"""Reserved names, which no variable may have."""

_MUST_USE: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "get_contact": (frozenset({"contact_id"}),),
    "search_contacts": (frozenset({"query", "word"}),),
    "create_contact": (frozenset({"contact"}), frozenset({"number"})),
    "create_call_log": (frozenset({"contact_id"}),),
    "read_call_log": (frozenset({"log_id", "contact_id"}),),
    "update_call_log": (frozenset({"log_id"}),),
    "find_call_log": (frozenset({"key"}),),
    "delete_call_log": (frozenset({"log_id"}),),
    "contact_use": (frozenset({"contact_id"}),),
    "related_records": (frozenset({"contact_id"}), frozenset({"list"})),
    "delete_contact": (frozenset({"contact_id"}),),
}
"""Each operation must send one value of each set. A `get_contact` without `contact_id` would read any contact."""


def check(compiled: CompiledDefinition, problems: ProblemList) -> None:
    """Add all problems of a definition."""
    _check_variables(compiled.definition, problems)
    _check_outside(compiled, problems)
    for operation in compiled.operations.values():
        _check_names(compiled.definition, operation, problems)
        _check_paging(operation, problems)
    _check_together(compiled, problems)
    _check_removal(compiled, problems)
    if not problems.problems:  # otherwise samples would show the same problems again, less clearly
        for operation in compiled.operations.values():
            _try_samples(compiled.definition, operation, problems)


def _check_variables(definition: Definition, problems: ProblemList) -> None:
    for name, variable in definition.variables.items():
        location = f"variables.{name}"
        if name in RESERVED:
            problems.add(location, "this name is reserved")
        if variable.kind == "flag" and (variable.secret or not isinstance(variable.default, bool)):
            problems.add(location, "a flag is not secret, and has a default, true or false")
        if variable.kind != "flag" and isinstance(variable.default, bool):
            problems.add(f"{location}.default", "is a text")
        if variable.secret and variable.default:
            problems.add(f"{location}.default", "a secret has none, or an empty one")
    needed = {f"types.{name}.needs": kind.needs for name, kind in definition.types.items()}
    if definition.operations.find_call_log:
        needed["operations.find_call_log.needs"] = definition.operations.find_call_log.needs
    for location, names in needed.items():
        for name in names:
            if name not in definition.variables:
                problems.add(location, f"there is no variable {name}")


def _check_outside(compiled: CompiledDefinition, problems: ProblemList) -> None:
    """Check the templates outside of operations."""
    variables = {name for name, variable in compiled.definition.variables.items() if not variable.secret}
    _check_template(compiled.base_url, variables, compiled.definition.variables, problems)
    for template in compiled.headers.values():
        _check_template(template, variables, compiled.definition.variables, problems)
    _check_template(compiled.contact_url, variables | {"contact_id", "type"}, compiled.definition.variables, problems)
    _check_template(compiled.log_url, variables | {"log_id"}, compiled.definition.variables, problems)


def _check_names(definition: Definition, operation: CompiledOperation[Any], problems: ProblemList) -> None:
    known = {name for name, variable in definition.variables.items() if not variable.secret}
    known |= KNOWN[operation.name] | OF_NUMBERS.get(getattr(operation.defined, "numbers", ""), frozenset())
    for template in operation.request.templates:
        _check_template(template, known, definition.variables, problems)
    sets = _MUST_USE.get(operation.name, ())
    if "numbers" in type(operation.defined).model_fields:
        sets = (OF_NUMBERS[operation.defined.numbers],)
    for names in sets:
        if not names & operation.names:
            problems.add(f"operations.{operation.name}", f"sends no {' and no '.join(sorted(names))}")


def _check_template(
    template: Template, known: Iterable[str], variables: Mapping[str, Variable], problems: ProblemList
) -> None:
    for name in sorted(template.names - set(known)):
        if name in variables:
            problems.add(template.location, f"{name} is a secret, and only authentication may use it")
        else:
            problems.add(template.location, unknown_name(name, known))


def _check_paging(operation: CompiledOperation[Any], problems: ProblemList) -> None:
    paging = getattr(operation.defined.response, "paging", None)
    if paging is None:
        return
    location, names = f"operations.{operation.name}.response.paging", operation.names
    if sum(way is not None for way in (paging.next, paging.next_url, paging.size)) != 1:
        problems.add(location, "has one of next, next_url and size")
    if paging.next is not None and "cursor" not in names:
        problems.add(location, "the request does not send the cursor")
    if paging.size is not None and not names & {"offset", "page"}:
        problems.add(location, "the request sends neither offset nor page")
    if paging.total is not None and paging.size is None:
        problems.add(f"{location}.total", "needs size")


def _check_together(compiled: CompiledDefinition, problems: ProblemList) -> None:
    can, writes = compiled.definition.capabilities, (compiled.create_contact, compiled.create_call_log)
    if can.enforces_unique_key and any("key" not in operation.names for operation in writes):
        problems.add("capabilities.enforces_unique_key", "create_contact and create_call_log do not both send the key")
    if can.moves_log and not (compiled.update_call_log and "contact_id" in compiled.update_call_log.names):
        problems.add("capabilities.moves_log", "there is no update_call_log that sends contact_id")
    elif can.moves_log and compiled.update_call_log and "moves" not in compiled.update_call_log.names:
        problems.add(
            "operations.update_call_log",
            "sends contact_id in every update, and would undo a move by people; send it only if `moves` is true",
        )
    if compiled.find_call_log and "key" not in compiled.create_call_log.names:
        problems.add("operations.find_call_log", "create_call_log does not send the key that is looked for")
    if compiled.read_call_log and "body" not in compiled.read_call_log.answer:
        problems.add("operations.read_call_log.response.body", "is required, since people may have changed the text")
    if compiled.update_call_log and "body" in compiled.update_call_log.names and not compiled.read_call_log:
        problems.add(
            "operations.update_call_log",
            "sends the body, and would delete text that people added; add read_call_log, or do not send the body",
        )
    if can.has_company and compiled.definition.contact.company is None:
        problems.add("capabilities.has_company", "needs contact.company")
    if compiled.definition.separate_types and not compiled.definition.types:
        problems.add("separate_types", "there are no types")


def _check_removal(compiled: CompiledDefinition, problems: ProblemList) -> None:
    related, kinds = compiled.related_records, compiled.definition.types
    if compiled.delete_contact and not (compiled.contact_use and related):
        problems.add("operations.delete_contact", "needs contact_use and related_records, which tell its use")
    if related:
        lists = [*related.defined.lists, *(name for names in related.defined.more_lists.values() for name in names)]
        if related.defined.log_list not in lists:
            problems.add("operations.related_records.log_list", "is not one of lists and more_lists")
        for kind in related.defined.more_lists.keys() - kinds.keys():
            problems.add("operations.related_records.more_lists", f"there is no kind {kind}")


def _try_samples(definition: Definition, operation: CompiledOperation[Any], problems: ProblemList) -> None:
    """Render an operation with samples. This finds wrong keys of values, and filters that do not fit a value."""
    attempts: list[Callable[[Any], Any]] = [template.value for template in operation.request.templates]
    attempts.append(operation.request.built)
    found = dict[str, None]()
    for context in samples(definition, operation.name):
        for attempt in attempts:
            try:
                attempt(context)
            except TemplateFailed as error:
                found[str(error)] = None
    problems.problems += list(found)
