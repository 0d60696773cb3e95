"""The cost of rendering: the characters that filters read and make, counted over all templates of one request.

Each filter has a bound of its own. A template of a hundred filters over a long transcript still takes a while, and a
body may have any number of templates.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final

MAX_RENDERING: Final = 8_000_000
"""The most characters that all filters of one request together may read and make."""

_left: ContextVar[list[int] | None] = ContextVar("characters left", default=None)


@contextmanager
def rendering() -> Iterator[None]:
    """All templates in the body share MAX_RENDERING characters. Within another body, they share those of that one."""
    if _left.get() is not None:
        yield
        return
    begun = _left.set([MAX_RENDERING])
    try:
        yield
    finally:
        _left.reset(begun)


def charged(work: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose characters are counted: those of its arguments, and of its result.

    It raises ValueError if no character is left.
    """

    @wraps(work)  # which also copies Jinja2's mark of filters that get the context
    def counted(*values: Any, **options: Any) -> Any:
        _charge(*values, *options.values())
        made = work(*values, **options)
        _charge(made)
        return made

    return counted


def _charge(*values: Any) -> None:
    left = _left.get()
    if left is None:
        return
    left[0] -= sum(len(value) for value in values if isinstance(value, str | list | tuple))
    if left[0] < 0:
        raise ValueError(f"the templates read and make more than {MAX_RENDERING} characters")
