"""The command `leadline adapter try`, which runs one operation of a definition against a real CRM."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.exit_codes import fail

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.cli.definition_trial import DefinitionTrial
    from leadline_server.crm.declarative.adapter_type import HttpSettings

_MOST_SHOWN: Final = 4_000  # characters of an answer that people are shown


class TrialOperation(StrEnum):
    """The operations that can be tried."""

    CHECK = auto()
    FIND = auto()
    GET = auto()
    SEARCH = auto()
    CREATE = auto()
    LOG = auto()


_VALUES: Final[Mapping[TrialOperation, str]] = {
    TrialOperation.CHECK: "",
    TrialOperation.FIND: "NUMBER...",
    TrialOperation.GET: "ID",
    TrialOperation.SEARCH: "NAME",
    TrialOperation.CREATE: "NAME NUMBER",
    TrialOperation.LOG: "CONTACT_ID",
}
_WRITES: Final = {TrialOperation.CREATE, TrialOperation.LOG}


def try_definition(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A definition's file, or the name of a shipped one.")],
    operation: Annotated[
        TrialOperation,
        typer.Argument(metavar="OPERATION", help="check, find, get or search; with --write also create and log."),
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="VALUE", help="The numbers, the id or the name for the operation.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A variable of the definition; repeatable.")
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="NAME=VARIABLE",
            help="A variable with the value of an environment variable, for secrets; repeatable.",
        ),
    ] = None,
    region: Annotated[str, typer.Option(metavar="CODE", help="The region of numbers without a country code.")] = "US",
    write: Annotated[bool, typer.Option("--write", help="Allow operations that write to the CRM.")] = False,  # noqa: FBT002 - a flag
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Run one operation of a definition, and show the requests, the answers and the result.

    Exit codes: 0 done, 1 the CRM refuses, 2 wrong usage or an invalid definition, 3 no such contact, 4 cannot tell.
    """
    import asyncio

    from leadline_server.cli.definition_trial import run_trial
    from leadline_server.domain.numbers.phone_number import is_region

    given = values or []
    _check_usage(operation, given, write=write)
    if not is_region(region):
        fail([f"--region {region}: must be an ISO 3166-1 code of two letters, such as US."])
    trial = asyncio.run(
        run_trial(definition_settings(file, settings or [], variables or []), operation.value, given, region)
    )
    if as_json:
        typer.echo(json.dumps(trial.document(), indent=2, ensure_ascii=False, default=str))
    else:
        _show(trial)
    raise typer.Exit(trial.exit_code)


def _check_usage(operation: TrialOperation, values: Sequence[str], *, write: bool) -> None:
    wanted = _VALUES[operation]
    is_right = bool(values) if wanted.endswith("...") else len(values) == len(wanted.split())
    if not is_right:
        fail([f"{operation.value} takes {wanted or 'nothing'}."])
    if operation in _WRITES and not write:
        fail([f"{operation.value} writes to the CRM. Allow it with --write."])


def definition_settings(file: str, given: Sequence[str], variables: Sequence[str]) -> "HttpSettings":
    """The connection's settings. Invalid ones end the command."""
    from pydantic import ValidationError

    from leadline_server.crm.declarative.adapter_type import HttpSettings

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
        return f"{name}: the definition requires it; give it with --set {name}=VALUE or --env {name}=VARIABLE"
    return f"{name}: there is no such variable" if detail["type"] == "extra_forbidden" else f"{name}: {message}"


def _show(trial: "DefinitionTrial") -> None:
    from leadline_server.cli.output import printable

    for exchange in trial.exchanges:
        typer.echo(printable(f"-> {exchange.operation}: {exchange.method} {exchange.address}"))
        if exchange.sent is not None:
            typer.echo(printable(_indented(json.dumps(exchange.sent, indent=2, ensure_ascii=False, default=str))))
        typer.echo(printable(f"<- {exchange.status or 'no answer'}"))
        if exchange.answer:
            typer.echo(printable(_indented(_shortened(exchange.answer))))
        typer.echo()
    typer.echo(printable("\n".join(trial.lines)), err=bool(trial.error))


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())


def _shortened(answer: str) -> str:
    with suppress(ValueError):  # an answer that is not JSON is shown unchanged
        answer = json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    return answer if len(answer) <= _MOST_SHOWN else f"{answer[:_MOST_SHOWN]}\n... ({len(answer):,} characters in all)"
