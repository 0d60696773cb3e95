"""Counts what became of a file's rows, in memory that does not grow with the file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from leadline.v1.call_log_pb2 import CallLog, CallLogReason, CallLogState

from leadline_server.replay.records import Ignored, Skipped
from leadline_server.replay.replayer import Item, Outcome

_KEPT = 1000  # problems kept with their lines; all are counted


@dataclass(slots=True)
class Group:
    """Calls that ended alike, with the explanation of the one that comes first in the file."""

    calls: int = 0
    example: str = ""
    example_line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A row or call that was not taken, and why."""

    lines: tuple[int, ...]
    reason: str


@dataclass(slots=True)
class Summary:
    """What a replay came to.

    Attributes:
        groups: by state and reason, both as words of the contract without their prefixes.
        skipped, failed: the first thousand rows that could not be read or assigned, and calls that the server refused.
        stopped: why the replay ended early; empty if it did not.
    """

    calls: int = 0
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    skipped: list[Problem] = field(default_factory=list)
    skipped_rows: int = 0
    failed: list[Problem] = field(default_factory=list)
    failed_calls: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    stopped: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every row was taken."""
        return not (self.skipped_rows or self.failed_calls or self.stopped)

    def add(self, item: Item) -> None:
        """Counts one outcome, or one row left out."""
        if isinstance(item, Skipped):
            self.skipped_rows += 1
            if self.skipped_rows <= _KEPT:
                self.skipped.append(Problem((item.line,), item.reason))
        elif isinstance(item, Ignored):
            self.ignored[item.reason] = self.ignored.get(item.reason, 0) + 1
        elif item.call_log is None:
            self.failed_calls += 1
            if self.failed_calls <= _KEPT:
                self.failed.append(Problem(item.replayed.lines, item.error))
        else:
            self._count(item, item.call_log)

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
            "skipped_rows": self.skipped_rows,
            "skipped": [{"line": one.lines[0], "reason": one.reason} for one in by_line(self.skipped)],
            "failed_calls": self.failed_calls,
            "failed": [{"lines": list(one.lines), "error": one.reason} for one in by_line(self.failed)],
            "ignored": self.ignored,
            "stopped": self.stopped,
        }

    def _count(self, outcome: Outcome, log: CallLog) -> None:
        self.calls += 1
        found = self.groups.setdefault((state_name(log.state), reason_name(log.reason)), Group())
        found.calls += 1
        line = outcome.replayed.lines[0]
        if not found.example_line or line < found.example_line:
            found.example, found.example_line = log.explanation, line


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
