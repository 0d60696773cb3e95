"""The command `leadline doctor`: checks what a server needs, and says what to do."""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from leadline_server.cli.diagnosis import Diagnosis
from leadline_server.cli.doctor_certificates import certificates, contexts
from leadline_server.cli.doctor_keys import check_keys
from leadline_server.cli.doctor_records import check_audit, check_traces
from leadline_server.cli.doctor_replicas import replicas
from leadline_server.cli.exit_codes import ExitCode
from leadline_server.cli.ledger import Config, DataDir, LedgerPath

if TYPE_CHECKING:
    from leadline_server.config import Settings

_FULL: Final = 100_000_000  # bytes; a disk with less stops taking calls soon
_NEARLY_FULL: Final = 1_000_000_000
_CLOCK_SECONDS: Final = 60.0  # file systems and clocks of one machine differ by less


def doctor(
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check settings, ledger, clock, disk, keys, audit trail, certificates, connections and more; say what to do.

    It may run while a server uses the ledger. Give it the server's options and environment.
    It changes no call and no contact. To check connections it may renew a CRM's tokens, as a server does.

    Exit codes: 0 nothing is wrong, or only warnings; 1 there is a problem.
    """
    found = list(_diagnoses({"ledger": ledger, "data_dir": data_dir, "config": config}))
    _show(found, as_json=as_json)
    raise typer.Exit(ExitCode.REFUSED if any(one.state == "problem" for one in found) else ExitCode.DONE)


def _diagnoses(flags: dict[str, object]) -> Iterator[Diagnosis]:
    from leadline_server.config_loading import BadSettings, load_settings
    from leadline_server.config_values import is_postgres

    try:
        settings = load_settings(flags)
    except BadSettings as error:
        *others, last = error.problems
        for problem in others:
            yield Diagnosis("settings", "problem", problem)
        wrong = "these" if others else "it"
        yield Diagnosis("settings", "problem", last, f"Correct {wrong}; the other checks need valid settings.")
        return
    yield Diagnosis("settings", "ok", f"valid; accounts: {len(settings.accounts)}")
    yield from _in_postgres(settings) if is_postgres(settings.ledger) else _in_file(settings)
    yield from certificates(settings)
    yield from contexts()
    for name in settings.connections:
        yield _connection(settings, name)


def _in_file(settings: "Settings") -> Iterator[Diagnosis]:
    checks: list[Callable[[Settings], Diagnosis]] = [
        _ledger,
        _clock,
        _descriptors,
        _disk,
        _key,
        check_audit,
        check_traces,
    ]
    yield from (check(settings) for check in checks)
    yield from replicas(settings)


def _in_postgres(settings: "Settings") -> Iterator[Diagnosis]:
    from leadline_server.cli.doctor_postgres import diagnosed

    yield _descriptors(settings)
    yield check_traces(settings)
    yield from diagnosed(settings)


def _ledger(settings: "Settings") -> Diagnosis:
    from leadline_server.storage.read_only import read_only

    path = settings.ledger_path
    if not path.exists():
        return _missing_ledger(path)
    try:
        with read_only(path) as connection:
            [(version,)] = connection.execute("SELECT max(version) FROM schema_migrations").fetchall()
    except (sqlite3.Error, OSError) as error:
        return Diagnosis("ledger", "problem", f"{path} cannot be read: {error}", "Run: leadline ledger check")
    if not os.access(path, os.W_OK):
        return Diagnosis("ledger", "problem", f"{path} cannot be written", "Run the server as the owner of the file.")
    return Diagnosis("ledger", "ok", f"{path}, schema {version}")


def _missing_ledger(path: Path) -> Diagnosis:
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not existing.is_dir():
        action = "Name another folder with --data-dir, or another file with --ledger."
        return Diagnosis("ledger", "problem", f"{existing} is not a folder", action)
    return Diagnosis("ledger", "ok", f"{path} does not exist yet; the server creates it")


def _clock(settings: "Settings") -> Diagnosis:
    """A file that was written in the future shows that the clock was set back."""
    paths = [path for path in (settings.ledger_path, Path(f"{settings.ledger_path}-wal")) if path.exists()]
    ahead = max((path.stat().st_mtime for path in paths), default=0.0) - time.time()
    if ahead > _CLOCK_SECONDS:
        found = f"the ledger was written {ahead:,.0f} seconds in the future"
        return Diagnosis("clock", "problem", found, "Set the clock, and keep it with NTP.")
    return Diagnosis("clock", "ok", "not behind the ledger")


def _descriptors(settings: "Settings") -> Diagnosis:
    from leadline_server.transport.connections import connection_limits

    possible = connection_limits(settings.max_connections, settings.max_connection_age).grpc
    if possible < settings.max_connections:
        found = f"open files suffice for {possible:,} of {settings.max_connections:,} gRPC connections"
        action = "Raise the hard limit (LimitNOFILE=65536 in systemd), or lower max_connections."
        return Diagnosis("descriptors", "warning", found, action)
    return Diagnosis("descriptors", "ok", f"enough for {possible:,} gRPC connections")


def _disk(settings: "Settings") -> Diagnosis:
    import shutil

    folder = _existing_parent(settings.ledger_path.absolute().parent)
    free = shutil.disk_usage(folder).free
    found = f"{free // 1_000_000:,} MB are free in {folder}"
    if not os.access(folder, os.W_OK):
        return Diagnosis("disk", "problem", f"{folder} cannot be written", "Let the server's user write to it.")
    if free < _NEARLY_FULL:
        state: Literal["warning", "problem"] = "problem" if free < _FULL else "warning"
        return Diagnosis("disk", state, found, "Free space, or lower keep_calls_days.")
    return Diagnosis("disk", "ok", found)


def _existing_parent(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _key(settings: "Settings") -> Diagnosis:
    from leadline_server.backup.restoring import needed_keys

    try:
        needed = needed_keys(settings) if settings.ledger_path.exists() else frozenset[str]()
    except (sqlite3.Error, OSError):
        needed = frozenset()  # the check of the ledger says more
    return check_keys(settings, needed)


def _connection(settings: "Settings", name: str) -> Diagnosis:
    import asyncio

    from leadline_server.cli.connections import ask_connection
    from leadline_server.config_values import is_postgres

    check = f"connection {name}"
    if not (is_postgres(settings.ledger) or settings.ledger_path.exists()):
        return Diagnosis(check, "warning", "not asked, since there is no ledger", "Start the server first.")
    checked = asyncio.run(ask_connection(settings, name))
    action = f"Run: leadline connections check {name}"
    if checked.problem:
        return Diagnosis(check, "problem", checked.problem, action)
    if checked.report.missing:
        return Diagnosis(check, "problem", "required fields have no value", action)
    return Diagnosis(check, "ok", "the CRM answers")


def _show(found: list[Diagnosis], *, as_json: bool) -> None:
    from leadline_server.cli.output import printable

    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    width = max(len(one.check) for one in found)
    for one in found:
        text = f"{one.found.removesuffix('.')}. {one.action}" if one.action else one.found
        typer.echo(printable(f"{one.check:<{width}}  {one.state:<7}  {text}"))
