"""The SQLite ledger's queries read only the rows that they need, however many calls there are."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, UpdateState
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.call_log_queries import _CHANGES, _DUE, _DUE_OF_OTHERS, _NEXT_DUE, list_statement
from leadline_server.ledger.sqlite.requests import _DELETE_OLD
from leadline_server.ledger.sqlite.retention import _NEXT_ACCOUNT, _OLDEST
from leadline_server.ports.ledger import CallLogFilter
from leadline_server.testing.ledger_samples import NOW, put
from leadline_server.testing.ledger_samples import call_log as a_call_log

RESTRICTIONS: dict[str, Any] = {
    "user_id": "alice",
    "phone_number": "+14155550123",
    "contact_id": "c_1",
    "states": (CallLogState.PENDING,),
    "reasons": (CallLogReason.NOT_FINAL,),
    "update_states": (UpdateState.FAILED,),
    "start_time": NOW,
    "end_time": NOW,
}
COMBINATIONS = [
    names for count in range(len(RESTRICTIONS) + 1) for names in itertools.combinations(RESTRICTIONS, count)
]
BEST_INDEX = {
    "user_id": "call_logs_by_user (account_id=? AND user_id=?",
    "phone_number": "call_logs_by_number (account_id=? AND number_key=?",
    "contact_id": "call_logs_by_contact (account_id=? AND contact_id=?",
}


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as ledger:
        await put(ledger, a_call_log())
    return tmp_path / "ledger.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def plan(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> list[str]:
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def test_no_list_sorts_and_none_reads_other_accounts(connection: sqlite3.Connection) -> None:
    for names, after in itertools.product(COMBINATIONS, [None, (7, "call-1")]):
        selection = CallLogFilter(account_id="acme", **{name: RESTRICTIONS[name] for name in names})
        statement, values = list_statement(selection, after)
        steps = plan(connection, statement, (*values, 10))
        of_calls = [step for step in steps if "call_logs" in step]
        assert not [step for step in steps if "TEMP B-TREE" in step], names
        assert len(of_calls) == 1, names
        assert of_calls[0].startswith("SEARCH call_logs USING INDEX call_logs_by_"), names
        assert "(account_id=?" in of_calls[0], names


@pytest.mark.parametrize("name", BEST_INDEX)
@pytest.mark.parametrize("others", [(), ("states", "reasons"), ("start_time", "end_time")])
def test_a_list_of_one_user_number_or_contact_reads_only_theirs(
    connection: sqlite3.Connection, name: str, others: tuple[str, ...]
) -> None:
    chosen = {each: RESTRICTIONS[each] for each in (name, *others)}
    statement, values = list_statement(CallLogFilter(account_id="acme", **chosen), None)
    assert BEST_INDEX[name] in " ".join(plan(connection, statement, (*values, 10)))


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (_DUE, (1, 10), "call_logs_by_due_time"),
        (_NEXT_DUE, (), "call_logs_by_due_time"),
        (_CHANGES, ("acme", 1, 10), "call_logs_by_account_sequence"),
        (_OLDEST, ("acme", 1, 10), "call_logs_by_account_sequence (account_id=? AND sequence>?"),
        (_NEXT_ACCOUNT, ("acme",), "SEARCH call_logs USING COVERING INDEX"),
        (_DELETE_OLD, (1, 10), "requests_by_time"),
    ],
)
def test_due_calls_changes_and_old_records_are_found_by_an_index(
    connection: sqlite3.Connection, statement: str, values: tuple[object, ...], index: str
) -> None:
    steps = " / ".join(plan(connection, statement, values))
    assert index in steps
    assert "TEMP B-TREE" not in steps


def test_calls_of_excluded_accounts_are_not_read(connection: sqlite3.Connection) -> None:
    values = {"now": 1, "limit": 10, "without": '["acme"]'}
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {_DUE_OF_OTHERS}", values)]
    of_calls = [step for step in steps if "call_logs" in step or step.startswith(("SEARCH c", "SEARCH d"))]
    by_row = [step for step in of_calls if "rowid=?" in step]
    assert len(by_row) == 1  # the answer's own rows
    assert all("USING COVERING INDEX call_logs_by_account_due" in step for step in of_calls if step not in by_row)
    assert not [step for step in of_calls if step.startswith("SCAN")]
