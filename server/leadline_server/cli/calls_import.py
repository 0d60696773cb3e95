"""`leadline calls import FILE`: replays a phone system's call records, and says what became of them."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    import zoneinfo

    import grpc.aio
    import rich.console
    import rich.table

    from leadline_server.replay.replayer import Item
    from leadline_server.replay.rules import Rules
    from leadline_server.replay.summary import Problem, Summary

_SHOWN_PROBLEMS = 20


def import_calls(  # noqa: PLR0913 a parameter is an option of the command line
    *,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Call records to replay.")],
    account: Annotated[str, typer.Option(help="The account whose calls they are.")] = "demo",
    server: Annotated[str, typer.Option(help="Address of the leadline server.")] = "127.0.0.1:50051",
    record_format: Annotated[str, typer.Option("--format", help="auto, asterisk (Master.csv) or generic.")] = "auto",
    time_zone: Annotated[str, typer.Option(help="IANA zone of times that have no offset.")] = "UTC",
    user: Annotated[
        list[str] | None, typer.Option("--user", metavar="EXTENSION=USER", help="Whose extension it is; repeatable.")
    ] = None,
    users: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="CSV file with the columns extension,user.")
    ] = None,
    default_user: Annotated[str, typer.Option(help="Takes the calls of extensions without a user.")] = "",
    extension_pattern: Annotated[
        str, typer.Option(metavar="MASKS", help="What extensions look like: 1xx,2xxx. Default: the account's.")
    ] = "",
    inbound_context: Annotated[
        list[str] | None, typer.Option(help="Dial plan context of inbound calls; * is a wildcard; repeatable.")
    ] = None,
    outbound_context: Annotated[list[str] | None, typer.Option(help="The same for outbound calls.")] = None,
    internal_context: Annotated[list[str] | None, typer.Option(help="The same for internal calls.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls under way at once.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Replay call records: every call is looked up and logged as if it came in now.

    Running it again doubles nothing. Exit codes: 0 every row was taken, 1 some were not, 2 wrong usage.
    """
    import asyncio

    from leadline_server.replay.records import UnusableFile
    from leadline_server.replay.rules import Rules

    try:
        rules = Rules(
            time_zone=_zone(time_zone),
            users=_users(user or [], users),
            default_user=default_user,
            inbound_contexts=tuple(inbound_context or ()),
            outbound_contexts=tuple(outbound_context or ()),
            internal_contexts=tuple(internal_context or ()),
        )
        pattern = _pattern(extension_pattern)
        summary = asyncio.run(_replay(file, record_format, rules, pattern, account, server, concurrency))
    except UnusableFile as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        typer.echo(json.dumps(summary.to_json(), indent=2, ensure_ascii=False))
    else:
        show_summary(summary, account)
    raise typer.Exit(0 if summary.is_complete else 1)


def show_summary(summary: "Summary", account: str, console: "rich.console.Console | None" = None) -> None:
    """Prints for people what a replay came to, and what they may want to do next."""
    from rich.console import Console
    from rich.markup import escape

    console = console or Console()
    if summary.groups:
        console.print(_table(summary))
    _show_problems(console, f"{summary.skipped_rows} rows were skipped", summary.skipped, summary.skipped_rows)
    _show_problems(console, f"{summary.failed_calls} calls were refused", summary.failed, summary.failed_calls)
    for reason, rows in summary.ignored.items():
        console.print(f"{_count(rows, 'row')} left out on purpose: {escape(reason)}.", soft_wrap=True)
    if summary.stopped:
        console.print(
            f"[bold red]Stopped early:[/] {escape(summary.stopped.rstrip('.'))}. Run it again: nothing doubles."
        )
    for state, advice in _NEXT_STEPS.items():
        if calls := summary.calls_in(state):
            console.print(f"{_count(calls, 'call')} {advice.format(account=account)}", highlight=False, soft_wrap=True)


_NEXT_STEPS = {
    "UNLOGGED": "unlogged: leadline calls list --account {account} --state unlogged",
    "PENDING": "pending; they are delivered in the background: leadline calls list --account {account} --state pending",
    "FAILED": "failed; see why: leadline calls list --account {account} --state failed",
}


def _table(summary: "Summary") -> "rich.table.Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{_count(summary.calls, 'call')} replayed", title_justify="left")
    table.add_column("State", no_wrap=True)
    table.add_column("Reason", no_wrap=True)
    table.add_column("Calls", justify="right", no_wrap=True)
    table.add_column("For example")
    for state, reason, found in summary.rows():
        table.add_row(state, reason, str(found.calls), escape(found.example))
    return table


def _show_problems(console: "rich.console.Console", title: str, problems: "list[Problem]", total: int) -> None:
    from rich.markup import escape

    from leadline_server.replay.summary import by_line

    if not total:
        return
    console.print(f"[bold]{title}:[/]" if total > 1 else f"[bold]{title.replace('s were', ' was', 1)}:[/]")
    for problem in by_line(problems)[:_SHOWN_PROBLEMS]:
        lines = ", ".join(str(line) for line in problem.lines)
        console.print(f"  line {lines}: {escape(problem.reason)}", highlight=False, soft_wrap=True)
    if total > _SHOWN_PROBLEMS:
        console.print(f"  ... and {total - _SHOWN_PROBLEMS} more; --json lists the first {len(problems)}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


async def _replay(
    file: Path, record_format: str, rules: "Rules", pattern: str, account: str, server: str, concurrency: int
) -> "Summary":
    import grpc
    from rich.console import Console
    from rich.progress import Progress

    from leadline_server.replay.files import RecordFormat, read_rows
    from leadline_server.replay.grouping import group
    from leadline_server.replay.replayer import Replayer, ReplayStopped
    from leadline_server.replay.summary import Summary

    if record_format not in list(RecordFormat):
        raise typer.BadParameter(f"unknown format {record_format!r}; known: {', '.join(RecordFormat)}")
    summary = Summary()
    with (
        file.open(encoding="utf-8-sig", errors="replace", newline="") as stream,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task("Replaying calls", total=os.fstat(stream.fileno()).st_size)

        def note(item: "Item") -> None:
            summary.add(item)
            progress.advance(bar, _size(item))

        read_rows(stream, RecordFormat(record_format), rules)  # a file of another kind needs no server to be refused
        stream.seek(0)
        async with grpc.aio.insecure_channel(server) as channel:
            try:
                rules = await _with_numbering(rules, pattern, channel, account)
                calls = group(read_rows(stream, RecordFormat(record_format), rules), rules.default_user)
                await Replayer(channel, account, concurrency=concurrency).run(calls, note)
            except ReplayStopped as stopped:
                summary.stopped = str(stopped)
    return summary


async def _with_numbering(rules: "Rules", pattern: str, channel: "grpc.aio.Channel", account: str) -> "Rules":
    """The rules, and how the account's numbers are read; masks of the option go before the account's."""
    from dataclasses import replace

    from leadline_server.replay.replayer import numbering_of

    numbering = await numbering_of(channel, account)
    return replace(rules, numbering=replace(numbering, extension_pattern=pattern or numbering.extension_pattern))


def _size(item: "Item") -> int:
    from leadline_server.replay.replayer import Outcome

    return item.replayed.size if isinstance(item, Outcome) else item.size


def _zone(name: str) -> "zoneinfo.ZoneInfo":
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin") from None


def _pattern(text: str) -> str:
    from leadline_server.domain.numbers.numbering_rules import read_extension_pattern

    try:
        return read_extension_pattern(text)
    except ValueError as error:
        raise typer.BadParameter(f"--extension-pattern: {error}") from None


def _users(pairs: list[str], path: Path | None) -> dict[str, str]:
    from leadline_server.replay.rules import add_user, read_users

    found = read_users(path) if path is not None else {}
    for pair in pairs:
        extension, equals, name = (part.strip() for part in pair.partition("="))
        if not (extension and equals and name):
            raise typer.BadParameter(f"--user {pair!r}: expected EXTENSION=USER, such as 101=alice")
        add_user(found, extension, name)
    return found
