"""Templates of definitions: Jinja2 (jinja.palletsprojects.com) with the sandbox on, and only what a request needs.

A template is straight-line: no loops, no calls, nothing that reads another template, so that its cost is bounded by
what it is given. What it is given are values, and values are never templates: nothing is rendered twice.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT: Final = 200_000
"""The characters that a template may come to."""

Context = Mapping[str, Any]

_FORBIDDEN: Final = (
    nodes.For,
    nodes.Call,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
    nodes.Block,
    nodes.Macro,
    nodes.CallBlock,
    nodes.FilterBlock,
    nodes.With,
)
_BUILT_IN_FILTERS: Final = ("default", "first", "int", "join", "last", "length", "lower", "replace", "trim", "upper")

_expression: Final = re.compile(r"\s*\{\{-?(.*)-?\}\}\s*", re.DOTALL)


class TemplateFailed(Exception):
    """A template cannot be rendered with the values that there are. The message names the place, and no value."""


class Template:
    """One text of a definition.

    Args:
        source: what stands there.
        place: where it stands, for messages.

    Raises:
        ValueError: it is no template, or one that does what templates of definitions may not; the message has no place.
    """

    def __init__(self, source: str, place: str) -> None:
        self.place = place
        try:
            tree = _environment.parse(source)
            self.names: Final = frozenset(meta.find_undeclared_variables(tree))
            if (forbidden := next(tree.find_all(_FORBIDDEN), None)) is not None:
                raise ValueError(f"a template has no {type(forbidden).__name__.lower()}; use filters and if")
            self._evaluate: Callable[[Context], Any] = _compiled(source, tree)
        except jinja2.TemplateSyntaxError as error:
            raise ValueError(f"is no template: {error.message}") from None

    def value(self, context: Context) -> Any:
        """The value itself where the template is one expression and nothing else, `{{ like_this }}`; else a text.

        Raises:
            TemplateFailed: a value is missing, of the wrong kind, or too long.
        """
        try:
            value = self._evaluate(context)
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise TemplateFailed(f"{self.place}: cannot be rendered ({type(error).__name__})") from error
        if isinstance(value, jinja2.Undefined):
            raise TemplateFailed(f"{self.place}: cannot be rendered (it is undefined)")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise TemplateFailed(f"{self.place}: comes to more than {MAX_TEXT} characters")
        return value

    def text(self, context: Context) -> str:
        """The value as a text; none is the empty one."""
        return as_text(self.value(context))


def as_text(value: Any) -> str:
    """A value as it stands in an address or between other texts: as JSON has it, none empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compiled(source: str, tree: nodes.Template) -> Callable[[Context], Any]:
    """What evaluates a template: a text without markup to itself, an expression to its own value, all else to text."""
    parts = [part for node in tree.body if isinstance(node, nodes.Output) for part in node.nodes]
    if len(tree.body) == len([node for node in tree.body if isinstance(node, nodes.Output)]):
        if all(isinstance(part, nodes.TemplateData) for part in parts):
            text = "".join(part.data for part in parts if isinstance(part, nodes.TemplateData))
            return lambda _: text
        whole = _expression.fullmatch(source)
        if whole and len(parts) == 1:
            expression = _environment.compile_expression(whole[1].removesuffix("-"), undefined_to_none=False)
            return lambda context: expression(**context)
    template = _environment.from_string(source)
    return template.render


class _Environment(ImmutableSandboxedEnvironment):
    """Refuses what could make much of little: `"x" * 1000000000`, `"%1000000000d" % 1`, every method."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - the signature is Jinja2's
        return False  # keys of mappings are no attributes


def time(moment: str | None, form: str, zone: str = "UTC") -> str | int | float | None:
    """A time of the context in another form: of `strftime`, or `epoch`, `epoch_ms` (since 1970, UTC)."""
    if moment is None:
        return None
    at = datetime.fromisoformat(moment)
    if form in {"epoch", "epoch_ms"}:
        return int(at.timestamp() * (1 if form == "epoch" else 1000))
    return at.astimezone(ZoneInfo(zone)).strftime(form)


def read_time(value: Any, form: str) -> datetime | None:
    """A time that a CRM says; None where it says none, or something else. Without an offset it is UTC."""
    try:
        if form in {"epoch", "epoch_ms"}:
            return datetime.fromtimestamp(float(value) / (1 if form == "epoch" else 1000), UTC)
        moment = datetime.fromisoformat(value) if form == "iso" else datetime.strptime(value, form)  # noqa: DTZ007 - below
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def first_names(name: str) -> str:
    """All of a name before its last word; empty for a name of one word."""
    return name.strip().rpartition(" ")[0].strip()


def last_name(name: str) -> str:
    """The last word of a name."""
    return name.strip().rpartition(" ")[2]


def limit(text: str | None, most: int) -> str | None:
    """The beginning of a text."""
    return None if text is None else str(text)[:most]


def without(text: str | None, characters: str) -> str | None:
    """A text without some characters that the CRM does not take."""
    return None if text is None else str(text).translate(dict.fromkeys(map(ord, characters)))


def base64(text: str) -> str:
    """A text in Base64 (RFC 4648), by way of UTF-8."""
    return b64encode(text.encode()).decode()


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "base64": base64,
    "first_names": first_names,
    "last_name": last_name,
    "limit": limit,
    "time": time,
    "without": without,
}
"""What templates have besides Jinja2's own filters."""


def _make() -> _Environment:
    environment = _Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.finalize = as_text
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _BUILT_IN_FILTERS} | dict(FILTERS)
    return environment


_environment: Final = _make()

FILTER_NAMES: Final = tuple(sorted(_environment.filters))
"""All filters that templates have."""
