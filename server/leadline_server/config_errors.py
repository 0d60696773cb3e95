"""Invalid settings in words: the setting's name as the user wrote it, the reason, and the file and line."""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from leadline_server.domain.unshown import unshown

Location = Sequence[str | int]
"""Where a value is, such as `("accounts", "acme", "time_zone")`."""

_KEY: Final = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w-]+))\s*(\.|=|\]|$)""")
_LINE: Final = re.compile(r":(\d+)\)$")
_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is required",
    "string_type": lambda _: "must be a text",
    "path_type": lambda _: "must be a path",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "dict_type": lambda _: "must be a table",
    "model_type": lambda _: "must be a table",
    "list_type": lambda _: "must be a list",
    "tuple_type": lambda _: "must be a list",
    "greater_than": lambda limits: f"must be more than {limits['gt']:,.15g}",
    "greater_than_equal": lambda limits: f"must be at least {limits['ge']:,.15g}",
    "less_than": lambda limits: f"must be less than {limits['lt']:,.15g}",
    "less_than_equal": lambda limits: f"must be at most {limits['le']:,.15g}",
    "literal_error": lambda limits: f"must be {limits['expected']}",
    "enum": lambda limits: f"must be {limits['expected']}",
    "too_short": lambda limits: f"must have {limits['min_length']:,} or more",
    "too_long": lambda limits: f"must have {limits['max_length']:,} at most",
    "string_too_short": lambda limits: f"must have {limits['min_length']:,} or more characters",
    "string_too_long": lambda limits: f"must have {limits['max_length']:,} characters at most",
    "string_pattern_mismatch": lambda limits: f"must be of the form {limits['pattern']}",
}


@unshown
@dataclass(frozen=True, slots=True)
class SettingsSources:
    """The user's input: flags, environment variables, and a file.

    Attributes:
        flags: the flags that were given, by the setting's name.
        prefix: how the names of environment variables begin.
        file: the TOML file, if there is one.
        text: the file's text; empty if it cannot be read.
        document: the file's values; empty if it is not valid.
        problems: why the file cannot be used.
    """

    flags: Mapping[str, Any]
    prefix: str
    file: Path | None = None
    text: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    problems: Sequence[str] = ()

    @classmethod
    def read(cls, flags: Mapping[str, Any], prefix: str) -> Self:
        """The sources; the file is read if a flag or the environment names one."""
        name = flags.get("config") or os.environ.get(f"{prefix}CONFIG")
        if not name:
            return cls(flags, prefix)
        try:
            text = Path(name).read_text(encoding="utf-8")
            return cls(flags, prefix, Path(name), text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            problem = f"{name} is not valid TOML: {error}"
        except UnicodeDecodeError:
            problem = f"{name} is not a text in UTF-8"
        except OSError as error:
            problem = f"{name} cannot be read: {error.strerror}"
        return cls(flags, prefix, Path(name), problems=[f"config: {problem}"])

    def problem(self, location: Location, reason: str) -> str:
        """A sentence about a setting: `--listen: REASON`, `LEADLINE_LISTEN: REASON` or `listen: REASON (FILE:3)`."""
        first = str(location[0]) if len(location) == 1 else ""
        if first in self.flags:
            return f"--{first.replace('_', '-')}: {reason}"
        if (variable := f"{self.prefix}{first.upper()}") in os.environ:
            return f"{variable}: {reason}"
        return self.in_file(location, reason)

    def in_file(self, location: Location, reason: str) -> str:
        """A sentence about a key of the file."""
        path = ".".join(str(part) or "''" for part in location) or "settings"
        line = line_of(self.text, location)
        return f"{path}: {reason} ({self.file}:{line})" if line else f"{path}: {reason}"

    def invalid(self, detail: Mapping[str, Any], known: Iterable[str], within: Location = ()) -> str:
        """A sentence about an error of pydantic.

        Args:
            detail: the error.
            known: the names that are known where the error is.
            within: the location of the table that was validated.
        """
        # pydantic adds "[key]" if a key is invalid, and not its value.
        location = (*within, *(part for part in detail["loc"] if part != "[key]"))
        if detail["type"] == "extra_forbidden":
            return self.in_file(location, unknown(str(location[-1]), known))
        return self.problem(location, _reason(detail))


def unknown(name: str, known: Iterable[str]) -> str:
    """Say that there is no such setting, and name the one that is meant if one is similar."""
    similar = difflib.get_close_matches(name, list(known), 1, 0.7)
    return f"no such setting; did you mean {similar[0]}?" if similar else "no such setting"


def line_of(text: str, location: Location) -> int | None:
    """The line of a TOML text that has a value, or the nearest table around it; None if it has neither."""
    wanted = tuple(map(str, location))
    best, depth = None, 0
    for number, path in _paths(text):
        common = len(path) if path == wanted[: len(path)] else 0
        if common > depth:
            best, depth = number, common
    return best


def by_line(problems: Iterable[str]) -> list[str]:
    """The sentences about flags and variables as they are, and then those about the file from its top to its end."""
    return sorted(problems, key=lambda problem: int(found[1]) if (found := _LINE.search(problem)) else 0)


def without(document: Mapping[str, Any], locations: Iterable[Location]) -> dict[str, Any]:
    """The document without the values at these locations."""
    rest = {name: _copied(value) for name, value in document.items()}
    for location in locations:
        _remove(rest, [part for part in location if part != "[key]"])
    return rest


def _reason(detail: Mapping[str, Any]) -> str:
    if words := _WORDS.get(detail["type"]):
        return words(detail.get("ctx", {}))
    return str(detail["msg"]).removeprefix("Value error, ")


def _paths(text: str) -> Iterable[tuple[int, tuple[str, ...]]]:
    """The number and the full path of each line that begins a table or has a key."""
    table: tuple[str, ...] = ()
    quotes = ""  # of the string of several lines that is open
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            quotes = "" if line.count(quotes) % 2 else quotes
            continue
        if line.lstrip().startswith("["):
            table = _key(line.lstrip().lstrip("["))
            yield number, table
        elif key := _key(line):
            yield number, (*table, *key)
        quotes = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")


def _key(text: str) -> tuple[str, ...]:
    """The parts of the dotted key that a text begins with; none if it begins with no key."""
    parts: list[str] = []
    while found := _KEY.match(text):
        parts.append(next((part for part in found.groups()[:3] if part is not None), ""))
        if found[4] != ".":
            return tuple(parts) if found[4] else ()
        text = text[found.end() :]
    return ()


def _copied(value: Any) -> Any:
    return {name: _copied(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def _remove(table: dict[str, Any], location: Location) -> None:
    """Remove the deepest value of a location that a table has."""
    for index, part in enumerate(location):
        inner = table.get(str(part))
        if index + 1 == len(location) or not isinstance(inner, dict):
            table.pop(str(part), None)
            return
        if str(location[index + 1]) not in inner:  # a value is missing: without it, the table is invalid
            table.pop(str(part), None)
            return
        table = inner
