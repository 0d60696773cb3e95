"""Loads ingress definitions from files, and checks them."""

from typing import Final

from leadline_server.definitions import files
from leadline_server.definitions.problems import BadDefinition, ProblemList
from leadline_server.ingress.compiled_definition import CompiledIngress, compile_ingress
from leadline_server.ingress.definition import IngressDefinition

_SHIPPED: Final = "leadline_server.ingress.definitions"


def shipped_names() -> list[str]:
    """The names of the definitions that come with leadline, such as `twilio`."""
    return files.shipped_names(_SHIPPED)


def load_ingress(name: str) -> CompiledIngress:
    """A definition, by the name of a shipped one or by the path of its file.

    Raises:
        BadDefinition: it cannot be read, or has problems. All of them are listed.
    """
    return parse_ingress(files.read_definition(name, _SHIPPED))


def parse_ingress(text: str) -> CompiledIngress:
    """A definition from its text. Raises BadDefinition."""
    definition = files.validated(IngressDefinition, text)
    problems = ProblemList()
    compiled = compile_ingress(definition, problems)
    if problems.problems:
        raise BadDefinition(problems.problems)
    return compiled
