"""Transactions of the SQLite ledger that share a commit: each stands alone, and some statements are made once."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.placeholders import LimitPeriod, LimitReached, PlaceholderLimit, Reservation
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ledger.sqlite.call_log_changes import insert_rows, row_of
from leadline_server.ledger.sqlite.ledger import SqliteLedger, open_sqlite_ledger
from leadline_server.ledger.sqlite.transactions import SqliteTransaction
from leadline_server.ports.ledger import LedgerTransaction
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, key
from support.apps import open_harness
from support.databases import rows

Change = Callable[[CallLog | None], CallLog]


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as opened:
        yield opened


def _seen(log: CallLog | None, note: str) -> CallLog:
    """The log with a change that clients see."""
    before = log or call_log("c-1")
    return replace(before, revision=before.revision + 1, explanation=before.explanation + note)


def _sequences(folder: Path) -> list[tuple[int, int]]:
    """The largest sequence of a call, and the ledger's counter."""
    query = "SELECT max(sequence), (SELECT call_log_sequence FROM ledger) FROM call_logs"
    return rows(folder / "ledger.db", query)


async def test_a_transaction_sees_what_one_before_it_in_the_same_commit_has_changed(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    async def work(transaction: LedgerTransaction, note: str) -> CallLog:
        await transaction.call_logs.change(key("c-1"), lambda log: _seen(log, note))
        found = await transaction.call_logs.get(key("c-1"))
        assert found is not None
        return found

    logs = await asyncio.gather(*(ledger.transactions.run(ACCOUNT, partial(work, note=note)) for note in "abc"))
    assert [log.explanation.removeprefix(call_log("c-1").explanation) for log in logs] == ["a", "ab", "abc"]
    assert await ledger.call_logs.get(key("c-1")) == logs[-1]
    assert _sequences(tmp_path) == [(3, 3)]


async def test_a_transaction_that_fails_leaves_nothing_and_the_others_stand(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    async def work(transaction: LedgerTransaction, number: int) -> None:
        await transaction.call_logs.change(key(f"c-{number}"), lambda _: call_log(f"c-{number}"))
        await transaction.call_logs.change(key("c-shared"), lambda log: _seen(log, str(number)))
        if number == 1:
            raise ValueError("before a row was changed")
        if number == 3:
            assert isinstance(transaction, SqliteTransaction)
            transaction.connection.execute("INSERT INTO call_links VALUES (NULL, 'demo', 'x', 'y', '')")
            raise ValueError("after a row was changed")

    results = await asyncio.gather(
        *(ledger.transactions.run(ACCOUNT, partial(work, number=number)) for number in range(5)),
        return_exceptions=True,
    )
    assert [str(result) for result in results if result] == ["before a row was changed", "after a row was changed"]
    stored = rows(tmp_path / "ledger.db", "SELECT call_id FROM call_logs ORDER BY call_id")
    assert [call_id for (call_id,) in stored] == ["c-0", "c-2", "c-4", "c-shared"]
    assert rows(tmp_path / "ledger.db", "SELECT * FROM call_links") == []
    shared = await ledger.call_logs.get(key("c-shared"))
    assert shared is not None
    assert shared.explanation.endswith("024")
    [(largest, counter)] = _sequences(tmp_path)
    assert largest <= counter


async def test_what_is_left_for_the_end_of_a_commit_is_done_once_for_all(ledger: SqliteLedger) -> None:
    done: list[list[int]] = []

    async def work(transaction: LedgerTransaction, number: int) -> None:
        assert isinstance(transaction, SqliteTransaction)
        transaction.shared.at_end(last, number)

    def last(_: object, items: Sequence[int]) -> None:
        done.append(list(items))

    await asyncio.gather(*(ledger.transactions.run(ACCOUNT, partial(work, number=number)) for number in range(4)))
    assert done == [[0, 1, 2, 3]]


async def test_a_change_by_an_id_that_has_joined_takes_one_sequence(tmp_path: Path, ledger: SqliteLedger) -> None:
    await ledger.call_logs.change(key("c-1"), lambda _: call_log("c-1"))

    async def link(transaction: LedgerTransaction) -> None:
        assert isinstance(transaction, SqliteTransaction)
        row = (ACCOUNT, "c-2", "c-1", "")
        transaction.connection.execute("INSERT INTO call_links VALUES (NULL, ?, ?, ?, ?)", row)

    await ledger.transactions.run(ACCOUNT, link)
    changed = await ledger.call_logs.change(key("c-2"), lambda log: _seen(log, "by its other id"))
    assert await ledger.call_logs.get(key("c-1")) == changed.after
    assert _sequences(tmp_path) == [(2, 2)]


async def test_contacts_of_one_commit_are_found_by_name(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        names = [f"Wanda Wonder{number}" for number in range(8)]
        numbers = [f"+1202555010{number}" for number in range(8)]
        await asyncio.gather(*map(harness.create, names, numbers))
        account = await harness.account()
        page = await account.crm.search_contacts("wonder", 20, "")
        assert sorted(contact.name for contact in page.contacts) == names
    query = "SELECT rowid FROM crm_contact_names WHERE crm_contact_names MATCH 'won'"
    assert len(rows(tmp_path / "ledger.db", query)) == len(names)


NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def _reservation(most: int | None = None, most_a_day: int | None = None) -> Reservation:
    limits = (PlaceholderLimit("account", most, most_a_day), PlaceholderLimit("user:alice", None, None))
    return Reservation(name="Unknown Caller", phone_number="+12025550101", limits=limits, user_id="alice", call_id="c")


def _counts(folder: Path) -> list[tuple[str, int, int, int]]:
    """Scope, hours since NOW, and the two counts."""
    query = "SELECT scope, hour, begun, refused FROM placeholder_counts ORDER BY scope, hour"
    first = int(NOW.timestamp()) // 3600
    return [(scope, hour - first, begun, refused) for scope, hour, begun, refused in rows(folder / "ledger.db", query)]


async def _take_each(ledger: SqliteLedger, wish: Reservation, times: Sequence[datetime]) -> list[str | LimitReached]:
    """The results of transactions of one commit that take a placeholder each, at these times."""

    async def work(transaction: LedgerTransaction, now: datetime) -> str | LimitReached:
        return await transaction.placeholders.take(ACCOUNT, wish, now)

    return await asyncio.gather(*(ledger.transactions.run(ACCOUNT, partial(work, now=now)) for now in times))


async def test_transactions_of_one_commit_take_no_more_placeholders_than_the_limit(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    await _take_each(ledger, _reservation(), [NOW])
    taken = await _take_each(ledger, _reservation(most=5), [NOW] * 8)
    reached = [result for result in taken if isinstance(result, LimitReached)]
    assert [result.is_first for result in reached] == [True, False, False, False]
    assert _counts(tmp_path) == [("account", 0, 5, 4), ("user:alice", 0, 5, 0)]


async def test_placeholders_of_a_commit_in_which_an_hour_ends_count_for_their_day(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    later = NOW + timedelta(hours=1)
    taken = await _take_each(ledger, _reservation(most_a_day=3), [NOW, later, NOW, later, NOW])
    assert [isinstance(result, LimitReached) and result.period for result in taken] == [
        False,
        False,
        False,
        LimitPeriod.DAY,
        LimitPeriod.DAY,
    ]
    assert [count for count in _counts(tmp_path) if count[0] == "account"] == [
        ("account", 0, 2, 1),
        ("account", 1, 1, 1),
    ]


@pytest.mark.parametrize("has_changed_a_row", [False, True])
async def test_a_transaction_that_fails_takes_no_placeholder(
    tmp_path: Path, ledger: SqliteLedger, *, has_changed_a_row: bool
) -> None:
    async def work(transaction: LedgerTransaction, number: int) -> None:
        taken = await transaction.placeholders.take(ACCOUNT, _reservation(), NOW)
        assert isinstance(taken, str)
        if number == 3:
            await transaction.placeholders.give_back(ACCOUNT, taken)
        if number == 1 and has_changed_a_row:
            assert isinstance(transaction, SqliteTransaction)
            transaction.connection.execute("INSERT INTO call_links VALUES (NULL, 'demo', 'x', 'y', '')")
        if number == 1:
            raise ValueError("it fails")

    works = (ledger.transactions.run(ACCOUNT, partial(work, number=number)) for number in range(5))
    results = await asyncio.gather(*works, return_exceptions=True)
    assert [str(result) for result in results if result] == ["it fails"]
    assert _counts(tmp_path) == [("account", 0, 3, 0), ("user:alice", 0, 3, 0)]


async def test_placeholders_of_one_commit_are_recorded_in_their_order(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        logs = await asyncio.gather(*(harness.log(f"call-{i}", f"+1202555010{i}") for i in range(8)))
        contacts = [log.contact.id for log in logs if log.contact is not None]
    documents = [
        json.loads(document) for (document,) in rows(tmp_path / "ledger.db", "SELECT document FROM audit ORDER BY id")
    ]
    entries = [(entry["subject"], entry["call_id"]) for entry in documents if "call_id" in entry]
    assert entries == [(contact, f"call-{i}") for i, contact in enumerate(contacts)]
    recorded = rows(tmp_path / "ledger.db", "SELECT contact_id FROM placeholders")
    assert sorted(contact for (contact,) in recorded) == sorted(contacts)


@pytest.mark.usefixtures("ledger")
def test_new_calls_are_inserted_by_one_statement(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        insert_rows(connection, [row_of(key(f"c-{number}"), call_log(f"c-{number}"), number) for number in range(5)])
        assert len({each for each in statements if "INTO call_logs (" in each}) == 1
        assert connection.execute("SELECT count(*) FROM call_logs").fetchone() == (5,)


@pytest.mark.parametrize("size", [10, 600_000], ids=["in one statement", "each alone, since they are large"])
async def test_every_new_call_of_a_commit_is_stored_once(tmp_path: Path, ledger: SqliteLedger, size: int) -> None:
    async def work(transaction: LedgerTransaction, number: int) -> None:
        log = call_log(f"c-{number}", explanation=str(number) * size)
        await transaction.call_logs.change(key(f"c-{number}"), lambda _: log)

    await asyncio.gather(*(ledger.transactions.run(ACCOUNT, partial(work, number=number)) for number in range(5)))
    found = [await ledger.call_logs.get(key(f"c-{number}")) for number in range(5)]
    assert [log and log.explanation for log in found] == [str(number) * size for number in range(5)]
    assert _sequences(tmp_path) == [(5, 5)]
    counted = (
        "SELECT sum((length(body) + 4095) / 4096) - (SELECT sum(blocks) FROM stored_blocks), count(*) FROM call_logs"
    )
    assert rows(tmp_path / "ledger.db", counted) == [(0, 5)]
