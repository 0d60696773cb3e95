"""Request templates: from the texts of a definition to a request.

A value cannot leave its position. A segment of the path is quoted as a whole, the query is encoded, and the body is a
structure with templates as leaves, which is encoded as JSON. Example: with `path = "contacts/{{ contact_id }}"`, the id
`../admin` gives the path `contacts/..%2Fadmin`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from leadline_server.crm.declarative.operations import Operation
from leadline_server.crm.toolkit import segment
from leadline_server.crm.toolkit.own_fields import with_own
from leadline_server.definitions.problems import ProblemList
from leadline_server.definitions.rendering_cost import rendering
from leadline_server.definitions.template_tree import compiled_tree, rendered_tree, size_of_tree, templates_in
from leadline_server.definitions.templates import Context, Template, TemplateFailed, as_text

MAX_REQUEST: Final = 1_000_000
"""The most characters of all texts of a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltRequest:
    """A request with its values. `address` is the path below `base_url` with the query, both encoded."""

    method: str
    address: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    scope: str = ""


class RequestTemplate:
    """The templates of one operation.

    Args:
        operation: the operation in the definition.
        location: where it stands there, such as `operations.check`.
        problems: collects the problems of its texts.
    """

    def __init__(self, operation: Operation, location: str, problems: ProblemList) -> None:
        self.location: Final = location
        self._operation = operation
        self._segments = _segments(operation.path, f"{location}.path", problems)
        self._query = {
            name: compiled_tree(value, f"{location}.query.{name}", problems) for name, value in operation.query.items()
        }
        self._headers = compiled_headers(operation.headers, f"{location}.headers", problems)
        self._body = compiled_tree(operation.body, f"{location}.body", problems)
        self._form = compiled_headers(operation.form, f"{location}.form", problems)
        if operation.form and operation.body is not None:
            problems.add(location, "has both body and form")

    @property
    def templates(self) -> Iterator[Template]:
        """All templates of the operation."""
        yield from self._segments
        yield from self._headers.values()
        yield from self._form.values()
        for tree in (*self._query.values(), self._body):
            yield from templates_in(tree)

    def built(self, context: Context, own: Mapping[str, Any] | None = None) -> BuiltRequest:
        """The request with the values of a context, and with `own`: fields of the administrator's own, for the body.

        Raises:
            TemplateFailed: a template cannot be rendered, or a segment of the path is empty.
        """
        with rendering():
            return self._built(context, own)

    def _built(self, context: Context, own: Mapping[str, Any] | None) -> BuiltRequest:
        body = rendered_tree(self._body, context)
        form = {name: template.text(context) for name, template in self._form.items()}
        if own and form:
            form = {**{name: as_text(value) for name, value in own.items()}, **form}
        elif own and isinstance(body, dict):
            body = with_own(own, body)
        built = BuiltRequest(
            method=self._operation.method,
            address=self._path(context) + self._query_string(context),
            headers={name: self._header(template, context) for name, template in self._headers.items()},
            json=body,
            form=form or None,
            scope=self._operation.scope,
        )
        if len(built.address) + size_of_tree(body) + size_of_tree(built.form) > MAX_REQUEST:
            raise TemplateFailed(f"{self.location}: has more than {MAX_REQUEST} characters")
        return built

    def _path(self, context: Context) -> str:
        texts = [template.text(context) for template in self._segments]
        for text, template in zip(texts, self._segments, strict=True):
            if template.names and not text:
                raise TemplateFailed(f"{template.location}: a segment of the path is empty")
        return "/".join(segment(text) for text in texts)

    def _query_string(self, context: Context) -> str:
        pairs = list[tuple[str, str]]()
        for name, tree in self._query.items():
            value = rendered_tree(tree, context)
            many = value if isinstance(value, list) else [value]
            pairs += [(name, as_text(item)) for item in many if item is not None]
        return f"?{urlencode(pairs)}" if pairs else ""

    @staticmethod
    def _header(template: Template, context: Context) -> str:
        text = template.text(context)
        if not text.isascii() or not text.isprintable():
            raise TemplateFailed(f"{template.location}: a header may have printable ASCII only")
        return text


def compiled_headers(texts: Mapping[str, str], location: str, problems: ProblemList) -> Mapping[str, Template]:
    """The templates of headers, or of a form's fields, by name."""
    return {name: problems.template(value, f"{location}.{name}") for name, value in texts.items()}


def _segments(path: str, location: str, problems: ProblemList) -> list[Template]:
    """A template for each segment of a path. Literal text of the definition is quoted too."""
    if "://" in path:
        problems.add(location, "begins with `base_url` already")
    for mark in "?#":
        if mark in path:
            problems.add(location, f"has a {mark}; put what follows it into `query`")
    return [problems.template(part, location) for part in path.split("/")]
