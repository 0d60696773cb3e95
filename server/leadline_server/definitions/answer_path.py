"""JMESPath expressions of definitions (jmespath.org): what is read of an answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

MAX_FIELD: Final = 10_000
"""The characters of a field that are kept."""


class AnswerPath:
    """One expression.

    Args:
        source: the expression.

    Raises:
        ValueError: it is none; the message says where it goes wrong.
    """

    def __init__(self, source: str) -> None:
        try:
            self._expression = jmespath.compile(source)
        except JMESPathError as error:
            raise ValueError(f"is no JMESPath: {' '.join(str(error).split())}") from None

    def find(self, document: Any) -> Any:
        """What the expression finds; None where it finds nothing, or does not fit the document."""
        try:
            return self._expression.search(document)
        except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError):
            return None

    def text(self, document: Any) -> str:
        """What it finds as a text; empty where it finds none. Numbers are written as JSON has them."""
        return _text(self.find(document))

    def texts(self, document: Any) -> tuple[str, ...]:
        """The texts that it finds, one or a list, each once."""
        found = self.find(document)
        many = found if isinstance(found, list) else [found]
        return tuple(dict.fromkeys(text for item in many if (text := _text(item))))

    def records(self, document: Any) -> Sequence[Mapping[str, Any]] | None:
        """The list of objects that it finds; None where it finds something else."""
        found = self.find(document)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            return None
        return found

    def holds(self, document: Any) -> bool:
        """Whether it finds true, and not just something."""
        return self.find(document) is True

    def seconds(self, document: Any) -> float | None:
        """The number of seconds that it finds, as a number or a text."""
        try:
            seconds = float(self.find(document))
        except (TypeError, ValueError):
            return None
        return seconds if 0 <= seconds < 1e9 else None  # noqa: PLR2004 - some thirty years


def _text(found: Any) -> str:
    if isinstance(found, str):
        return found[:MAX_FIELD]
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)
    return ""
