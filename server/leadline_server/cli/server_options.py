"""The options of commands that send requests to a server, and the target that they name."""

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from leadline_server.cli.command_target import CommandTarget, TlsOptions, chosen_target
from leadline_server.cli.contexts import BadContexts
from leadline_server.cli.exit_codes import fail


def _options(
    server: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The server's address; else LEADLINE_SERVER, or 127.0.0.1:50051.")
    ] = "",
    account: Annotated[str, typer.Option(metavar="ID", help="The account; else LEADLINE_ACCOUNT, or demo.")] = "",
    *,
    context: Annotated[str, typer.Option(metavar="NAME", help="The context to use; see leadline context.")] = "",
    tls: Annotated[bool, typer.Option("--tls", help="Connect with TLS. The other --tls options do so, too.")] = False,
    tls_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The CAs of the server's certificate, in PEM.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate to show to the server, in PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of --tls-cert, in PEM.")] = None,
    tls_name: Annotated[
        str, typer.Option(metavar="NAME", help="The name in the server's certificate, if it is not the address's.")
    ] = "",
) -> None:
    """The options that all of these commands have."""


PARAMETERS: Sequence[inspect.Parameter] = list(inspect.signature(_options).parameters.values())
NAMES: Sequence[str] = [parameter.name for parameter in PARAMETERS]


def target_of(options: dict[str, Any], timeout: float = 10.0) -> CommandTarget:
    """The target that the values of these options name; ends the command if the contexts cannot be used."""
    tls = TlsOptions(
        is_on=options["tls"],
        ca=_text(options["tls_ca"]),
        certificate=_text(options["tls_cert"]),
        key=_text(options["tls_key"]),
        name=options["tls_name"],
    )
    try:
        return chosen_target(
            server=options["server"],
            account=options["account"],
            context=options["context"],
            timeout=timeout,
            tls=tls or None,
        )
    except BadContexts as error:
        fail([str(error)])


def with_target(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, and the target that they name as its first argument."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        options = {name: given.pop(name) for name in NAMES}
        command(target_of(options), **given)

    set_signature(run, [*own, *PARAMETERS])
    return run


def set_signature(command: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Make typer read these parameters as the command's options."""
    named = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in parameters]
    command.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined] # typer reads the options from it
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in named}


def _text(path: Path | None) -> str:
    return "" if path is None else str(path)
