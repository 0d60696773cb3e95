"""Looks at every object of leadline's that functions are called with, or return, for what it shows."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Look:
    """Looks at objects.

    Attributes:
        shows: the classes of leadline whose objects show one of the words.
    """

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words
        self._seen: dict[int, object] = {}  # what never changes is looked at once
        self.shows: set[str] = set()

    def profile(self, frame: FrameType, event: str, returned: object) -> None:
        """Look at the arguments of a call, and at what a function returns."""
        if event not in ("call", "return") or "leadline_server" not in frame.f_code.co_filename:
            return
        for value in list(frame.f_locals.values()) if event == "call" else [returned]:
            for item in [value, *value[:2]] if isinstance(value, list | tuple) else [value]:
                self._look(item)

    def _look(self, value: object) -> None:
        kind = type(value)
        if not kind.__module__.startswith("leadline_server") or kind.__repr__ is object.__repr__:
            return
        if id(value) in self._seen:
            return
        if getattr(getattr(kind, "__dataclass_params__", None), "frozen", False):
            self._seen[id(value)] = value
        text = _shown(value)
        if any(word in text for word in self._words):
            self.shows.add(f"{kind.__module__}.{kind.__qualname__}")


@contextmanager
def looked_at(*words: str) -> Iterator[set[str]]:
    """The classes of leadline whose objects show one of the words while the body runs."""
    look = _Look(words)
    sys.setprofile(look.profile)
    try:
        yield look.shows
    finally:
        sys.setprofile(None)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - an object that is not made yet shows nothing
        return ""
