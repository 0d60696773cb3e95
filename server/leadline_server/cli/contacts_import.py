"""`leadline contacts import FILE`: fills the embedded CRM's contact book from a CSV or vCard file."""

import gc
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from leadline_server.cli.command_target import DEFAULT_ACCOUNT

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.crm.embedded.contact_files import ChosenColumn, ContactRecord, DayOrder, FileItem
    from leadline_server.crm.embedded.import_summary import ImportSummary
    from leadline_server.crm.embedded.importing import ImportTarget
    from leadline_server.domain.numbers.numbering_rules import NumberingRules

_SHOWN_CONTACTS = 5  # of a dry run
_GC_THRESHOLD = 200_000  # objects made before Python looks for cycles of references


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of the command line."""

    account: str
    columns: "tuple[ChosenColumn, ...]"
    date_order: "DayOrder | None"
    is_update: bool
    is_dry_run: bool


def import_contacts_command(
    *,
    file: Annotated[Path, typer.Argument(help="A .csv, .vcf or .vcard file.")],
    account: Annotated[
        str, typer.Option(metavar="ID", envvar="LEADLINE_ACCOUNT", help="The account whose contact book is filled.")
    ] = DEFAULT_ACCOUNT,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=HEADER",
            help='The field of a column, such as phone="Tel. dienstlich"; repeatable. Fields: name, first_name,'
            " middle_name, last_name, phone, email, company, title, type, id, created, last_activity, ignore.",
        ),
    ] = None,
    date_order: Annotated[
        str | None,
        typer.Option(metavar="dmy|mdy", help="Whether the day or the month comes first in dates such as 3/4/2024."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Take rows that differ from what was imported before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the columns, the first contacts and the counts; write nothing.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="The folder of the ledger.")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings and accounts.")] = None,
) -> None:
    """Import contacts, safe beside a running server. Running it again creates no duplicates.

    Exit codes: 0 everything was taken, 1 some was not (the summary names it), 2 wrong usage or an unusable file.
    """
    import asyncio

    from leadline_server.cli.exit_codes import fail
    from leadline_server.cli.import_report import summary_lines
    from leadline_server.config_loading import BadSettings, load_settings
    from leadline_server.crm.embedded.contact_files import UnreadableFile
    from leadline_server.domain.errors import LeadlineError

    try:
        wanted = _Wanted(account, _columns(column or []), _date_order(date_order), update, dry_run)
        settings = load_settings({"data_dir": data_dir, "config": config})
        with file.open("rb") as stream, _seldom_collected():
            summary = asyncio.run(_import(settings, file, stream, wanted))
    except BadSettings as error:
        fail(error.problems)
    except (LeadlineError, UnreadableFile) as error:
        fail([str(error)])
    except OSError as error:
        fail([f"{error.filename or file}: {error.strerror}."])
    for line in summary_lines(summary, account, _shown(settings), is_dry_run=dry_run):
        typer.echo(line)
    raise typer.Exit(0 if summary.is_complete else 1)


def _shown(settings: "Settings") -> str:
    """The ledger, without a password."""
    from leadline_server.config_values import is_postgres

    if not is_postgres(settings.ledger):
        return str(settings.ledger_path)
    from leadline_server.storage.postgres.address import shown

    return shown(settings.ledger)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Within it Python seldom looks for cycles of references: rows make none, and looking takes a tenth of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _import(settings: "Settings", file: Path, stream: BinaryIO, wanted: _Wanted) -> "ImportSummary":
    from rich.console import Console
    from rich.progress import Progress

    from leadline_server.config_values import is_postgres
    from leadline_server.crm.embedded.importing import ImportOptions, import_contacts

    shown: list[ContactRecord] = []
    options = ImportOptions(is_update=wanted.is_update, is_dry_run=wanted.is_dry_run)
    opening = _in_postgres if is_postgres(settings.ledger) else _in_sqlite
    async with opening(settings, wanted) as (target, rules):
        items = _keep_first(_items(file, stream, rules, wanted), shown)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Importing contacts", total=os.fstat(stream.fileno()).st_size)
            summary = await import_contacts(
                target,
                wanted.account,
                items,
                rules,
                options=options,
                on_progress=lambda _: progress.update(bar, completed=stream.tell() if stream.seekable() else 0),
            )
    if wanted.is_dry_run:
        _show_contacts(shown)
    return summary


@asynccontextmanager
async def _in_postgres(settings: "Settings", wanted: _Wanted) -> "AsyncIterator[tuple[ImportTarget, NumberingRules]]":
    """The book in PostgreSQL, and how the account's numbers are read."""
    from leadline_server.crm.embedded.postgres.bulk_import import PostgresImport
    from leadline_server.domain.account_errors import AccountNotFound
    from leadline_server.ledger.postgres import open_postgres_ledger
    from leadline_server.ledger_opening import address_of

    async with open_postgres_ledger(address_of(settings)) as ledger:
        try:
            rules = (await ledger.accounts.get(wanted.account)).numbering
        except AccountNotFound:
            rules = _rules_of_settings(settings, wanted.account)
        yield PostgresImport(ledger.storage), rules


@asynccontextmanager
async def _in_sqlite(settings: "Settings", wanted: _Wanted) -> "AsyncIterator[tuple[ImportTarget, NumberingRules]]":
    """The book, and how its numbers are read; for a dry run before there is one, an empty one that is thrown away."""
    from leadline_server.crm.embedded import open_crm_database
    from leadline_server.crm.embedded.old_file import take_over_old_file
    from leadline_server.crm.embedded.rekeying import rekey_books
    from leadline_server.crm.embedded.sqlite_import import IMPORT_CACHE, IMPORT_CHECKPOINT_AFTER, SqliteImport

    rules = await _rules(settings, wanted.account)
    with TemporaryDirectory() as folder:
        is_thrown_away = wanted.is_dry_run and not settings.ledger_path.exists()
        path = Path(folder) / "contacts.db" if is_thrown_away else settings.ledger_path
        database = await open_crm_database(path, checkpoint_after=IMPORT_CHECKPOINT_AFTER, cache=IMPORT_CACHE)
        try:
            if not wanted.is_dry_run:
                await take_over_old_file(database, settings.data_dir)
                await rekey_books(database, {wanted.account: rules})
            yield SqliteImport(database), rules
        finally:
            await database.close()


async def _rules(settings: "Settings", account: str) -> "NumberingRules":
    """How the account's numbers are read: by the ledger if it has the account, else by the settings."""
    from leadline_server.domain.account_errors import AccountNotFound
    from leadline_server.ledger.sqlite import open_sqlite_ledger

    if settings.ledger_path.exists():
        # A file that an earlier import created has no accounts: the server creates them when it starts.
        async with open_sqlite_ledger(settings.ledger_path) as ledger:
            with suppress(AccountNotFound):
                return (await ledger.accounts.get(account)).numbering
    return _rules_of_settings(settings, account)


def _rules_of_settings(settings: "Settings", account: str) -> "NumberingRules":
    """How the numbers of an account of the settings are read. Raises AccountNotFound."""
    from leadline_server.domain.account_errors import AccountNotFound
    from leadline_server.domain.numbers.numbering_rules import numbering_rules

    if account not in settings.accounts:
        raise AccountNotFound(account)
    return numbering_rules(settings.accounts[account].default_region, "", ())


def _items(file: Path, stream: BinaryIO, rules: "NumberingRules", wanted: _Wanted) -> "Iterable[FileItem]":
    """The items of the file. Prints how its columns are read."""
    from leadline_server.cli.import_report import header_lines, vcard_lines
    from leadline_server.crm.embedded.contact_files import CsvOptions, UnreadableFile, read_csv, read_vcards

    kind = file.suffix.lower()
    if kind in {".csv", ".tsv", ".txt"}:
        contacts = read_csv(stream, CsvOptions(rules, wanted.columns, wanted.date_order))
        for line in header_lines(file.name, contacts.header):
            typer.echo(line)
        return contacts
    if kind not in {".vcf", ".vcard"}:
        raise UnreadableFile(f"{file.name}: unknown kind of file. Known are .csv and .vcf.")
    if wanted.columns:
        raise UnreadableFile(f"{file.name}: a vCard file has no columns; leave --column out.")
    for line in vcard_lines(file.name):
        typer.echo(line)
    return read_vcards(stream, rules)


def _keep_first(items: "Iterable[FileItem]", kept: "list[ContactRecord]") -> "Iterator[FileItem]":
    """The same, and the first contacts in `kept`."""
    from leadline_server.crm.embedded.contact_files import ContactRecord

    for item in items:
        if len(kept) < _SHOWN_CONTACTS and isinstance(item, ContactRecord):
            kept.append(item)
        yield item


def _show_contacts(contacts: "list[ContactRecord]") -> None:
    from leadline_server.cli.import_report import contact_line

    typer.echo("The first contacts:")
    for contact in contacts:
        typer.echo(contact_line(contact))


def _columns(texts: list[str]) -> "tuple[ChosenColumn, ...]":
    from leadline_server.crm.embedded.contact_files import ChosenColumn, Field, UnreadableFile

    fields = {field.value: field for field in Field}
    columns = []
    for text in texts:
        name, equals, header = text.partition("=")
        field = fields.get(name.strip().lower().replace("-", "_").replace(" ", "_"))
        if field is None or not equals or not header.strip():
            raise UnreadableFile(
                f'--column {text!r}: expected FIELD=HEADER, such as phone="Tel. dienstlich".'
                f" Fields: {', '.join(fields)}."
            )
        columns.append(ChosenColumn(field, header))
    return tuple(columns)


def _date_order(text: str | None) -> "DayOrder | None":
    from leadline_server.crm.embedded.contact_files import DayOrder, UnreadableFile

    try:
        return DayOrder(text.lower()) if text else None
    except ValueError:
        raise UnreadableFile(f"--date-order {text!r}: expected dmy (day first) or mdy (month first).") from None
