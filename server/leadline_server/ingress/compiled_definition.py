"""An ingress definition with its expressions compiled, and its problems."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.problems import ProblemList
from leadline_server.ingress.definition import CallFields, EventKind, IngressDefinition, LegFields
from leadline_server.ingress.sample_calls import unknown_names
from leadline_server.ingress.schemes import Ed25519Scheme, HmacScheme

Paths = Mapping[str, AnswerPath]

_PARTIES: Final = ("caller", "callee", "party")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledFields:
    """The expressions of a table by the names of its fields. A party's are `caller.address` and the like."""

    paths: Paths
    attributes: Paths = field(default_factory=dict)
    id_parts: tuple[AnswerPath, ...] = ()
    assumed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledKind:
    """A kind of event."""

    when: AnswerPath | None
    skip: str
    call: CompiledFields
    legs: CompiledFields | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledIngress:
    """A compiled definition. It is valid if no problem was added while it was compiled."""

    definition: IngressDefinition
    events: AnswerPath | None
    expect: Paths
    kinds: tuple[CompiledKind, ...]


def compile_ingress(definition: IngressDefinition, problems: ProblemList) -> CompiledIngress:
    """Compile all expressions of a definition, and add its problems."""
    _check_scheme(definition, problems)
    kinds = tuple(_kind(kind, f"kinds[{index}]", problems) for index, kind in enumerate(definition.kinds))
    for index, kind in enumerate(kinds[:-1]):
        if kind.when is None:
            problems.add(f"kinds[{index}].when", "is required in every kind but the last: later ones are never reached")
    for index, request in enumerate(definition.test_call):
        for name in unknown_names(request, definition.expect):
            problems.add(f"test_call[{index}]", f"there is no value {{{name}}}")
    return CompiledIngress(
        definition=definition,
        events=problems.path(definition.events, "events"),
        expect={name: problems.needed_path(text, f"expect.{name}") for name, text in definition.expect.items()},
        kinds=kinds,
    )


def _check_scheme(definition: IngressDefinition, problems: ProblemList) -> None:
    scheme = definition.authentication
    if not isinstance(scheme, HmacScheme | Ed25519Scheme):
        return
    if scheme.signed.count("{body}") != 1:
        problems.add("authentication.signed", "has {body} once")
    if ("{timestamp}" in scheme.signed) != (scheme.timestamp_header is not None):
        problems.add("authentication.signed", "has {timestamp} if there is a timestamp_header, and only then")


def _kind(kind: EventKind, location: str, problems: ProblemList) -> CompiledKind:
    if kind.skip and (kind.call or kind.legs):
        problems.add(f"{location}.skip", "an event that is skipped has no call and no legs")
    if not kind.skip and kind.call is None:
        problems.add(f"{location}.call", "is required, or skip")
    return CompiledKind(
        when=problems.path(kind.when, f"{location}.when"),
        skip=kind.skip,
        call=_call(kind.call, f"{location}.call", has_legs=kind.legs is not None, problems=problems),
        legs=None if kind.legs is None else _legs(kind.legs, f"{location}.legs", problems),
    )


def _call(call: CallFields | None, location: str, *, has_legs: bool, problems: ProblemList) -> CompiledFields:
    if call is None:
        return CompiledFields(paths={})
    if (call.id is None) == (not call.id_parts):
        problems.add(location, "has id or id_parts, and not both")
    if call.event_time is None:
        problems.add(f"{location}.event_time", "is required: without it, an event that is sent again undoes later ones")
    if has_legs and (call.result or call.is_final or call.answer_time):
        problems.add(location, "with legs, they tell result, answer_time and is_final")
    return CompiledFields(
        paths=_paths(call, location, problems),
        attributes={
            name: problems.needed_path(text, f"{location}.attributes.{name}") for name, text in call.attributes.items()
        },
        id_parts=tuple(
            problems.needed_path(text, f"{location}.id_parts[{index}]") for index, text in enumerate(call.id_parts)
        ),
        assumed=frozenset(call.assumed),
    )


def _legs(legs: LegFields, location: str, problems: ProblemList) -> CompiledFields:
    return CompiledFields(paths=_paths(legs, location, problems))


def _paths(table: BaseModel, location: str, problems: ProblemList) -> dict[str, AnswerPath]:
    """The expressions of a table, with those of its parties."""
    found: dict[str, AnswerPath] = {}
    for name in type(table).model_fields:
        value: Any = getattr(table, name)
        if name in _PARTIES:
            inner = _paths(value, f"{location}.{name}", problems)
            found |= {f"{name}.{key}": path for key, path in inner.items()}
        elif isinstance(value, str) and (path := problems.path(value, f"{location}.{name}")):
            found[name] = path
    return found
