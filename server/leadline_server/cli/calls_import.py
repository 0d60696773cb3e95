"""`leadline calls import FILE`: replays a phone system's call records, and says what became of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from leadline_server.cli.calls_import_options import Wishes, completed
from leadline_server.cli.calls_import_report import show_columns, show_first_calls, show_summary
from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import fail
from leadline_server.cli.server_options import with_target
from leadline_server.domain.placeholder_bounds import MAX_PLACEHOLDER_LIMIT, PLACEHOLDERS_OF_REPLAY

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    import grpc

    from leadline_server.replay.detection import RecordFormat
    from leadline_server.replay.files import RecordFile
    from leadline_server.replay.grouping import GroupItem
    from leadline_server.replay.replayer import Item, Replayer
    from leadline_server.replay.rules import Rules
    from leadline_server.replay.summary import Summary

_FIRST_CALLS = 5
_FORMATS = "auto, asterisk, freeswitch, 3cx or generic."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The options of one import.

    Attributes:
        rules: without what the file and the account's settings tell.
        wishes: options that the file and the account's settings complete.
        columns: headers by field, of `--column`.
        is_dry_run: whether nothing is to be sent.
        is_quiet: whether programs read the output.
    """

    file: Path
    record_format: "RecordFormat"
    target: CommandTarget
    source: str
    concurrency: int
    placeholder_limit: int
    rules: "Rules"
    wishes: Wishes
    columns: dict[str, list[str]]
    is_dry_run: bool
    is_quiet: bool


@with_target
def import_calls(  # noqa: PLR0913 a parameter is an option of the command line
    target: CommandTarget,
    *,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Call records to replay.")],
    record_format: Annotated[str, typer.Option("--format", help=_FORMATS)] = "auto",
    time_zone: Annotated[
        str | None, typer.Option(help="IANA zone of times that have no offset; else the account's, if it was set.")
    ] = None,
    date_order: Annotated[
        str | None, typer.Option(help="dmy or mdy: how 10/5/2026 is read if no date in the file shows it.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=HEADER", help="Which column holds a field of the generic form; repeatable."),
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option("--user", metavar="EXTENSION=USER", help="Whose extension it is; repeatable.")
    ] = None,
    users: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="CSV file with the columns extension,user.")
    ] = None,
    default_user: Annotated[str, typer.Option(help="Takes the calls of extensions without a user.")] = "",
    extension_pattern: Annotated[
        str | None, typer.Option(metavar="MASKS", help="Masks of extensions: 1xx,2xxx; else the account's.")
    ] = None,
    own_number: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER", help="A number outside that is the account's own, such as a mobile; repeatable."
        ),
    ] = None,
    direction: Annotated[
        str | None, typer.Option(help="inbound, outbound or internal: of records that do not tell theirs.")
    ] = None,
    inbound_context: Annotated[
        list[str] | None, typer.Option(help="Dial plan context of inbound calls; * is a wildcard; repeatable.")
    ] = None,
    outbound_context: Annotated[list[str] | None, typer.Option(help="The same for outbound calls.")] = None,
    internal_context: Annotated[list[str] | None, typer.Option(help="The same for internal calls.")] = None,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="The phone system's source, as of its webhooks: call ids carry it.")
    ] = "",
    placeholder_limit: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_PLACEHOLDER_LIMIT,
            help="How many placeholders this replay may create. The account's limits are for live calls.",
        ),
    ] = PLACEHOLDERS_OF_REPLAY,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls in progress at once.")] = 16,
    force: Annotated[bool, typer.Option("--force", help="Replay records that do not fit the time zone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; show what would be sent.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Do not end: report each call when its record is written; follow rotation."),
    ] = False,
    bookmark: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="With --follow: keeps how far FILE was read; else .FILE.bookmark beside it."),
    ] = None,
) -> None:
    """Replay call records: every call is looked up and logged as if it came in now.

    Running it again creates no duplicates. Exit codes: 0 everything was taken, 1 something was not, 2 wrong usage.
    """
    import asyncio

    from leadline_server.cli import calls_import_options as options
    from leadline_server.replay.columns import read_given
    from leadline_server.replay.records import UnusableFile
    from leadline_server.replay.rules import Rules

    try:
        request = _Request(
            file=file,
            record_format=options.record_format(record_format),
            target=target,
            source=options.source(source),
            concurrency=concurrency,
            placeholder_limit=placeholder_limit,
            rules=Rules(
                users=options.users(user or [], users),
                default_user=default_user,
                inbound_contexts=tuple(inbound_context or ()),
                outbound_contexts=tuple(outbound_context or ()),
                internal_contexts=tuple(internal_context or ()),
                default_direction=options.direction(direction),
            ),
            wishes=Wishes(
                zone=options.zone(time_zone) if time_zone else None,
                date_order=options.date_order(date_order),
                own_numbers=tuple(own_number or ()),
                extension_pattern=options.extension_pattern(extension_pattern or ""),
                is_forced=force,
            ),
            columns=read_given(column or []),
            is_dry_run=dry_run,
            is_quiet=as_json,
        )
        if follow:
            _follow(request, bookmark)
            return
        summary = asyncio.run(_replay(request))
    except UnusableFile as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        typer.echo(json.dumps(summary.to_json(), indent=2, ensure_ascii=False))
    else:
        show_summary(summary, target.account)
    raise typer.Exit(0 if summary.is_complete else 1)


def _follow(request: _Request, bookmark: Path | None) -> None:
    from dataclasses import replace

    from leadline_server.cli.calls_follow import Following, follow
    from leadline_server.cli.listening import Reporting

    wishes = request.wishes
    if wishes.zone is None:
        raise typer.BadParameter("--follow needs --time-zone, since the records' times have no offset")
    if request.is_dry_run or request.is_quiet or request.columns or wishes.own_numbers or wishes.extension_pattern:
        raise typer.BadParameter(
            "--follow takes no --dry-run, --json or --column, and the account's own numbers and extension pattern"
        )
    rules = replace(request.rules, time_zone=wishes.zone, date_order=wishes.date_order)
    reporting = Reporting(target=request.target, source=request.source, rules=rules, read_ended=None)
    following = Following(
        path=request.file, bookmark=bookmark, record_format=request.record_format, reporting=reporting
    )
    follow(following)


async def _replay(request: _Request) -> "Summary":
    from leadline_server.replay.files import RecordFile
    from leadline_server.replay.replayer import Replayer, ReplayStopped
    from leadline_server.replay.summary import Summary

    summary = Summary()
    with _opened(request.file) as stream:
        records = RecordFile(stream, request.record_format, request.columns)
        async with _channel(request.target) as channel:
            replayer = Replayer(channel, request.target.account, concurrency=request.concurrency, source=request.source)
            try:
                details = await replayer.account_details()
                rules = completed(request.rules, request.wishes, records.survey(), details, summary.warnings)
                _show_columns_first(request, records)
                await _send_all(request, records, rules, replayer, summary)
            except ReplayStopped as stopped:
                summary.stopped = str(stopped)
        if records.columns is not None:
            summary.columns_taken = records.columns.taken
            summary.columns_not_taken = records.columns.not_taken
    return summary


def _channel(target: CommandTarget) -> "grpc.aio.Channel":
    from leadline_server.cli.channel import channel_to

    try:
        return channel_to(target)
    except (OSError, ValueError) as error:
        fail([str(error)])


async def _send_all(
    request: _Request, records: "RecordFile", rules: "Rules", replayer: "Replayer", summary: "Summary"
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from leadline_server.replay.grouping import group

    if request.is_dry_run:
        _preview(request, group(records.rows(rules), rules.default_user), summary)
        return
    await replayer.open(request.placeholder_limit)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Replaying calls", total=request.file.stat().st_size or None)

        def note(item: "Item") -> None:
            summary.add(item)
            progress.advance(bar, _size(item))

        await replayer.run(group(records.rows(rules), rules.default_user), note)


def _preview(request: _Request, items: "Iterator[GroupItem]", summary: "Summary") -> None:
    """Counts what an import would send, and shows the first calls."""
    from rich.console import Console

    from leadline_server.replay.grouping import ReplayCall

    first: list[ReplayCall] = []
    calls = 0
    for item in items:
        if not isinstance(item, ReplayCall):
            summary.add(item)
            continue
        calls += 1
        summary.add_preview(item)
        if len(first) < _FIRST_CALLS:
            first.append(item)
    if not request.is_quiet:
        console = Console()
        console.print(f"{calls:,} calls would be replayed; nothing was sent. The first ones:", highlight=False)
        show_first_calls(first, console)


def _show_columns_first(request: _Request, records: "RecordFile") -> None:
    from rich.console import Console

    if records.columns is not None and not request.is_quiet:
        show_columns(records.columns.taken, Console(stderr=not request.is_dry_run))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file; a copy of it where it can be read only once, as a pipe."""
    import shutil
    import tempfile

    with path.open("rb") as stream:
        if stream.seekable():
            yield stream
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(stream, copy)
            yield copy


def _size(item: "Item") -> int:
    from leadline_server.replay.replayer import Outcome

    return item.replayed.size if isinstance(item, Outcome) else item.size
