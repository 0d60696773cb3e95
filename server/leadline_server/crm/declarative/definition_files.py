"""Loads CRM definitions from files, and checks them."""

from functools import lru_cache
from typing import Final

from leadline_server.crm.declarative.authorizers import check_authentication
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, compile_definition
from leadline_server.crm.declarative.definition import Definition
from leadline_server.crm.declarative.definition_check import check
from leadline_server.definitions import files
from leadline_server.definitions.problems import BadDefinition, ProblemList

_SHIPPED: Final = "leadline_server.crm.declarative.shipped"
MOST_KEPT: Final = 32  # definitions


def shipped_names() -> list[str]:
    """The names of the definitions that come with leadline, such as `espocrm`."""
    return files.shipped_names(_SHIPPED)


def load_definition(name: str) -> CompiledDefinition:
    """A definition, by the name of a shipped one or by the path of its file.

    Raises:
        BadDefinition: it cannot be read, or has problems. All of them are listed.
    """
    return parse_definition(files.read_definition(name, _SHIPPED))


@lru_cache(maxsize=MOST_KEPT)
def parse_definition(text: str) -> CompiledDefinition:
    """A definition from its text. Raises BadDefinition.

    Connections with the same definition share it: to compile its templates takes 50 ms.
    """
    definition = files.validated(Definition, text)
    problems = ProblemList()
    compiled = compile_definition(definition, problems)
    check(compiled, problems)
    check_authentication(definition, problems)
    if problems.problems:
        raise BadDefinition(problems.problems)
    return compiled
