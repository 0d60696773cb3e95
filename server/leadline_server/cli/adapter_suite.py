"""The command `leadline adapter test`: the conformance suite over an adapter."""

from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.ports.crm import CrmAdapter


class KitLevel(StrEnum):
    """How far the suite goes: the steps of "How to start" in docs/remote-adapters.md."""

    LOOKUP = "lookup"
    CONTACTS = "contacts"
    LOGS = "logs"
    FULL = "full"


def run_suite(
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

    def opened() -> AbstractAsyncContextManager["CrmAdapter"]:
        return _remote(address, token_file) if address else _by_definition(definition, settings or [], variables or [])

    plan = KitPlan(
        open_adapter=opened, level=Level(level.value), crm_url=crm_url, proxy_host=host, proxy_port=int(port)
    )
    failed, not_tested = run(plan)
    if failed:
        raise typer.Exit(ExitCode.REFUSED)
    raise typer.Exit(ExitCode.CANNOT_TELL if not_tested else ExitCode.DONE)


_HIGHEST_PORT = 65_535


def _remote(address: str, token_file: Path | None) -> AbstractAsyncContextManager["CrmAdapter"]:
    from leadline_server.crm.remote.adapter_type import remote_crm

    token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
    return remote_crm(address, token=token)


def _by_definition(file: str, given: list[str], variables: list[str]) -> AbstractAsyncContextManager["CrmAdapter"]:
    from leadline_server.cli.adapter_try import definition_settings
    from leadline_server.crm.declarative.adapter_type import HTTP
    from leadline_server.testing.adapter_under_test import open_adapter

    return open_adapter(HTTP, definition_settings(file, given, variables).model_dump(mode="python"))
