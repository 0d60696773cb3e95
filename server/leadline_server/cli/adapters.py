"""The commands `leadline adapter list` and `check`, about adapters and CRM definitions."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.exit_codes import ExitCode

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.ports.crm_guarantees import Capabilities

_BY_SETTINGS: Final = "by settings"
_COMPLETE: Final = "complete"  # a LookupRecall


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An adapter, or a shipped definition."""

    adapter: str
    definition: str
    title: str
    built_in: bool
    problem: str = ""
    capabilities: Mapping[str, Any] | None = None


def list_adapters(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """List all installed adapters and all shipped definitions, with their capabilities.

    Exit codes: 0 done, 1 an installed adapter cannot be loaded.
    """
    rows = list(_rows())
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _show(rows)
    raise typer.Exit(ExitCode.REFUSED if any(row.problem for row in rows) else ExitCode.DONE)


def check_definition(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A definition's file, or the name of a shipped one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Check a definition, and print all problems in it. Sends nothing to the CRM.

    Exit codes: 0 the definition is valid, 1 it is not, 2 wrong usage.
    """
    from leadline_server.cli.output import printable
    from leadline_server.crm.declarative.definition_files import load_definition
    from leadline_server.definitions.problems import BadDefinition

    problems: list[str] = []
    try:
        ready = load_definition(file)
    except BadDefinition as error:
        problems = error.problems
    if as_json:
        typer.echo(json.dumps({"definition": file, "problems": problems}, indent=2))
    elif problems:
        typer.echo(printable("\n".join(f"{file}: {problem}" for problem in problems)), err=True)
    else:
        operations = ", ".join(ready.operations)
        typer.echo(printable(f"{file} is valid: {ready.definition.title}, with {operations}."))
    raise typer.Exit(ExitCode.REFUSED if problems else ExitCode.DONE)


def _rows() -> Iterator[_Row]:
    from leadline_server.crm.adapter_registry import BUILT_IN, NoSuchAdapter, adapter_names, adapter_type

    for name in adapter_names():
        try:
            kind = adapter_type(name)
        except NoSuchAdapter as error:
            yield _Row(adapter=name, definition="", title="", built_in=False, problem=str(error))
            continue
        can = _document(kind.capabilities) if kind.capabilities else None
        yield _Row(adapter=name, definition="", title=kind.title, built_in=name in BUILT_IN, capabilities=can)
    yield from _definitions()


def _definitions() -> Iterator[_Row]:
    from leadline_server.crm.declarative.adapter_type import HTTP, default_capabilities
    from leadline_server.crm.declarative.definition_files import load_definition, shipped_names

    for name in shipped_names():
        compiled = load_definition(name)
        can, title = _document(default_capabilities(compiled)), compiled.definition.title
        yield _Row(adapter=HTTP.name, definition=name, title=title, built_in=True, capabilities=can)


def _document(can: "Capabilities") -> Mapping[str, Any]:
    return {
        "finds_log_by_key": can.finds_log_by_key,
        "enforces_unique_key": can.enforces_unique_key,
        "moves_log": can.moves_log,
        "follows_moved_contacts": can.follows_moved_contacts,
        "lookup_recall": can.lookup_recall.value,
        "search_lag": _seconds(can.search_lag),
        "settle_time": _seconds(can.settle_time),
        "contact_types": list(can.contact_types),
        "reads_contacts": can.reads_contacts,
        "searches": can.searches.value,
        "has_subject": can.has_subject,
        "has_company": can.has_company,
        "has_fixed_fields": can.has_fixed_fields,
        "methods": sorted(can.methods),
        "rate_limits": [asdict(limit) for limit in can.rate_limits],
    }


def _seconds(time: timedelta) -> float:
    return time.total_seconds()


def _show(rows: list[_Row]) -> None:
    from leadline_server.cli.output import Column, table
    from leadline_server.cli.session import plain_console

    columns = [Column(title) for title in ("Adapter", "Definition")]
    columns += [Column("Title", can_shrink=True), Column("Built in")]
    columns += [Column(title) for title in ("Finds every form", "Finds logs", "Unique keys", "Moves logs")]
    columns += [Column(title, is_number=True) for title in ("Search lag", "Settles in")]
    columns += [Column("Types"), Column("Problem")]
    table(plain_console(), columns, [_cells(row) for row in rows])


def _cells(row: _Row) -> list[str]:
    can = row.capabilities
    names = ("finds_log_by_key", "enforces_unique_key", "moves_log")
    if can is None:
        promises = ["" if row.problem else _BY_SETTINGS] * (1 + len(names)) + [""] * 3
    else:
        promises = [_yes(can["lookup_recall"] == _COMPLETE), *(_yes(can[name]) for name in names)]
        promises += [f"{can[name]:g} s" for name in ("search_lag", "settle_time")]
        promises.append(", ".join(can["contact_types"]))
    return [row.adapter, row.definition, row.title, _yes(row.built_in), *promises, row.problem]


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell
    return "yes" if value else "no"
