"""CountCallLogs: the days of a period, the request's rules, and the order of the counts."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_log_pb2
from leadline.v1 import call_log_service_pb2 as pb
from leadline_server.commands import count_call_logs
from leadline_server.commands.count_call_logs import CallLogCounting, CountCallLogs
from leadline_server.domain.errors import InvalidRequest
from leadline_server.ledger.sqlite.ledger import open_sqlite_ledger
from leadline_server.ports.ledger import CallLogFilter, Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, put
from leadline_server.transport.call_log_counts import count_call_logs_response, counting_of

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as opened:
        yield opened


def counting(end: datetime, *, by_day: bool = False, by_user: bool = False, zone: ZoneInfo = BERLIN) -> CallLogCounting:
    selection = CallLogFilter(account_id=ACCOUNT, start_time=START, end_time=end)
    return CallLogCounting(selection=selection, time_zone=zone, by_day=by_day, by_reason=False, by_user=by_user)


async def test_a_call_counts_on_its_day_in_the_zone_also_where_the_clock_changes(ledger: Ledger) -> None:
    # In Berlin 2026-03-29 has 23 hours: it ends at 22:00 UTC.
    times = ["2026-03-28T11:59", "2026-03-28T22:59", "2026-03-28T23:00", "2026-03-29T21:59", "2026-03-29T22:00"]
    for number, text in enumerate(times):
        await put(ledger, call_log(f"call-{number}", start_time=datetime.fromisoformat(f"{text}+00:00")))
    counted = await CountCallLogs(ledger.call_logs).execute(counting(START + timedelta(days=2), by_day=True))
    days = [(key.day, count) for key, count in counted]
    assert days == [(date(2026, 3, 28), 1), (date(2026, 3, 29), 2), (date(2026, 3, 30), 1)]


async def test_counts_without_days_are_sums_over_all_days(ledger: Ledger) -> None:
    for hours in (0, 30, 60):
        await put(ledger, call_log(f"call-{hours}", start_time=START + timedelta(hours=hours)))
    [(key, count)] = await CountCallLogs(ledger.call_logs).execute(counting(START + timedelta(days=3)))
    assert (tuple(key), count) == ((None, None, None, None), 3)


async def test_too_many_counts_are_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_call_logs, "MAX_COUNTS", 2)
    command = CountCallLogs(ledger.call_logs)
    for number in range(3):
        await put(ledger, call_log(f"call-{number}", start_time=START, user_id=f"user-{number}"))
        if number == 1:
            assert len(await command.execute(counting(START + timedelta(days=1), by_user=True))) == 2
    with pytest.raises(InvalidRequest, match="Choose a shorter period"):
        await command.execute(counting(START + timedelta(days=1), by_user=True))


def test_a_request_is_read_in_its_zone_or_in_that_of_the_account() -> None:
    request = pb.CountCallLogsRequest(
        account_id="us",
        user_id="alice",
        start_time=Timestamp(seconds=0),
        end_time=Timestamp(seconds=60),
        group_by=[pb.CALL_LOG_GROUPING_DAY, pb.CALL_LOG_GROUPING_USER],
    )
    read = counting_of(request, "Europe/Berlin")
    assert read.time_zone.key == "Europe/Berlin"
    assert (read.by_day, read.by_reason, read.by_user) == (True, False, True)
    assert read.selection == CallLogFilter(
        account_id="us",
        user_id="alice",
        start_time=datetime(1970, 1, 1, tzinfo=UTC),
        end_time=datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
    )
    request.time_zone = "Asia/Tokyo"
    assert counting_of(request, "Europe/Berlin").time_zone.key == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_time": None}, "start_time"),
        ({"end_time": None}, "end_time"),
        ({"end_time": Timestamp(seconds=1)}, "end_time"),
        ({"end_time": Timestamp(seconds=101 * 86_400)}, "end_time"),
        ({"start_time": Timestamp(nanos=-1)}, "start_time"),
        ({"group_by": [0]}, "group_by[0]"),
        ({"group_by": [1, 99]}, "group_by[1]"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"time_zone": "U" * 65}, "time_zone"),
        ({"account_id": ""}, "account_id"),
        ({"user_id": "\0"}, "user_id"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], field: str) -> None:
    good = {"account_id": "us", "start_time": Timestamp(seconds=1), "end_time": Timestamp(seconds=2)}
    request = pb.CountCallLogsRequest(**{**good, **fields})  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(InvalidRequest) as error:
        counting_of(request, "UTC")
    assert field in {violation.field for violation in error.value.violations}


async def test_the_answer_names_day_state_reason_and_user(ledger: Ledger) -> None:
    await put(ledger, call_log("call-1", start_time=START))
    selection = CallLogFilter(account_id=ACCOUNT, start_time=START, end_time=START + timedelta(hours=1))
    everything = CallLogCounting(selection=selection, time_zone=BERLIN, by_day=True, by_reason=True, by_user=True)
    answer = count_call_logs_response(await CountCallLogs(ledger.call_logs).execute(everything))
    assert list(answer.counts) == [
        pb.CallLogCount(day="2026-03-28", state=call_log_pb2.CALL_LOG_STATE_PENDING, user_id="alice", count=1)
    ]
