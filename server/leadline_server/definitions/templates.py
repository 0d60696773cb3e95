"""Templates of definitions: Jinja2 (jinja.palletsprojects.com) with the sandbox on, and only what a request needs.

A template is straight-line: no loops, no calls, no names of its own, nothing that reads another template, and a filter
that could make much of little looks at what it would come to first. So its cost is bounded by its length and by what it
is given. What it is given are values, and values are never templates: nothing is rendered twice.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import sync_do_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

from leadline_server.domain.person_name import split_name

MAX_TEXT: Final = 200_000
"""The characters that a template may come to."""

MAX_BETWEEN: Final = 1_000_000
"""The characters that a filter may come to on the way there: the longest transcript has room, also made HTML of."""

_MAX_FORM: Final = 200  # of a time: the C library makes 256 times as much of it at most

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
    AttributeError,  # a filter for texts that is given a number
    LookupError,
    OSError,  # "Europe" is no time zone, but a folder of them
    TypeError,
    ValueError,
)

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
            _check(tree)
            self.names: Final = frozenset(name.name for name in tree.find_all(nodes.Name))
            self._evaluate: Callable[[Context], Any] = _compiled(source, tree)
        except jinja2.TemplateSyntaxError as error:
            raise ValueError(f"is no template: {error.message}") from None
        except (RecursionError, SyntaxError):
            raise ValueError("is nested too deeply") from None

    def value(self, context: Context) -> Any:
        """The value itself where the template is one expression and nothing else, `{{ like_this }}`; else a text.

        Raises:
            TemplateFailed: a value is missing, of the wrong kind, or too long.
        """
        try:
            value = self._evaluate(context)
        except _FAILURES as error:
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


def _check(tree: nodes.Template) -> None:
    """Raise ValueError where a template does what templates of definitions may not."""
    forbidden = next((node for node in tree.find_all(nodes.Node) if not isinstance(node, _ALLOWED)), None)
    if forbidden is not None:
        raise ValueError(f"a template has no {type(forbidden).__name__.lower()}; use filters and if")
    if any(True for literal in tree.find_all(_LITERALS) for _ in literal.find_all(_LITERALS)):
        # As a text, a list doubles the backslashes of the texts in it; so would each list around it.
        raise ValueError("a template has no list within a list")


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

    def wrap_str_format(self, value: Any) -> None:
        """Not even `format`, which the sandbox hands out before it asks whether an attribute is safe."""


def time(moment: str | None, form: str, zone: str = "UTC") -> str | int | float | None:
    """A time of the context in another form: of `strftime`, or `epoch`, `epoch_ms` (since 1970, UTC)."""
    if moment is None:
        return None
    if len(form) > _MAX_FORM:
        raise ValueError("the form is too long")
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
    return split_name(name.strip())[0]


def last_name(name: str) -> str:
    """The last word of a name."""
    return split_name(name.strip())[1]


def limit(text: str | None, most: int) -> str | None:
    """The beginning of a text."""
    return None if text is None else str(text)[:most]


def without(text: str | None, characters: str) -> str | None:
    """A text without some characters that the CRM does not take."""
    return None if text is None else str(text).translate(dict.fromkeys(map(ord, characters)))


def base64(text: str) -> str:
    """A text in Base64 (RFC 4648), by way of UTF-8."""
    written = text.encode()
    _bound(len(written) * 4 // 3)
    return b64encode(written).decode()


def replace(s: Any, old: Any, new: Any, count: int | None = None) -> str:
    """Jinja2's `replace`, if it does not come to too much."""
    text, old, new = str(s), str(old), str(new)
    most = -1 if count is None else count
    replaced = text.count(old) if most < 0 else min(text.count(old), most)
    _bound(len(text) + replaced * (len(new) - len(old)))
    return text.replace(old, new, most)


@jinja2.pass_eval_context
def join(context: nodes.EvalContext, value: Iterable[Any], d: Any = "", attribute: str | None = None) -> str:
    """Jinja2's `join`, if it does not come to too much."""
    values, between = list(value), str(d)
    _bound(len(values) * len(between))
    return sync_do_join(context, values, between, attribute)


def _bound(length: int) -> None:
    """Raise ValueError, before so many characters are made."""
    if length > MAX_BETWEEN:
        raise ValueError(f"comes to more than {MAX_BETWEEN} characters on the way")


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
