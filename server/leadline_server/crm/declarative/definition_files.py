"""Loads definitions from files, and checks them."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from leadline_server.crm.declarative.authorizers import check_authentication
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, compile_definition
from leadline_server.crm.declarative.definition import Definition
from leadline_server.crm.declarative.definition_check import check
from leadline_server.definitions.problems import BadDefinition, ProblemList

MAX_FILE: Final = 1_000_000

_SHIPPED: Final = "leadline_server.crm.declarative.shipped"


def shipped_names() -> list[str]:
    """The names of the definitions that come with leadline, such as `espocrm`."""
    files = resources.files(_SHIPPED).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load_definition(name: str) -> CompiledDefinition:
    """A definition, by the name of a shipped one or by the path of its file.

    Raises:
        BadDefinition: it cannot be read, or has problems. All of them are listed.
    """
    return parse_definition(_read(name))


def parse_definition(text: str) -> CompiledDefinition:
    """A definition from its text. Raises BadDefinition."""
    try:
        definition = Definition.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadDefinition([f"it is not TOML: {error}"]) from None
    except ValidationError as error:
        raise BadDefinition([_sentence(detail) for detail in error.errors()]) from None
    problems = ProblemList()
    compiled = compile_definition(definition, problems)
    check(compiled, problems)
    check_authentication(definition, problems)
    if problems.problems:
        raise BadDefinition(problems.problems)
    return compiled


def _read(name: str) -> str:
    if name in shipped_names():
        return (resources.files(_SHIPPED) / f"{name}.toml").read_text(encoding="utf-8")
    path = Path(name)
    if path.suffix != ".toml":
        known = ", ".join(shipped_names())
        raise BadDefinition([f"{name}: leadline has no such definition; it has {known}. A file's name ends in .toml"])
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadDefinition([f"the file has more than {MAX_FILE} bytes"])
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadDefinition([f"the file cannot be read: {reason}"]) from None


def _sentence(detail: Any) -> str:
    """A problem that pydantic found, with its location. The tags that pydantic adds for unions are left out."""
    location, before = "", ""
    for part in detail["loc"]:
        is_tag = before == "authentication" or part in _TYPES or part == "[key]"
        before = part
        if isinstance(part, int):
            location += f"[{part}]"
        elif not is_tag:
            location += f".{part}" if location else str(part)
    if detail["type"] == "extra_forbidden":
        return f"{location}: there is no such key"
    return f"{location or 'the file'}: {str(detail['msg']).removeprefix('Value error, ')}"


_TYPES: Final = frozenset({"constrained-str", "float", "str", "dict", "list"})
"""Names of types that pydantic adds to the location of a problem, for a field with several types."""
