"""Structures of JSON with templates as leaves: `{"name": "{{ contact.name }}", "tags": ["phone"]}`."""

from collections.abc import Iterator, Mapping
from typing import Any

from leadline_server.definitions.problems import ProblemList
from leadline_server.definitions.templates import Context, Template


def compiled_tree(tree: Any, location: str, problems: ProblemList) -> Any:
    """The same structure with a template for each text."""
    match tree:
        case str():
            return problems.template(tree, location)
        case dict():
            return {name: compiled_tree(value, f"{location}.{name}", problems) for name, value in tree.items()}
        case list():
            return [compiled_tree(value, f"{location}[{index}]", problems) for index, value in enumerate(tree)]
        case _:
            return tree


def rendered_tree(tree: Any, context: Context) -> Any:
    """The structure with its values. None is left out of tables and lists. Raises TemplateFailed."""
    match tree:
        case Template():
            return _sendable(tree.value(context))
        case dict():
            values = {name: rendered_tree(value, context) for name, value in tree.items()}
            return {name: value for name, value in values.items() if value is not None}
        case list():
            return [value for item in tree if (value := rendered_tree(item, context)) is not None]
        case _:
            return tree


def templates_in(tree: Any) -> Iterator[Template]:
    """All templates of a compiled structure."""
    match tree:
        case Template():
            yield tree
        case dict():
            for value in tree.values():
                yield from templates_in(value)
        case list():
            for value in tree:
                yield from templates_in(value)


def size_of_tree(tree: Any) -> int:
    """About how many characters a structure has."""
    match tree:
        case dict() | Mapping():
            return sum(len(name) + size_of_tree(value) for name, value in tree.items())
        case list() | tuple():
            return sum(map(size_of_tree, tree))
        case str():
            return len(tree)
        case _:
            return 20


def _sendable(value: Any) -> Any:
    """A value without NUL, which many databases always refuse."""
    return value.replace("\0", "") if isinstance(value, str) else value
