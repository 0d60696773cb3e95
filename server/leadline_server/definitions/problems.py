"""Collects the problems of a definition, so that its author sees all of them at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.templates import Template

T = TypeVar("T")


class BadDefinition(Exception):
    """A definition that cannot be used. Each problem begins with its location, such as `operations.check.path: ...`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(slots=True)
class ProblemList:
    """Compiles the texts of a definition, and collects its problems."""

    problems: list[str] = field(default_factory=list)

    def add(self, location: str, message: str) -> None:
        """Add a problem."""
        self.problems.append(f"{location}: {message}")

    def template(self, source: str, location: str) -> Template:
        """The template of a text. For a wrong one, a problem is added, and the result is the empty template."""
        return self._compiled(Template, source, location) or Template("", location)

    def path(self, source: str | None, location: str) -> AnswerPath | None:
        """The JMESPath expression of a text. None for no text, and for a wrong one, which adds a problem."""
        return None if source is None else self._compiled(lambda text, _: AnswerPath(text), source, location)

    def needed_path(self, source: str, location: str) -> AnswerPath:
        """The expression of a required field."""
        return self.path(source, location) or AnswerPath("@")

    def _compiled(self, make: Callable[[str, str], T], source: str, location: str) -> T | None:
        try:
            return make(source, location)
        except ValueError as error:
            self.add(location, str(error))
            return None


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The problem of a template that uses an unknown name."""
    return f"there is no {name} here; there is {', '.join(sorted(known)) or 'nothing'}"
