"""Requests of definitions: their templates, and what comes of them with values.

No value can leave its place: a segment of the path is quoted as a whole, the query is encoded, and a body is a
structure whose leaves are templates, written as JSON by an encoder.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from leadline_server.crm.declarative.operations import Operation
from leadline_server.crm.toolkit.http_client import segment
from leadline_server.definitions.templates import Context, Template, TemplateFailed, as_text

MAX_REQUEST: Final = 1_000_000
"""The characters that the texts of a request may come to."""


class Problems(Protocol):
    """Takes what is wrong with a definition."""

    def template(self, source: str, place: str) -> Template:
        """The template of a text; one that is wrong is noted, and stands for the empty text."""
        ...

    def note(self, place: str, message: str) -> None:
        """Something is wrong at a place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltRequest:
    """A request with its values. `address` is the path from the base on, with the query, both encoded."""

    method: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    scope: str = ""


class RequestTemplate:
    """The templates of one operation.

    Args:
        operation: as the definition has it.
        place: where it stands there.
        problems: takes what is wrong.
    """

    def __init__(self, operation: Operation, place: str, problems: Problems) -> None:
        self.place: Final = place
        self._operation = operation
        self._segments = _segments(operation.path, f"{place}.path", problems)
        self._query = {
            name: _compiled(value, f"{place}.query.{name}", problems) for name, value in operation.query.items()
        }
        self._headers = {
            name: problems.template(value, f"{place}.headers.{name}") for name, value in operation.headers.items()
        }
        self._body = _compiled(operation.body, f"{place}.body", problems)
        self._form = {name: problems.template(value, f"{place}.form.{name}") for name, value in operation.form.items()}
        if operation.form and operation.body is not None:
            problems.note(place, "has both body and form")

    @property
    def templates(self) -> Iterator[Template]:
        """All of them."""
        yield from self._segments
        yield from self._headers.values()
        yield from self._form.values()
        for tree in (*self._query.values(), self._body):
            yield from _leaves(tree)

    def built(self, context: Context) -> BuiltRequest:
        """The request with the values of a context.

        Raises:
            TemplateFailed: a template cannot be rendered, or a segment of the path came out empty.
        """
        body = _rendered(self._body, context)
        built = BuiltRequest(
            method=self._operation.method,
            address=self._path(context) + self._query_string(context),
            headers={name: self._header(template, context) for name, template in self._headers.items()},
            json=body,
            form={name: template.text(context) for name, template in self._form.items()} or None,
            scope=self._operation.scope,
        )
        if len(built.address) + _size(body) + _size(built.form) > MAX_REQUEST:
            raise TemplateFailed(f"{self.place}: comes to more than {MAX_REQUEST} characters")
        return built

    def _path(self, context: Context) -> str:
        texts = [template.text(context) for template in self._segments]
        for text, template in zip(texts, self._segments, strict=True):
            if template.names and not text:
                raise TemplateFailed(f"{template.place}: a part of the path came out empty")
        return "/".join(segment(text) for text in texts)

    def _query_string(self, context: Context) -> str:
        pairs = list[tuple[str, str]]()
        for name, tree in self._query.items():
            value = _rendered(tree, context)
            many = value if isinstance(value, list) else [value]
            pairs += [(name, as_text(item)) for item in many if item is not None]
        return f"?{urlencode(pairs)}" if pairs else ""

    @staticmethod
    def _header(template: Template, context: Context) -> str:
        text = template.text(context)
        if not text.isascii() or not text.isprintable():
            raise TemplateFailed(f"{template.place}: a header has printable ASCII alone")
        return text


def compiled_headers(headers: Mapping[str, str], place: str, problems: Problems) -> Mapping[str, Template]:
    """Templates of headers outside of an operation."""
    return {name: problems.template(value, f"{place}.{name}") for name, value in headers.items()}


def _segments(path: str, place: str, problems: Problems) -> list[Template]:
    """A template for each segment. What stands in the file is quoted as well, so it is written as it reads."""
    if "://" in path:
        problems.note(place, "begins with `base_url` already")
    for mark in "?#":
        if mark in path:
            problems.note(place, f"has a {mark}; what belongs behind it goes to `query`")
    return [problems.template(part, place) for part in path.split("/")]


def _compiled(tree: Any, place: str, problems: Problems) -> Any:
    """The same structure, with templates for texts."""
    match tree:
        case str():
            return problems.template(tree, place)
        case dict():
            return {name: _compiled(value, f"{place}.{name}", problems) for name, value in tree.items()}
        case list():
            return [_compiled(value, f"{place}[{index}]", problems) for index, value in enumerate(tree)]
        case _:
            return tree


def _rendered(tree: Any, context: Context) -> Any:
    """The structure with its values; what comes to none is left out of tables and lists."""
    match tree:
        case Template():
            return _sendable(tree.value(context))
        case dict():
            values = {name: _rendered(value, context) for name, value in tree.items()}
            return {name: value for name, value in values.items() if value is not None}
        case list():
            return [value for item in tree if (value := _rendered(item, context)) is not None]
        case _:
            return tree


def _sendable(value: Any) -> Any:
    """A value without NUL, which many a database refuses, and for ever."""
    return value.replace("\0", "") if isinstance(value, str) else value


def _leaves(tree: Any) -> Iterator[Template]:
    match tree:
        case Template():
            yield tree
        case dict():
            for value in tree.values():
                yield from _leaves(value)
        case list():
            for value in tree:
                yield from _leaves(value)


def _size(tree: Any) -> int:
    match tree:
        case dict() | Mapping():
            return sum(len(name) + _size(value) for name, value in tree.items())
        case list() | tuple():
            return sum(map(_size, tree))
        case str():
            return len(tree)
        case _:
            return 20
