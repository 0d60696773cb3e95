"""Objects about people, or with secrets, show nothing of them.

A `repr` gets into tracebacks and error reports, and from there into logs.
"""

from typing import TypeVar

T = TypeVar("T")


def unshown(kind: type[T]) -> type[T]:
    """Make the objects of a class show its name alone, such as `Contact(...)`. Apply it above `@dataclass`."""
    kind.__repr__ = _shown  # type: ignore[method-assign] # a dataclass has made its own
    return kind


def _shown(thing: object) -> str:
    return f"{type(thing).__name__}(...)"
