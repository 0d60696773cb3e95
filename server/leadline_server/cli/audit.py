"""The commands `leadline audit export` and `verify`.

They read the ledger itself, also while a server uses it. `export` can also ask a server.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer

from leadline_server.cli import server_options
from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, existing, settings_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.ledger.audit_snapshot import AuditSnapshot

_SHOWN: Final = 20

Known = Mapping[str, Mapping[int, bytes]]


def _export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - for standard output.")],
    account: Annotated[
        str | None, typer.Option("--account", metavar="ID", help="One account only; empty: the server's own entries.")
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    **where: Any,
) -> None:
    """Write the audit trail as JSON lines. It may run while a server uses the ledger.

    It reads the ledger itself. With --server or --context it asks that server, for one account.

    The file has the hash of each entry, so `leadline audit verify FILE` needs no ledger. Keep it where those who can
    write the ledger cannot write, and compare later states of the ledger with it.

    Exit codes: 0 done, 1 the ledger cannot be read or the server refuses, 2 wrong usage.
    """
    if where["server"] or where["context"]:
        target = server_options.target_of({**where, "account": account or ""})
        if account == "":
            target = replace(target, account="")
        with _lines_of_server(target) as lines:
            count = _write(lines, file, force=force)
    else:
        with _snapshot(settings_of(ledger, data_dir, config)) as snapshot:
            count = _write(_lines(snapshot, account), file, force=force)
    if str(file) != "-":
        typer.echo(f"Wrote {file}: {count:,} lines.")


def export(**given: Any) -> None:  # noqa: D103 - it has the text of `_export`
    _export(**given)


def _prepare() -> None:
    """Give `export` its own options, and those that name a server."""
    own = [one for one in inspect.signature(_export, eval_str=True).parameters.values() if one.name != "where"]
    names = {one.name for one in own}
    export.__doc__ = _export.__doc__
    server_options.set_signature(export, [*own, *(one for one in server_options.PARAMETERS if one.name not in names)])


_prepare()


def _write(lines: Iterator[str], file: Path, *, force: bool) -> int:
    with _writable(file, force=force) as output:
        return sum(1 for line in lines if output.write(f"{line}\n"))


@contextmanager
def _lines_of_server(target: CommandTarget) -> Iterator[Iterator[str]]:
    from leadline import Client, LeadlineError

    from leadline_server.cli.audit_remote import exported_lines
    from leadline_server.cli.error_messages import exit_code, for_people
    from leadline_server.cli.session import client_of

    with client_of(Client, target) as client:
        try:
            yield exported_lines(client, target.account)
        except LeadlineError as error:
            fail([for_people(error, target)], exit_code(error))


def verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An export to verify; without it, the ledger.")
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with an earlier export, or with the server's log in JSON."),
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Find entries of the audit trail that were changed, deleted or moved. It may run while a server uses the ledger.

    A person who can write the ledger can also write a new, whole chain. Only --anchors finds that.

    Exit codes: 0 nothing was found, 1 something was, 2 wrong usage.
    """
    known = _known(anchors)
    if file is not None:
        found = _problems_of_export(file, known)
    else:
        with _snapshot(settings_of(ledger, data_dir, config)) as snapshot:
            found = list(snapshot.problems(known))
    _show(found)
    raise typer.Exit(ExitCode.REFUSED if found else ExitCode.DONE)


def _lines(snapshot: "AuditSnapshot", account: str | None) -> Iterator[str]:
    from leadline_server.audit.export import anchor_line, entry_line, first_line, start_line

    yield first_line()
    for account_id, start in snapshot.starts.items():
        if account in (None, account_id):
            yield start_line(start)
            yield from map(entry_line, snapshot.entries(account_id))
            yield anchor_line(snapshot.anchors[account_id])


def _known(anchors: Path | None) -> Known:
    from leadline_server.audit.export import known_anchors

    if anchors is None:
        return {}
    with _readable(anchors) as lines:
        known = known_anchors(lines)
    if not known:
        fail([f'{anchors}: it has no anchors. It must be an export, or the server\'s log with log_format = "json".'])
    return known


def _problems_of_export(file: Path, known: Known) -> Sequence[str]:
    from leadline_server.audit.export import BadExport, problems

    with _readable(file) as lines:
        try:
            return list(problems(lines, known))
        except BadExport as error:
            fail([f"{file}: {error}."])


@contextmanager
def _snapshot(settings: "Settings") -> "Iterator[AuditSnapshot]":
    from leadline_server.config_values import is_postgres

    with _in_postgres(settings) if is_postgres(settings.ledger) else _in_file(settings) as snapshot:
        yield snapshot


@contextmanager
def _in_file(settings: "Settings") -> "Iterator[AuditSnapshot]":
    import sqlite3

    from leadline_server.ledger.sqlite.audit_export import audit_snapshot
    from leadline_server.storage.read_only import read_only

    path = existing(settings.ledger_path)
    try:
        with read_only(path) as connection, audit_snapshot(connection) as snapshot:
            yield snapshot
    except sqlite3.Error as error:
        fail([f"{path} cannot be read: {error}."], ExitCode.REFUSED)


@contextmanager
def _in_postgres(settings: "Settings") -> "Iterator[AuditSnapshot]":
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.ledger.postgres.audit_export import postgres_audit_snapshot
    from leadline_server.ledger_opening import address_of
    from leadline_server.storage.postgres.address import shown

    try:
        with postgres_audit_snapshot(address_of(settings)) as snapshot:
            yield snapshot
    except LedgerUnavailable as error:
        fail([f"{shown(settings.ledger)} cannot be read: {error}"], ExitCode.REFUSED)


@contextmanager
def _readable(file: Path) -> Iterator[TextIO]:
    try:
        with file.open(encoding="utf-8") as lines:
            yield lines
    except (OSError, UnicodeDecodeError) as error:
        fail([f"{file} cannot be read: {error}."])


@contextmanager
def _writable(file: Path, *, force: bool) -> Iterator[TextIO]:
    import os
    import sys

    if str(file) == "-":
        yield sys.stdout
        return
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(file, flags, 0o600)
    except FileExistsError:
        fail([f"{file} exists; --force replaces it."])
    except OSError as error:
        fail([f"{file} cannot be written: {error.strerror}."])
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        yield output


def _show(found: Sequence[str]) -> None:
    from leadline_server.cli.output import printable

    for problem in found[:_SHOWN]:
        typer.echo(printable(problem))
    if len(found) > _SHOWN:
        typer.echo(f"... and {len(found) - _SHOWN:,} more")
    if not found:
        typer.echo("The audit trail is sound.")
