"""The required fields in a CRM's answer, by the operations `contact_fields` and `call_log_fields`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leadline_server.crm.declarative.compiled_definition import CompiledOperation
from leadline_server.crm.declarative.operations import FieldsOperation
from leadline_server.crm.toolkit import HttpAnswer


def required_in(
    operation: CompiledOperation[FieldsOperation], answer: HttpAnswer, body: Mapping[str, Any]
) -> Mapping[str, str]:
    """Labels of the required fields, by their names in `body`. Raises CrmUnavailable if the answer has no fields."""
    found = operation.path("fields").find(answer.json())
    if not isinstance(found, dict | list):
        raise answer.unusable("has no fields at the definition's path")
    label = operation.answer.get("label")
    required = operation.path("required")
    return {
        _name_in(body, name, operation.defined.response.suffixes): label.text(field) if label else ""
        for name, field in _named(operation, found)
        if required.holds(field)
    }


def _name_in(body: Mapping[str, Any], name: str, suffixes: Sequence[str]) -> str:
    """A field's name as a body has it: `assignedUserId` for the link `assignedUser`."""
    return next((f"{name}{end}" for end in suffixes if body.get(f"{name}{end}")), name)


def _named(operation: CompiledOperation[FieldsOperation], found: Any) -> Iterator[tuple[str, Any]]:
    """The fields with their names: the keys of an object, or a text in each record of a list."""
    if isinstance(found, dict):
        yield from found.items()
    else:
        yield from ((operation.path("name").text(field), field) for field in found)
