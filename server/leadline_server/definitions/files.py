"""Reads definition files: those that come with leadline, by name, and others, by path."""

import tomllib
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from leadline_server.definitions.problems import BadDefinition

MAX_FILE: Final = 1_000_000
"""The most bytes of a definition's file."""

M = TypeVar("M", bound=BaseModel)

_TYPES: Final = frozenset({"constrained-str", "float", "str", "dict", "list"})
"""Names of types that pydantic adds to the location of a problem, for a field with several types."""


def shipped_names(package: str) -> list[str]:
    """The names of the definitions in a package, such as `espocrm`."""
    files = resources.files(package).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def read_definition(name: str, package: str) -> str:
    """The text of a definition: the shipped one with this name, or the file at this path.

    Args:
        name: the name or the path.
        package: the package with the shipped definitions.

    Raises:
        BadDefinition: it cannot be read.
    """
    if name in shipped_names(package):
        return (resources.files(package) / f"{name}.toml").read_text(encoding="utf-8")
    path = Path(name)
    if path.suffix != ".toml":
        known = ", ".join(shipped_names(package))
        raise BadDefinition([f"{name}: leadline has no such definition; it has {known}. A file's name ends in .toml"])
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadDefinition([f"the file has more than {MAX_FILE} bytes"])
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadDefinition([f"the file cannot be read: {reason}"]) from None


def validated(model: type[M], text: str, tagged: Collection[str] = ("authentication",)) -> M:
    """The definition in a text.

    Args:
        model: the definition's model.
        text: the TOML.
        tagged: the keys whose tables differ by their `type`. pydantic adds that type to the location of a problem.

    Raises:
        BadDefinition: it is not TOML, or not what the model says. All problems are listed; TOML's have the line.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadDefinition([f"it is not TOML: {error}"]) from None
    except ValidationError as error:
        raise BadDefinition([_sentence(detail, tagged) for detail in error.errors()]) from None


def _sentence(detail: Any, tagged: Collection[str]) -> str:
    """A problem that pydantic found, with its location. The tags that pydantic adds for unions are left out."""
    location, before = "", ""
    for part in detail["loc"]:
        is_tag = before in tagged or part in _TYPES or part == "[key]"
        before = part
        if isinstance(part, int):
            location += f"[{part}]"
        elif not is_tag:
            location += f".{part}" if location else str(part)
    if detail["type"] == "extra_forbidden":
        return f"{location}: there is no such key"
    if detail["type"] == "missing":
        return f"{location}: is required"
    return f"{location or 'the file'}: {str(detail['msg']).removeprefix('Value error, ')}"
