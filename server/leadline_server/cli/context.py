"""The commands `leadline context list`, `use`, `set` and `delete`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from leadline_server.cli import contexts
from leadline_server.cli.contexts import BadContexts, Context, Contexts
from leadline_server.cli.exit_codes import ExitCode, fail

_MOST_BYTES: Final = 100_000

Name = Annotated[str, typer.Argument(help="The context's name.")]
_File = Path | None


def list_contexts(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs. It has no keys.")] = False
) -> None:
    """List the contexts; * marks the one in use.

    Exit codes: 0 done, 2 the contexts cannot be read.
    """
    found = _loaded()
    if as_json:
        import json

        typer.echo(json.dumps([_shown(name, context, found) for name, context in found.named.items()], indent=2))
        return
    for name, context in found.named.items():
        mark = "*" if name == found.current else " "
        words = [context.server or "-", context.account or "-", *_traits(context)]
        typer.echo(f"{mark} {name}  {'  '.join(words)}")
    if not found.named:
        typer.echo("There are no contexts. Make one: leadline context set NAME --server HOST:PORT")


def use_context(name: Annotated[str, typer.Argument(help="The context's name; - for none.")]) -> None:
    """Use a context in later commands that name no other server.

    Exit codes: 0 done, 2 there is no such context.
    """
    found = _loaded()
    if name == "-":
        _save(Contexts(found.named))
        typer.echo("No context is in use.")
        return
    _named(found, name)
    _save(Contexts(found.named, name))
    typer.echo(f"The context {name} is in use.")


def set_context(  # noqa: PLR0913 a parameter is an option of the command line
    name: Name,
    *,
    server: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The server's address.")] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="The account.")] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the API key, which is copied; - reads it.")
    ] = None,
    tls: Annotated[bool | None, typer.Option("--tls/--no-tls", help="Whether the connection has TLS.")] = None,
    tls_ca: Annotated[_File, typer.Option(metavar="FILE", help="The CAs of the server's certificate.")] = None,
    tls_cert: Annotated[_File, typer.Option(metavar="FILE", help="The certificate to show to the server.")] = None,
    tls_key: Annotated[_File, typer.Option(metavar="FILE", help="The key of --tls-cert.")] = None,
    tls_name: Annotated[str | None, typer.Option(metavar="NAME", help="The name in the server's certificate.")] = None,
) -> None:
    """Make a context, or change the given values of one. The first one is used at once.

    Exit codes: 0 done, 2 a value cannot be used.
    """
    found = _loaded()
    given: dict[str, Any] = {
        "server": server,
        "account": account,
        "api_key": None if api_key_file is None else _key(api_key_file),
        "tls": True if tls is None and (tls_ca or tls_cert or tls_name) else tls,
        "tls_ca": _path(tls_ca),
        "tls_cert": _path(tls_cert),
        "tls_key": _path(tls_key),
        "tls_name": tls_name,
    }
    if tls is False:
        given |= dict.fromkeys(("tls_ca", "tls_cert", "tls_key", "tls_name"), "")
    changed = replace(
        found.named.get(name, Context()), **{key: value for key, value in given.items() if value is not None}
    )
    if bool(changed.tls_cert) != bool(changed.tls_key):
        fail(["--tls-cert needs --tls-key, and --tls-key needs --tls-cert"])
    try:
        named = {**found.named, contexts.check_name(name): changed}
    except BadContexts as error:
        fail([str(error)])
    current = found.current if found.named else name
    file = _save(Contexts(named, current))
    typer.echo(f"The context {name} is in {file}{', and in use' if current == name else ''}.")


def delete_context(name: Name) -> None:
    """Delete a context, with its API key.

    Exit codes: 0 done, 2 there is no such context.
    """
    found = _loaded()
    _named(found, name)
    named = {other: context for other, context in found.named.items() if other != name}
    _save(Contexts(named, "" if found.current == name else found.current))
    typer.echo(f"The context {name} is deleted.")


def _loaded() -> Contexts:
    try:
        return contexts.load_contexts()
    except BadContexts as error:
        fail([str(error)])


def _named(found: Contexts, name: str) -> Context:
    try:
        return found.get(name)
    except BadContexts as error:
        fail([str(error)], ExitCode.USAGE)


def _save(changed: Contexts) -> Path:
    try:
        return contexts.save_contexts(changed)
    except BadContexts as error:
        fail([str(error)])


def _key(file: Path) -> str:
    """The key in a file. It is no option itself, because other users of the machine see the options of a process."""
    try:
        text = (sys.stdin.read(_MOST_BYTES) if str(file) == "-" else file.read_text("utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        fail([f"{file} cannot be read ({type(error).__name__})"])
    if not text or not text.isascii() or not text.isprintable():
        fail([f"{file} has no API key"])
    return text


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _traits(context: Context) -> list[str]:
    traits = {"TLS": context.tls, "client certificate": bool(context.tls_cert), "API key": bool(context.api_key)}
    return [trait for trait, has in traits.items() if has]


def _shown(name: str, context: Context, found: Contexts) -> dict[str, Any]:
    return {
        "name": name,
        "in_use": name == found.current,
        "server": context.server,
        "account": context.account,
        "has_api_key": bool(context.api_key),
        "tls": context.tls,
        "tls_ca": context.tls_ca,
        "tls_cert": context.tls_cert,
        "tls_key": context.tls_key,
        "tls_name": context.tls_name,
    }
