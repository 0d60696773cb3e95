"""JMESPath expressions (jmespath.org), which read values from the JSON of an answer or an event."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from leadline_server.definitions.path_cost import MAX_GROWTH, BoundedInterpreter, growth

MAX_FIELD: Final = 10_000
"""The most characters of a field that are kept."""


class AnswerPath:
    """One expression.

    Example: `AnswerPath("data.items[].phone").texts(document)` may be `("+12025550147", "101")`.

    Args:
        source: the expression.

    Raises:
        ValueError: it is not an expression, or its value may be more than MAX_GROWTH times as large as the document.
            The message says where the error is.
    """

    def __init__(self, source: str) -> None:
        try:
            self._expression = jmespath.compile(source)
        except JMESPathError as error:
            raise ValueError(f"is not a JMESPath expression: {' '.join(str(error).split())}") from None
        if growth(self._expression.parsed) > MAX_GROWTH:
            raise ValueError(f"may find more than {MAX_GROWTH} times as much as the document has")

    def find(self, document: Any) -> Any:
        """The value in a document; None if there is none, or if the expression does not fit the document.

        Raises:
            CrmTooMuch: it takes more than MAX_STEPS to find it.
        """
        try:
            return BoundedInterpreter().visit(self._expression.parsed, document)
        except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError):
            return None

    def text(self, document: Any) -> str:
        """The value as a text; empty if it is neither a text nor a number."""
        return _text(self.find(document))

    def texts(self, document: Any) -> tuple[str, ...]:
        """The values as texts, each once. The expression may find one value or a list."""
        found = self.find(document)
        many = found if isinstance(found, list) else [found]
        return tuple(dict.fromkeys(text for item in many if (text := _text(item))))

    def records(self, document: Any) -> Sequence[Mapping[str, Any]] | None:
        """The list of objects; None if the expression finds anything else."""
        found = self.find(document)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            return None
        return found

    def items(self, document: Any) -> Sequence[Any]:
        """The values that are not null: of a list each, of anything else that alone."""
        found = self.find(document)
        return [item for item in (found if isinstance(found, list) else [found]) if item is not None]

    def is_true(self, document: Any) -> bool:
        """Whether JMESPath takes the value for true: it is not false, null, or empty."""
        found = self.find(document)
        return found is not None and found is not False and found not in ("", [], {})

    def holds(self, document: Any) -> bool:
        """Whether the value is true itself, and not just present."""
        return self.find(document) is True


def _text(found: Any) -> str:
    if isinstance(found, str):
        return found[:MAX_FIELD]
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)
    return ""
