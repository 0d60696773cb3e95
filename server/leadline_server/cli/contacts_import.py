"""`leadline contacts import FILE`: fills the embedded CRM's contact book from a CSV or vCard file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    from collections.abc import Iterator

    from leadline_server.config import Settings
    from leadline_server.crm.embedded.importing import ImportSummary
    from leadline_server.crm.embedded.readers import ContactRecord, RowProblem
    from leadline_server.domain.numbers.numbering_rules import NumberingRules

_SHOWN_PROBLEMS = 20


def import_contacts_command(
    file: Annotated[Path, typer.Argument(help="A .csv, .vcf or .vcard file.")],
    account: Annotated[str, typer.Option(help="The account whose contact book is filled.")] = "demo",
    data_dir: Annotated[Path | None, typer.Option(help="The folder of the embedded ledger and CRM.")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings and accounts.")] = None,
) -> None:
    """Import contacts, safe beside a running server. Running it again doubles nothing.

    Exit codes: 0 every row was taken, 1 some were skipped, 2 wrong usage.
    """
    import asyncio

    from leadline_server.cli.exit_codes import fail
    from leadline_server.config import BadSettings, load_settings
    from leadline_server.crm.embedded.readers import UnreadableFile
    from leadline_server.domain.errors import LeadlineError

    try:
        settings = load_settings({"data_dir": data_dir, "config": config})
        with file.open("rb") as stream:
            summary, problems = asyncio.run(_import(settings, file, stream, account))
    except BadSettings as error:
        fail(error.problems)
    except (LeadlineError, UnreadableFile) as error:
        fail([str(error)])
    except OSError as error:
        fail([f"{error.filename or file}: {error.strerror}."])
    _show(summary, problems, settings, account)
    raise typer.Exit(1 if summary.skipped else 0)


async def _import(
    settings: "Settings", file: Path, stream: BinaryIO, account: str
) -> "tuple[ImportSummary, list[RowProblem]]":
    from rich.console import Console
    from rich.progress import Progress

    from leadline_server.crm.embedded import open_crm_database
    from leadline_server.crm.embedded.importing import IMPORT_CACHE, IMPORT_CHECKPOINT_AFTER, import_contacts
    from leadline_server.crm.embedded.rekeying import rekey_books

    records = _records(file, stream)
    rules = await _rules(settings, account)
    problems: list[RowProblem] = []
    database = await open_crm_database(settings.crm_path, checkpoint_after=IMPORT_CHECKPOINT_AFTER, cache=IMPORT_CACHE)
    try:
        await rekey_books(database, {account: rules})
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Importing contacts", total=os.fstat(stream.fileno()).st_size)

            def note(_: "ImportSummary") -> None:
                progress.update(bar, completed=stream.tell())

            def keep(problem: "RowProblem") -> None:
                if len(problems) < _SHOWN_PROBLEMS:
                    problems.append(problem)

            summary = await import_contacts(database, account, records, rules, on_progress=note, on_problem=keep)
    finally:
        await database.close()
    return summary, problems


async def _rules(settings: "Settings", account: str) -> "NumberingRules":
    """How the account's numbers are read: by the ledger if there is one, else by the settings that it begins with."""
    from leadline_server.domain.errors import AccountNotFound
    from leadline_server.domain.numbers.numbering_rules import numbering_rules
    from leadline_server.ledger.sqlite import open_sqlite_ledger

    if settings.ledger_path.exists():
        async with open_sqlite_ledger(settings.ledger_path) as ledger:
            return (await ledger.accounts.get(account)).numbering
    if account not in settings.accounts:
        raise AccountNotFound(account)
    return numbering_rules(settings.accounts[account].default_region, "", ())


def _records(file: Path, stream: BinaryIO) -> "Iterator[ContactRecord | RowProblem]":
    from leadline_server.crm.embedded.readers import UnreadableFile, read_csv, read_vcards

    kind = file.suffix.lower()
    if kind in {".vcf", ".vcard"}:
        return read_vcards(stream)
    if kind in {".csv", ".tsv", ".txt"}:
        return read_csv(stream)
    raise UnreadableFile(f"{file.name}: unknown kind of file. Known are .csv and .vcf.")


def _show(summary: "ImportSummary", problems: "list[RowProblem]", settings: "Settings", account: str) -> None:
    rows = [
        ("created", summary.created, ""),
        ("unchanged", summary.unchanged, "imported before"),
        ("skipped", summary.skipped, "could not be read"),
        ("numbers", summary.unusable_numbers, "are no phone numbers; kept, but never matched"),
    ]
    typer.echo(f"Contacts of account {account} in {settings.crm_path}:")
    for name, count, meaning in rows:
        if count or name == "created":
            typer.echo(f"  {name:<10} {count:>10,}  {meaning}".rstrip())
    for problem in problems:
        typer.echo(f"  line {problem.line}: {problem.message}")
    if summary.skipped > len(problems):
        typer.echo(f"  ... and {summary.skipped - len(problems):,} more")
    typer.echo("Next: leadline serve, then leadline contacts find NUMBER, or replay calls: leadline calls import FILE")
