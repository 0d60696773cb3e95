"""An import summarizes everything in the file."""

import io
from collections.abc import Callable

import pytest
from leadline.v1 import call_log_pb2
from leadline_server.cli.calls_import_report import show_summary
from leadline_server.domain.call import Call
from leadline_server.replay.grouping import ReplayCall
from leadline_server.replay.records import Ignored, NoRecord, Skipped
from leadline_server.replay.replayer import Effect, Outcome
from leadline_server.replay.summary import RowOutcome, Summary
from rich.console import Console

LOG = call_log_pb2.CallLog(
    state=call_log_pb2.CALL_LOG_STATE_UNLOGGED, reason=call_log_pb2.CALL_LOG_REASON_NO_CONTACT, explanation="Why."
)


def outcome(*lines: int, effect: Effect = Effect.NEW, error: str = "", **more: object) -> Outcome:
    replayed = ReplayCall(user_id="alice", call=Call(id=f"c{lines[0]}"), lines=lines, size=1)
    for name, value in more.items():
        object.__setattr__(replayed, name, value)
    return Outcome(replayed=replayed, call_log=None if error else LOG, error=error, effect=effect)


def told(summary: Summary) -> str:
    output = io.StringIO()
    show_summary(summary, "demo", Console(file=output, width=200))
    return output.getvalue()


def test_every_row_is_counted_once_by_what_became_of_it() -> None:
    summary = Summary()
    for item in (
        outcome(1),
        outcome(2, 5),
        outcome(3, effect=Effect.CHANGED),
        outcome(4, 6, effect=Effect.UNCHANGED),
        outcome(7, effect=Effect.UNKNOWN),
        outcome(8, 9, error="INVALID_ARGUMENT: no"),
        Skipped(line=10, size=1, reason="bad"),
        Ignored(line=11, size=1, reason="half"),
        NoRecord(line=12, size=1, what="blank lines"),
    ):
        summary.add(item)
    assert {kind: tally.lines for kind, tally in summary.tallies.items() if tally.count} == {
        RowOutcome.TAKEN: [1, 2, 7],
        RowOutcome.MERGED: [5],
        RowOutcome.CHANGED: [3],
        RowOutcome.UNCHANGED: [4, 6],
        RowOutcome.REFUSED: [8, 9],
        RowOutcome.SKIPPED: [10],
        RowOutcome.LEFT_OUT: [11],
    }
    assert (summary.calls, summary.failed_calls) == (5, 1)
    text = told(summary)
    for line in (
        "3 rows taken: lines 1-2, 7",
        "1 row merged: line 5",
        "1 row changed: line 3",
        "2 rows left as it was: lines 4, 6",
        "2 rows refused: lines 8-9",
        "1 row left out on purpose: line 11",
        "1 line without a record: blank lines",
        "line 8, 9: INVALID_ARGUMENT: no",
    ):
        assert line in text


def test_the_first_twenty_lines_of_a_kind_are_named_in_the_order_of_the_file() -> None:
    summary = Summary()
    for line in range(60, 0, -1):
        summary.add(outcome(line))
        summary.add(Skipped(line=100 + line, size=1, reason="bad"))
    assert summary.tallies[RowOutcome.TAKEN].lines == list(range(1, 21))
    text = told(summary)
    assert "60 rows taken: lines 1-20 and 40 more" in text
    assert text.count("bad") == 20
    assert "line 101: bad" in text


LOSSES: dict[str, Callable[[Summary], None]] = {
    "a refused call": lambda summary: summary.add(outcome(1, error="no")),
    "a skipped row": lambda summary: summary.add(Skipped(line=1, size=1, reason="bad")),
    "an unusable value": lambda summary: summary.add(outcome(1, notes=((1, "duration 'x' is no number"),))),
    "a column": lambda summary: summary.columns_not_taken.append("Agent"),
    "a leg": lambda summary: summary.add(outcome(1, dropped_legs=6)),
    "an early end": lambda summary: setattr(summary, "stopped", "the server went away"),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())
def test_whatever_was_not_taken_makes_the_import_incomplete_and_is_named(lose: Callable[[Summary], None]) -> None:
    summary = Summary()
    summary.add(outcome(9))
    whole = told(summary)
    lose(summary)
    assert not summary.is_complete
    assert len(told(summary)) > len(whole)


def test_what_was_left_out_on_purpose_is_no_loss() -> None:
    summary = Summary()
    summary.add(outcome(1))
    summary.add(Ignored(line=2, size=1, reason="half"))
    summary.add(NoRecord(line=3, size=1, what="the header"))
    assert summary.is_complete


def test_a_file_without_a_record_is_said_to_have_none() -> None:
    assert "no call record in the file" in told(Summary())
