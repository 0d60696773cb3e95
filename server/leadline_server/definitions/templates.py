"""Templates of definitions: a small part of Jinja2 (jinja.palletsprojects.com), in its sandbox.

Example: `{{ contact.name | limit(40) }}` with the values `{"contact": {"name": "Ada"}}` is `Ada`.

A template has no loops, no calls, no variables of its own, and reads no other template. A filter that could produce a
long text from a short one computes the length first. So the cost of a template is limited by its length and its values.
Its parts are counted on load, and the characters that filters read and make while it is rendered. Values are never
rendered as templates.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import sync_do_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

from leadline_server.definitions.rendering_cost import charged, rendering
from leadline_server.domain.person_name import split_name

MAX_TEXT: Final = 200_000
"""The most characters of a rendered template."""

MAX_BETWEEN: Final = 1_000_000
"""The most characters of a filter's result within a template. The longest transcript fits in, also as HTML."""

MAX_PARTS: Final = 100
"""The most parts of a template: names, filters, operators, and texts between them."""

_MAX_TIME_FORMAT: Final = 200  # characters of a time format: the C library produces at most 256 times as many

_EPOCHS: Final = {"epoch": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}

Context = Mapping[str, Any]

_LITERALS: Final = (nodes.List, nodes.Tuple, nodes.Dict)
_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.If,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    *_LITERALS,
    nodes.Pair,
    nodes.Keyword,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.Concat,
    nodes.BinExpr,
    nodes.UnaryExpr,
)
_BUILT_IN_FILTERS: Final = ("default", "first", "int", "last", "length", "lower", "trim", "upper")

_FAILURES: Final = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,  # a filter for texts got a number
    LookupError,
    OSError,  # "Europe" is a folder of time zones
    TypeError,
    ValueError,
)

_expression: Final = re.compile(r"\s*\{\{-?(.*)-?\}\}\s*", re.DOTALL)


class TemplateFailed(Exception):
    """A template cannot be rendered with these values. The message names its location, and no value."""


class Template:
    """One text of a definition.

    Args:
        source: the text.
        location: where the text stands in the file, for messages: `operations.check.path`.

    Raises:
        ValueError: it is not a template, or uses a feature that is not allowed. The message does not name the location.
    """

    def __init__(self, source: str, location: str) -> None:
        self.location = location
        try:
            tree = _environment.parse(source)
            _check(tree)
            self.names: Final = frozenset(name.name for name in tree.find_all(nodes.Name))
            self._evaluate: Callable[[Context], Any] = _compiled(source, tree)
        except jinja2.TemplateSyntaxError as error:
            raise ValueError(f"is not a template: {error.message}") from None
        except (RecursionError, SyntaxError):
            raise ValueError("is nested too deeply") from None

    def value(self, context: Context) -> Any:
        """The value of the expression if the template is a single one, such as `{{ number }}`; else a text.

        Raises:
            TemplateFailed: a value is missing, has a wrong type, or is too long.
        """
        try:
            with rendering():
                value = self._evaluate(context)
        except _FAILURES as error:
            raise TemplateFailed(f"{self.location}: cannot be rendered ({type(error).__name__})") from error
        if isinstance(value, jinja2.Undefined):
            raise TemplateFailed(f"{self.location}: cannot be rendered (it is undefined)")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise TemplateFailed(f"{self.location}: has more than {MAX_TEXT} characters")
        return value

    def text(self, context: Context) -> str:
        """The value as a text; empty for None."""
        return as_text(self.value(context))


def as_text(value: Any) -> str:
    """A value as part of an address or a text: `true` for True, empty for None."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(tree: nodes.Template) -> None:
    """Raise ValueError if a template uses a feature that is not allowed."""
    forbidden = next((node for node in tree.find_all(nodes.Node) if not isinstance(node, _ALLOWED)), None)
    if forbidden is not None:
        raise ValueError(f"a template has no {type(forbidden).__name__.lower()}; use filters and if")
    if sum(1 for _ in tree.find_all(nodes.Expr)) > MAX_PARTS:
        raise ValueError(f"a template has at most {MAX_PARTS} parts")
    if any(True for literal in tree.find_all(_LITERALS) for _ in literal.find_all(_LITERALS)):
        # Rendered as text, a list doubles the backslashes in it, and each outer list doubles them again.
        raise ValueError("a template has no list within a list")


def _compiled(source: str, tree: nodes.Template) -> Callable[[Context], Any]:
    """The function that evaluates a template: to itself without markup, to its value if it is one expression."""
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
    """Refuses operations that produce long texts from short ones: `"x" * 1000000000`, `"%1000000000d" % 1`, methods."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - the signature is Jinja2's
        return False  # templates read keys of mappings, which are not attributes

    def wrap_str_format(self, value: Any) -> None:
        """Refuse `format` too, which the sandbox returns before it asks whether an attribute is safe."""


def time(moment: str | None, form: str, zone: str = "UTC") -> str | int | float | None:
    """A time in another format: of `strftime`, or `epoch` or `epoch_ms` (seconds or milliseconds since 1970)."""
    if moment is None:
        return None
    if len(form) > _MAX_TIME_FORMAT:
        raise ValueError("the time format is too long")
    at = datetime.fromisoformat(moment)
    if form in {"epoch", "epoch_ms"}:
        return int(at.timestamp() * (1 if form == "epoch" else 1000))
    return at.astimezone(ZoneInfo(zone)).strftime(form)


def read_time(value: Any, form: str) -> datetime | None:
    """A time in JSON; None if there is none, or if it cannot be read. Without an offset it is UTC.

    Args:
        value: the text or the number.
        form: `iso` (ISO 8601), `epoch`, `epoch_ms` or `epoch_us` (seconds, milliseconds or microseconds since 1970),
            `rfc2822` (Tue, 24 Nov 2026 14:00:00 +0000), or a format of strptime.
    """
    try:
        if form in _EPOCHS:
            return datetime.fromtimestamp(float(value) / _EPOCHS[form], UTC)
        if form == "rfc2822":
            return parsedate_to_datetime(value).astimezone(UTC)
        moment = datetime.fromisoformat(value) if form == "iso" else datetime.strptime(value, form)  # noqa: DTZ007 - below
    except (TypeError, ValueError, OverflowError, OSError, AttributeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_time(moment: datetime, form: str) -> str:
    """A time as text: the reverse of `read_time`."""
    if form in _EPOCHS:
        return str(int(moment.timestamp() * _EPOCHS[form]))
    if form == "rfc2822":
        return format_datetime(moment)
    in_utc = moment.astimezone(UTC)
    return in_utc.isoformat().replace("+00:00", "Z") if form == "iso" else in_utc.strftime(form)


def first_names(name: str) -> str:
    """The first names: all words of a name but the last. Empty for a name of one word."""
    return split_name(name.strip())[0]


def last_name(name: str) -> str:
    """The last name: the last word, or all of a name that cannot be split (see `split_name`)."""
    return split_name(name.strip())[1]


def limit(text: str | None, most: int) -> str | None:
    """The beginning of a text."""
    return None if text is None else str(text)[:most]


def without(text: str | None, characters: str) -> str | None:
    """A text without characters that the CRM does not accept."""
    return None if text is None else str(text).translate(dict.fromkeys(map(ord, characters)))


def base64(text: str) -> str:
    """A text in UTF-8 and then Base64 (RFC 4648)."""
    written = text.encode()
    _bound(len(written) * 4 // 3)
    return b64encode(written).decode()


def replace(s: Any, old: Any, new: Any, count: int | None = None) -> str:
    """Jinja2's `replace`, with a limit of the result."""
    text, old, new = str(s), str(old), str(new)
    most = -1 if count is None else count
    replaced = text.count(old) if most < 0 else min(text.count(old), most)
    _bound(len(text) + replaced * (len(new) - len(old)))
    return text.replace(old, new, most)


@jinja2.pass_eval_context
def join(context: nodes.EvalContext, value: Iterable[Any], d: Any = "", attribute: str | None = None) -> str:
    """Jinja2's `join`, with a limit of the result."""
    values, between = list(value), str(d)
    _bound(len(values) * len(between))
    return sync_do_join(context, values, between, attribute)


def _bound(length: int) -> None:
    """Raise ValueError if the result would have too many characters."""
    if length > MAX_BETWEEN:
        raise ValueError(f"an intermediate text has more than {MAX_BETWEEN} characters")


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "base64": base64,
    "first_names": first_names,
    "join": join,
    "last_name": last_name,
    "limit": limit,
    "replace": replace,
    "time": time,
    "without": without,
}
"""leadline's own filters. Templates have a few of Jinja2's too."""


def _make() -> _Environment:
    environment = _Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.finalize = as_text
    environment.globals.clear()
    filters = {name: environment.filters[name] for name in _BUILT_IN_FILTERS} | dict(FILTERS)
    environment.filters = {name: charged(work) for name, work in filters.items()}
    return environment


_environment: Final = _make()

FILTER_NAMES: Final = tuple(sorted(_environment.filters))
"""All filters that templates have."""
