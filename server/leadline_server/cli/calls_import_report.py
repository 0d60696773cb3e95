"""The output of `leadline calls import` for people: the columns first, and the final account of the file."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    import rich.console
    import rich.table

    from leadline_server.replay.grouping import ReplayCall
    from leadline_server.replay.summary import Problem, Summary, Tally

_NEXT_STEPS: Final = {
    "UNLOGGED": "unlogged: leadline calls list --account {account} --state unlogged",
    "PENDING": "pending; they are delivered in the background: leadline calls list --account {account} --state pending",
    "FAILED": "failed; see why: leadline calls list --account {account} --state failed",
}


def show_columns(taken: dict[str, str], console: "rich.console.Console") -> None:
    """Prints which column was taken for what, before anything is sent."""
    for field, header in taken.items():
        console.print(f"  {field:18} from column {header}", markup=False, highlight=False, soft_wrap=True)


def show_first_calls(calls: Sequence["ReplayCall"], console: "rich.console.Console") -> None:
    """Prints the first calls as they would be sent."""
    for replayed in calls:
        call = replayed.call
        direction = call.direction.name.lower() if call.direction else ""
        result = call.result.name.lower() if call.result else "result unknown"
        other = call.counterpart(replayed.user_id)
        start = f"{call.start_time:%Y-%m-%d %H:%M:%S}Z" if call.start_time else ""
        parts = (start, direction, replayed.user_id, other.name, other.address, result)
        text = " ".join(part for part in parts if part)
        console.print(f"  line {replayed.lines[0]}: {text}", markup=False, highlight=False, soft_wrap=True)


def show_summary(summary: "Summary", account: str, console: "rich.console.Console | None" = None) -> None:
    """Prints for people what an import came to, and what they may want to do next."""
    from rich.console import Console
    from rich.markup import escape

    console = console or Console()
    if summary.groups:
        console.print(_table(summary))
    if summary.is_empty:
        console.print("There is no call record in the file.")
    _show_rows(console, summary)
    _show_problems(console, f"{summary.skipped_rows} rows were skipped", summary.skipped, summary.skipped_rows)
    _show_problems(console, f"{summary.failed_calls} calls were refused", summary.failed, summary.failed_calls)
    unusable = _unusable_count(summary)
    _show_problems(console, f"{unusable} values were unusable; their rows were taken", summary.unusable, unusable)
    _show_losses(console, summary)
    if summary.stopped:
        console.print(
            f"[bold red]Stopped early:[/] {escape(summary.stopped.rstrip('.'))}. A repetition creates no duplicates."
        )
    for state, advice in _NEXT_STEPS.items():
        if calls := summary.calls_in(state):
            console.print(f"{count(calls, 'call')} {advice.format(account=account)}", highlight=False, soft_wrap=True)


def _show_losses(console: "rich.console.Console", summary: "Summary") -> None:
    """Rows left out on purpose, columns and legs that were not taken, and warnings."""
    from rich.markup import escape

    for reason, rows in summary.ignored.items():
        console.print(f"{count(rows, 'row')} left out on purpose: {escape(reason)}.", soft_wrap=True)
    if summary.columns_not_taken:
        names = ", ".join(summary.columns_not_taken)
        console.print(
            f"[bold]{count(len(summary.columns_not_taken), 'column')} not taken:[/] {escape(names)}. To keep one with "
            "the calls: --column attribute:NAME=HEADER; to leave it out: --column ignore=HEADER.",
            soft_wrap=True,
        )
    if summary.dropped_legs:
        console.print(f"{count(summary.dropped_legs, 'leg')} beyond the 64 that a call can have were not taken.")
    for warning in summary.warnings:
        console.print(f"[bold]Note:[/] {escape(warning)}", soft_wrap=True, highlight=False)


def count(number: int, noun: str) -> str:
    """1 row; 1,000 rows."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def _unusable_count(summary: "Summary") -> int:
    from leadline_server.replay.summary import RowOutcome

    return summary.tallies[RowOutcome.UNUSABLE].count


def _table(summary: "Summary") -> "rich.table.Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{count(summary.calls, 'call')} replayed", title_justify="left")
    table.add_column("State", no_wrap=True)
    table.add_column("Reason", no_wrap=True)
    table.add_column("Calls", justify="right", no_wrap=True)
    table.add_column("For example")
    for state, reason, found in summary.rows():
        table.add_row(state, reason, str(found.calls), escape(found.example))
    return table


def _show_rows(console: "rich.console.Console", summary: "Summary") -> None:
    """One line for each kind of row: how many there are, and the first of their lines."""
    for kind, tally in summary.tallies.items():
        if tally.count and kind.is_row:
            console.print(f"{count(tally.count, 'row')} {kind}: {_lines(tally)}", highlight=False, soft_wrap=True)
    for what, lines in summary.other_lines.items():
        console.print(f"{count(lines, 'line')} without a record: {what}", highlight=False, soft_wrap=True)


def _lines(tally: "Tally") -> str:
    """Lines 1-4, 7, 9-12 and 30 more."""
    more = tally.count - len(tally.lines)
    named = ", ".join(_ranges(tally.lines))
    return f"line{'s' if tally.count > 1 else ''} {named}{f' and {more:,} more' if more else ''}"


def _ranges(lines: Iterable[int]) -> list[str]:
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]


def _show_problems(console: "rich.console.Console", title: str, problems: "list[Problem]", total: int) -> None:
    from rich.markup import escape

    from leadline_server.replay.summary import SHOWN_LINES, by_line

    if not total:
        return
    single = title.replace("s were", " was", 1).replace("their rows were", "its row was", 1)
    console.print(f"[bold]{title if total > 1 else single}:[/]")
    for problem in by_line(problems)[:SHOWN_LINES]:
        lines = ", ".join(str(line) for line in problem.lines)
        console.print(f"  line {lines}: {escape(problem.reason)}", highlight=False, soft_wrap=True)
    if total > SHOWN_LINES:
        console.print(f"  ... and {total - SHOWN_LINES} more; --json lists the first {len(problems)}")
