"""The command `leadline ledger copy`, which moves a ledger to another database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.ledger.copying.store import LedgerStore

_POSTGRES: Final = ("postgresql:", "postgres:")


def copy_ledger(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The ledger: sqlite:PATH or postgresql://...")],
    target: Annotated[str, typer.Argument(metavar="TO", help="An empty database, or a new file, in the same form.")],
    *,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Give up an unfinished copy: FROM takes writes again.")
    ] = False,
) -> None:
    """Copy a ledger to another database, which is then the ledger. FROM takes no more writes, also while servers run.

    An interrupted copy goes on where it stopped: run it again. All rows are counted and compared.

    Exit codes: 0 done, 1 refused, or a database failed, 2 wrong usage.
    """
    import asyncio

    from leadline_server.domain.ledger_errors import LedgerUnavailable

    if source == target:
        fail(["FROM and TO are the same database."])
    try:
        asyncio.run(_abandon(source) if abandon else _copy(source, target))
    except LedgerUnavailable as error:
        fail([error.message], ExitCode.REFUSED)


async def _copy(source: str, target: str) -> None:
    from leadline_server.ledger.copying import copy_ledger as copy_all

    async with _store(source, is_target=False) as given, _store(target, is_target=True) as wanted:
        report = await copy_all(given, wanted, _tell)
        width = max(map(len, report.rows))
        for table, rows in report.rows.items():
            typer.echo(f"  {table:<{width}}  {rows:>11,}")
        typer.echo(f"Copied {sum(report.rows.values()):,} rows, and compared all of them.")
        typer.echo(f"{given.name} takes no more writes. Start the servers with the setting ledger for {wanted.name}.")


async def _abandon(source: str) -> None:
    from leadline_server.ledger.copying import abandon_copy

    async with _store(source, is_target=False) as given:
        await abandon_copy(given)
        typer.echo(f"{given.name} takes writes again. Empty the other database, or delete its file.")


@asynccontextmanager
async def _store(address: str, *, is_target: bool) -> "AsyncIterator[LedgerStore]":
    if address.startswith(_POSTGRES):
        from leadline_server.ledger.copying.postgres_store import open_postgres_store

        async with open_postgres_store(address) as store:
            yield store
        return
    from leadline_server.ledger.copying.sqlite_store import SqliteStore

    yield SqliteStore(Path(address.removeprefix("sqlite:")), is_target=is_target)


def _tell(table: str, rows: int) -> None:
    """Show the progress where a person looks on."""
    import sys

    if sys.stderr.isatty():
        typer.echo(f"\r  {table}  {rows:,}\033[K", nl=False, err=True)
