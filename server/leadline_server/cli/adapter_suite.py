"""The command `leadline adapter test`: the conformance suite over an adapter."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.adapter_try import definition_settings
from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.ports.crm import CrmAdapter


class KitLevel(StrEnum):
    """How far the suite goes: the steps of "How to start" in docs/remote-adapters.md."""

    LOOKUP = "lookup"
    CONTACTS = "contacts"
    LOGS = "logs"
    FULL = "full"


def run_suite(  # noqa: PLR0913, PLR0917 a parameter is an option of the command line
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The address of an adapter in another process.")
    ] = "",
    definition: Annotated[
        str, typer.Option(metavar="FILE", help="A definition's file, or the name of a shipped one, in place of it.")
    ] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A variable of the definition; repeatable.")
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VARIABLE", help="A variable by the environment, for secrets; repeatable."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the token that the adapter asks for.")
    ] = None,
    level: Annotated[
        KitLevel, typer.Option(help="How far the adapter has come: what comes later is skipped.")
    ] = KitLevel.FULL,
    crm_url: Annotated[
        str, typer.Option(metavar="URL", help="The CRM's base URL: a proxy in front of it makes it fail.")
    ] = "",
    proxy: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where that proxy listens: the base URL for the adapter.")
    ] = "127.0.0.1:50070",
    about: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A fact about the CRM, such as max_name=80; repeatable."),
    ] = None,
    only: Annotated[
        str, typer.Option(metavar="EXPRESSION", help="Run the tests whose names match, as -k of pytest.")
    ] = "",
) -> None:
    """Run the conformance suite over an adapter with a sandbox. It creates contacts and logs there.

    Exit codes: 0 all was tested and holds, 1 something does not hold, 2 wrong usage, 4 something was not tested.
    """
    if not (find_spec("pytest") and find_spec("pytest_asyncio")):
        fail(["The suite needs pytest and pytest-asyncio: pip install pytest pytest-asyncio."])
    from leadline_server.testing.kit_adapter import Level
    from leadline_server.testing.kit_run import KitPlan, run

    if bool(address) == bool(definition):
        fail(["Give one of --address and --definition."])
    host, _, port = proxy.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        fail([f"--proxy {proxy}: must be HOST:PORT."])

    if definition:
        definition_settings(definition, settings or [], variables or [])  # before any test, for its problems

    def opened() -> AbstractAsyncContextManager["CrmAdapter"]:
        return _remote(address, token_file) if address else _by_definition(definition, settings or [], variables or [])

    facts = facts_about(definition, about or [])
    plan = KitPlan(
        open_adapter=opened,
        level=Level(level.value),
        crm_url=crm_url,
        proxy_host=host,
        proxy_port=int(port),
        about=facts,
    )
    failed, not_tested = run(plan, *(["-k", only] if only else []))
    if failed:
        raise typer.Exit(ExitCode.REFUSED)
    raise typer.Exit(ExitCode.CANNOT_TELL if not_tested else ExitCode.DONE)


_HIGHEST_PORT = 65_535


_FACTS: Final[Mapping[str, Callable[[str], Any]]] = {
    "region": str,
    "max_name": int,
    "max_note": int,
    "patience": float,
    "lost_texts": str,
}
"""The facts that a person may state, by their names in `CrmUnderTest`. `lost_texts` may be stated several times."""


def facts_about(definition: str, stated: Sequence[str]) -> dict[str, Any]:
    """Arguments of `CrmUnderTest`: what the definition says, and what a person states. Wrong ones end the command."""
    facts: dict[str, Any] = {"lost_texts": _gaps_of(definition)}
    problems = list[str]()
    for pair in stated:
        name, _, value = pair.partition("=")
        try:
            fact = _FACTS[name](value)
        except KeyError:
            problems.append(f"--about {pair}: there is no {name}. There are: {', '.join(_FACTS)}.")
        except ValueError:
            problems.append(f"--about {pair}: must be a number")
        else:
            facts[name] = facts[name] | {fact} if name == "lost_texts" else fact
    if problems:
        fail(problems)
    return facts


def _gaps_of(definition: str) -> frozenset[str]:
    """The kinds of text that a definition says the CRM changes. An invalid definition is reported later."""
    from leadline_server.crm.declarative.definition_files import load_definition
    from leadline_server.definitions.problems import BadDefinition

    try:
        return frozenset(load_definition(definition).definition.known_gaps.texts) if definition else frozenset()
    except BadDefinition:
        return frozenset()


def _remote(address: str, token_file: Path | None) -> AbstractAsyncContextManager["CrmAdapter"]:
    from leadline_server.crm.remote.adapter_type import remote_crm

    token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
    return remote_crm(address, token=token)


def _by_definition(file: str, given: list[str], variables: list[str]) -> AbstractAsyncContextManager["CrmAdapter"]:
    from leadline_server.crm.declarative.adapter_type import HTTP
    from leadline_server.testing.adapter_under_test import open_adapter

    return open_adapter(HTTP, definition_settings(file, given, variables).model_dump(mode="python"))
