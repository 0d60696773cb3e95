"""Counts what became of a file's rows, calls, values and columns, in memory that does not grow with the file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from leadline.v1.call_log_pb2 import CallLog, CallLogReason, CallLogState

from leadline_server.replay.grouping import ReplayCall
from leadline_server.replay.records import Ignored, NoRecord, Skipped
from leadline_server.replay.replayer import Effect, Item, Outcome

_KEPT: Final = 1000  # problems kept with their lines; all are counted
SHOWN_LINES: Final = 20
"""Lines of each kind that are named."""


class RowOutcome(StrEnum):
    """The outcomes of a row or a value."""

    TAKEN = "taken"
    """The first row of a call that is new to the server, or that the server did not say it knew."""
    MERGED = "merged"
    """A further row of such a call: another leg, or the same row again."""
    CHANGED = "changed"
    """A row of a call that the server knew, and that is another one now."""
    UNCHANGED = "left as it was"
    """A row of a call that the server knew, and that says nothing new."""
    REFUSED = "refused"
    """A row of a call that the server did not take."""
    SKIPPED = "skipped"
    """A row that cannot be read, or that belongs to no user."""
    LEFT_OUT = "left out on purpose"
    """A row that is rightly no call."""
    UNUSABLE = "unusable"
    """A value of a row that was taken without it."""

    @property
    def is_row(self) -> bool:
        """Whether it is told of whole rows."""
        return self is not RowOutcome.UNUSABLE


_NOT_TAKEN: Final = (RowOutcome.REFUSED, RowOutcome.SKIPPED, RowOutcome.UNUSABLE)
_KINDS: Final = {Effect.CHANGED: RowOutcome.CHANGED, Effect.UNCHANGED: RowOutcome.UNCHANGED}


@dataclass(slots=True)
class Tally:
    """How many rows are of one kind, and which come first in the file."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Counts one; calls are told in the order in which they end, so the first lines are sorted out here."""
        self.count += 1
        if len(self.lines) < SHOWN_LINES:
            self.lines = sorted([*self.lines, line])
        elif line < self.lines[-1]:
            self.lines = sorted([*self.lines[:-1], line])


@dataclass(slots=True)
class Group:
    """Calls that ended alike, with the explanation of the one that comes first in the file."""

    calls: int = 0
    example: str = ""
    example_line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A row, call or value that was not taken, and why."""

    lines: tuple[int, ...]
    reason: str


@dataclass(slots=True)
class Summary:
    """The result of an import.

    Attributes:
        groups: by state and reason, both as words of the contract without their prefixes.
        tallies: rows and values by what became of them.
        skipped, failed, unusable: the first thousand rows that could not be read or assigned, calls that the server
            refused, and values that could not be taken.
        ignored: rows left out on purpose, by the reason.
        other_lines: lines that hold no record, such as blank ones, by what they are.
        columns_taken: the header that each field was taken from.
        columns_not_taken: headers of columns that hold something which was not taken.
        dropped_legs: legs beyond those that the contract takes.
        warnings: what the person should know besides.
        stopped: why the import ended early; empty if it did not.
    """

    calls: int = 0
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    tallies: dict[RowOutcome, Tally] = field(default_factory=lambda: {kind: Tally() for kind in RowOutcome})
    skipped: list[Problem] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    failed_calls: int = 0
    unusable: list[Problem] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    other_lines: dict[str, int] = field(default_factory=dict)
    columns_taken: dict[str, str] = field(default_factory=dict)
    columns_not_taken: list[str] = field(default_factory=list)
    dropped_legs: int = 0
    warnings: list[str] = field(default_factory=list)
    stopped: str = ""

    @property
    def skipped_rows(self) -> int:
        """How many rows could not be read, or belong to no user."""
        return self.tallies[RowOutcome.SKIPPED].count

    @property
    def is_complete(self) -> bool:
        """Whether everything in the file was taken: every row, value and column."""
        lost = self.columns_not_taken or self.dropped_legs or self.stopped
        return not (lost or any(self.tallies[kind].count for kind in _NOT_TAKEN))

    @property
    def is_empty(self) -> bool:
        """Whether the whole file was read, and no row in it was a record."""
        return not (self.stopped or any(tally.count for tally in self.tallies.values()))

    def add(self, item: Item) -> None:
        """Counts one outcome, or one row left out."""
        if isinstance(item, Skipped):
            self.tallies[RowOutcome.SKIPPED].add(item.line)
            _keep(self.skipped, (item.line,), item.reason)
        elif isinstance(item, Ignored):
            self.tallies[RowOutcome.LEFT_OUT].add(item.line)
            self.ignored[item.reason] = self.ignored.get(item.reason, 0) + 1
        elif isinstance(item, NoRecord):
            self.other_lines[item.what] = self.other_lines.get(item.what, 0) + 1
        else:
            self._add_outcome(item)

    def add_preview(self, replayed: ReplayCall) -> None:
        """Counts a call that is not sent: its rows as taken, and what of them could not be."""
        self._add_rows(replayed, RowOutcome.TAKEN)

    def calls_in(self, state: str) -> int:
        """How many calls are in a state, such as UNLOGGED."""
        return sum(group.calls for (found, _), group in self.groups.items() if found == state)

    def rows(self) -> list[tuple[str, str, Group]]:
        """State, reason and calls: the states in the contract's order, in each the most frequent reason first."""
        order = {state_name(value): value for value in CallLogState.values()}
        return sorted(
            ((state, reason, found) for (state, reason), found in self.groups.items()),
            key=lambda row: (order.get(row[0], len(order)), -row[2].calls, row[1]),
        )

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "calls": self.calls,
            "outcomes": [
                {"state": state, "reason": reason, "calls": found.calls, "example": found.example}
                for state, reason, found in self.rows()
            ],
            "rows": {kind.name.lower(): {"count": one.count, "lines": one.lines} for kind, one in self.tallies.items()},
            "skipped_rows": self.skipped_rows,
            "skipped": [{"line": one.lines[0], "reason": one.reason} for one in by_line(self.skipped)],
            "failed_calls": self.failed_calls,
            "failed": [{"lines": list(one.lines), "error": one.reason} for one in by_line(self.failed)],
            "unusable": [{"line": one.lines[0], "reason": one.reason} for one in by_line(self.unusable)],
            "ignored": self.ignored,
            "other_lines": self.other_lines,
            "columns_taken": self.columns_taken,
            "columns_not_taken": self.columns_not_taken,
            "dropped_legs": self.dropped_legs,
            "warnings": self.warnings,
            "stopped": self.stopped,
        }

    def _add_outcome(self, outcome: Outcome) -> None:
        kind = RowOutcome.REFUSED if outcome.call_log is None else _KINDS.get(outcome.effect, RowOutcome.TAKEN)
        self._add_rows(outcome.replayed, kind)
        if outcome.call_log is None:
            self.failed_calls += 1
            _keep(self.failed, outcome.replayed.lines, outcome.error)
        else:
            self._count(outcome, outcome.call_log)

    def _add_rows(self, replayed: ReplayCall, kind: RowOutcome) -> None:
        for line, reason in replayed.notes:
            self.tallies[RowOutcome.UNUSABLE].add(line)
            _keep(self.unusable, (line,), reason)
        self.dropped_legs += replayed.dropped_legs
        for place, line in enumerate(replayed.lines):
            self.tallies[RowOutcome.MERGED if place and kind is RowOutcome.TAKEN else kind].add(line)

    def _count(self, outcome: Outcome, log: CallLog) -> None:
        self.calls += 1
        found = self.groups.setdefault((state_name(log.state), reason_name(log.reason)), Group())
        found.calls += 1
        line = outcome.replayed.lines[0]
        if not found.example_line or line < found.example_line:
            found.example, found.example_line = log.explanation, line


def _keep(problems: list[Problem], lines: tuple[int, ...], reason: str) -> None:
    if len(problems) < _KEPT:
        problems.append(Problem(lines, reason))


def by_line(problems: Iterable[Problem]) -> list[Problem]:
    """In the order of the file; calls without a user are only known to be so when their last row was read."""
    return sorted(problems, key=lambda problem: problem.lines)


def state_name(state: CallLogState.ValueType) -> str:
    """LOGGED of CALL_LOG_STATE_LOGGED; a state of a newer server by its number."""
    known = state in CallLogState.values()
    return CallLogState.Name(state).removeprefix("CALL_LOG_STATE_") if known else str(state)


def reason_name(reason: CallLogReason.ValueType) -> str:
    """NO_CONTACT of CALL_LOG_REASON_NO_CONTACT; a reason of a newer server by its number."""
    known = reason in CallLogReason.values()
    return CallLogReason.Name(reason).removeprefix("CALL_LOG_REASON_") if known else str(reason)
