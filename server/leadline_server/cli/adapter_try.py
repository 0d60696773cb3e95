"""`leadline adapter try`: one operation of a definition against a real CRM, with all that was sent and came back."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    from leadline_server.cli.trying import Attempt
    from leadline_server.crm.http.connecting import HttpSettings

_LONGEST: Final = 4_000  # characters of an answer that are shown to people


class TryOperation(StrEnum):
    """What can be tried."""

    CHECK = auto()
    FIND = auto()
    GET = auto()
    SEARCH = auto()
    CREATE = auto()
    LOG = auto()


_VALUES: Final[Mapping[TryOperation, str]] = {
    TryOperation.CHECK: "",
    TryOperation.FIND: "NUMBER...",
    TryOperation.GET: "ID",
    TryOperation.SEARCH: "NAME",
    TryOperation.CREATE: "NAME NUMBER",
    TryOperation.LOG: "CONTACT_ID",
}
_WRITES: Final = {TryOperation.CREATE, TryOperation.LOG}


def try_definition(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A definition: its file, or the name of a shipped one.")],
    operation: Annotated[
        TryOperation,
        typer.Argument(metavar="OPERATION", help="check, find, get or search; with --write also create and log."),
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[VALUE]...", help="Numbers, an id, a name: what the operation takes.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A variable of the definition; repeatable.")
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VARIABLE", help="The same from the environment: for secrets; repeatable."),
    ] = None,
    region: Annotated[str, typer.Option(metavar="CODE", help="The region that numbers are read in.")] = "US",
    write: Annotated[bool, typer.Option("--write", help="Allow what writes to the CRM.")] = False,  # noqa: FBT002 - a flag
    as_json: Annotated[bool, typer.Option("--json", help="Output for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Ask a CRM by a definition: what was sent, what came back, and what leadline makes of it.

    Exit codes: 0 done, 1 the CRM refuses, 2 wrong usage or a wrong definition, 4 cannot tell.
    """
    from leadline_server.cli import fail
    from leadline_server.cli.trying import attempt
    from leadline_server.domain.numbers.phone_number import is_region

    given = values or []
    _check_usage(operation, given, write=write)
    if not is_region(region):
        fail([f"--region {region}: it is an ISO 3166-1 code of two letters, such as US."])
    import asyncio

    done = asyncio.run(attempt(_settings(file, settings or [], variables or []), operation.value, given, region))
    if as_json:
        typer.echo(json.dumps(done.document(), indent=2, ensure_ascii=False, default=str))
    else:
        _show(done)
    raise typer.Exit(done.exit_code)


def _check_usage(operation: TryOperation, values: Sequence[str], *, write: bool) -> None:
    from leadline_server.cli import fail

    wanted = _VALUES[operation]
    is_right = bool(values) if wanted.endswith("...") else len(values) == len(wanted.split())
    if not is_right:
        fail([f"{operation.value} takes {wanted or 'nothing'}."])
    if operation in _WRITES and not write:
        fail([f"{operation.value} writes to the CRM. Allow it with --write."])


def _settings(file: str, given: Sequence[str], variables: Sequence[str]) -> "HttpSettings":
    """The connection's settings. What is wrong with them ends the command."""
    from pydantic import ValidationError

    from leadline_server.cli import fail
    from leadline_server.crm.http.connecting import HttpSettings

    options: dict[str, Any] = {"definition": file}
    problems = list[str]()
    for pair in given:
        name, _, value = pair.partition("=")
        options[name] = value
    for pair in variables:
        name, _, variable = pair.partition("=")
        if variable not in os.environ:
            problems.append(f"--env {pair}: the environment has no {variable}")
        options[name] = os.environ.get(variable, "")
    try:
        settings = HttpSettings.model_validate(options)
    except ValidationError as error:
        problems += [_sentence(detail) for detail in error.errors()]
    if problems:
        fail(problems)
    return settings


def _sentence(detail: Any) -> str:
    name, message = ".".join(map(str, detail["loc"])), str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "definition":
        return message
    if detail["type"] == "missing":
        return f"{name}: the definition needs it; give it with --set {name}=VALUE or --env {name}=VARIABLE"
    return f"{name}: there is no such variable" if detail["type"] == "extra_forbidden" else f"{name}: {message}"


def _show(done: "Attempt") -> None:
    from leadline_server.cli.show import printable

    for exchange in done.exchanges:
        typer.echo(printable(f"-> {exchange.operation}: {exchange.method} {exchange.address}"))
        if exchange.sent is not None:
            typer.echo(printable(_indented(json.dumps(exchange.sent, indent=2, ensure_ascii=False, default=str))))
        typer.echo(printable(f"<- {exchange.status or 'no answer'}"))
        if exchange.answer:
            typer.echo(printable(_indented(_shortened(exchange.answer))))
        typer.echo()
    typer.echo(printable("\n".join(done.lines)), err=bool(done.error))


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())


def _shortened(answer: str) -> str:
    with suppress(ValueError):  # what is no JSON is shown as it came
        answer = json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    return answer if len(answer) <= _LONGEST else f"{answer[:_LONGEST]}\n... ({len(answer):,} characters in all)"
