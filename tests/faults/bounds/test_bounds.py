"""Attacks by a CRM and by one account, on a whole server: each ends at its published bound (docs/limits.md).

Another account works all the while.
"""

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Final

import grpc
import pytest
from faults.bounds.flood import CORES, YIELDS, ended, on_core, started
from faults.bounds.hostile import NESTED, NUMBER, VICTIM_NUMBER, Stage, elsewhere, encoded, people, sized, staged
from faults.bounds.measures import MIB, a_call, looks_up, memory, metrics, victims_seconds
from leadline import AsyncClient, errors
from leadline.v1.call_log_pb2 import (
    CALL_LOG_REASON_NO_CONTACT,
    CALL_LOG_REASON_SEVERAL_CONTACTS,
    CALL_LOG_STATE_PENDING,
    CALL_LOG_STATE_UNLOGGED,
)
from leadline.v1.call_log_service_pb2 import ListCallLogsRequest
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.call_pb2 import Call
from leadline.v1.preferences_pb2 import (
    MULTIPLE_MATCH_ACTION_FIRST_ALPHABETICAL,
    UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER,
    Preferences,
)
from leadline_server.domain.call_log import MAX_DELIVERY_AGE
from leadline_server.domain.delay import LONGEST_RETRY
from leadline_server.domain.limits import MOST_CALL_BYTES, MOST_CANDIDATES, MOST_RECORDS
from leadline_server.storage.checkpoints import MAX_LOG_BYTES
from support.databases import rows
from support.servers import server_process

LIMIT: Final = 4 * MIB  # what a gRPC client reads by default


async def test_75_000_contacts_in_an_answer_are_never_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.crm.found = encoded(people(75_000))
        assert len(stage.crm.found) > 3.9e6
        attack = asyncio.ensure_future(looks_up(stage, 6))
        seconds = await victims_seconds(stage, attack)
        assert await attack == 6
        assert seconds[-1] < 2, "one answer used to hold the loop for 12 s"


async def test_a_number_of_very_many_contacts_is_several_contacts_and_no_preference_chooses(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        wish = Preferences(multiple_match_action=MULTIPLE_MATCH_ACTION_FIRST_ALPHABETICAL)
        await stage.hostile.update_preferences(wish)
        stage.crm.found = encoded(people(MOST_RECORDS))
        log = await stage.hostile.log_call(a_call("hundred"))
        assert log.contact.name == "Ada 1"
        stage.crm.found = encoded(people(MOST_RECORDS + 1))
        log = await stage.hostile.log_call(a_call("more"))
        assert (log.state, log.reason) == (CALL_LOG_STATE_UNLOGGED, CALL_LOG_REASON_SEVERAL_CONTACTS)
        assert "more contacts than leadline reads" in log.explanation
        assert len(log.candidates) == MOST_CANDIDATES
        with pytest.raises(errors.Unavailable):
            await stage.hostile.find_contact(NUMBER, skip_cache=True)
        with pytest.raises(errors.AlreadyExists):
            await stage.hostile.create_contact("Ada", NUMBER)


async def test_a_cut_off_answer_with_one_match_is_cannot_tell(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hostile.update_preferences(
            Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
        )
        others = [person | {"id": 1_000 + person["id"]} for person in people(1_000, phone="+13105550100")]
        same = people(1) * 200
        for index, found in enumerate((others, [*people(1), *others], same)):
            stage.crm.found = encoded(found)
            log = await stage.hostile.log_call(a_call(f"cut-{index}"))
            assert log.state == CALL_LOG_STATE_PENDING
        assert stage.crm.told == 0


async def test_100_000_nested_lists_are_cannot_tell(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for body in (NESTED, NESTED + b"]" * 100_000, b'{"people":' + NESTED + b"]" * 100_000 + b"}"):
            stage.crm.found = body
            assert await looks_up(stage, 2) == 2
        assert "rpc_failed" not in stage.server.stderr
        stage.crm.be_well()
        assert (await stage.hostile.log_call(a_call("after"))).reason == CALL_LOG_REASON_NO_CONTACT


async def test_a_write_whose_answer_is_nested_too_deeply_has_an_unknown_outcome(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.crm.found, stage.crm.written = encoded(people(1)), NESTED
        log = await stage.hostile.log_call(a_call("written"))
        assert log.state == CALL_LOG_STATE_PENDING
        assert "nested too deeply" in log.last_error
        assert stage.crm.told == 1
        with pytest.raises(errors.Unavailable):
            await stage.hostile.create_contact("Ada", VICTIM_NUMBER, allow_duplicate=True)
        assert "rpc_failed" not in stage.server.stderr


RETRY_AFTER: Final = {
    "inf": "inf",
    "7,000 digits": "9" * 7_000,
    "3,000 years": "99999999999",
    "year 9999": "Fri, 31 Dec 9999 23:59:59 GMT",
}


@pytest.mark.parametrize("header", RETRY_AFTER.values(), ids=RETRY_AFTER)
async def test_a_hostile_retry_after_ends_as_a_bounded_wait(tmp_path: Path, header: str) -> None:
    short = {'retry_after = "error.wait"\n': "", "when = \"error.code == 'busy'\"": "status = [429]"}
    async with staged(tmp_path, short) as stage:
        stage.crm.status, stage.crm.headers = 429, {"Retry-After": header}
        log = await stage.hostile.log_call(a_call("limited"))
        assert log.state == CALL_LOG_STATE_PENDING
        wait = log.next_attempt_time.seconds - log.create_time.seconds
        assert 0 < wait <= MAX_DELIVERY_AGE.total_seconds()
        assert wait <= LONGEST_RETRY * 1.1
        [(due,)] = rows(stage.server.data_dir / "ledger.db", "SELECT next_attempt_time FROM call_logs")
        assert due / 1e6 - log.create_time.seconds <= LONGEST_RETRY * 1.1
        with pytest.raises(errors.LeadlineError) as refused:
            await stage.hostile.find_contact(NUMBER, skip_cache=True)
        assert refused.value.code.name in {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}
        assert "Overflow" not in str(refused.value)
        assert "rpc_failed" not in stage.server.stderr
        await stage.victim.find_contact(VICTIM_NUMBER)
        stage.crm.be_well()
        assert stage.server.stop() == 0
        config = {"LEADLINE_CONFIG": str(tmp_path / "leadline.toml")}
        with server_process(stage.server.data_dir, settings=config) as again:
            async with AsyncClient(again.address, account="hostile", user="alice") as client:
                assert not (await client.find_contact(NUMBER)).matches
                log = await client.retry_call_log("limited")
                assert log.reason == CALL_LOG_REASON_NO_CONTACT


async def test_contacts_of_10_kb_fill_neither_the_memory_nor_a_row(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.crm.found = encoded(people(1, email="x" * 10_000))
        await stage.hostile.find_contact(NUMBER)
        before = memory(stage)
        for index in range(150):
            number = f"+1202555{index:04}"
            stage.crm.found = encoded(people(95, phone=number, email="x" * 10_000))
            assert len((await stage.hostile.find_contact(number)).matches) == 95
        assert memory(stage) - before < 100 * MIB, "150 lookups used to keep 760 MB"
        stage.crm.found = encoded(people(95, email="x" * 10_000))
        log = await stage.hostile.log_call(a_call("large"))
        assert log.reason == CALL_LOG_REASON_SEVERAL_CONTACTS
        assert 1 <= len(log.candidates) <= 6, "64 KiB of them"
        [(size,)] = rows(stage.server.data_dir / "ledger.db", "SELECT max(length(body)) FROM call_logs")
        assert size < 128 * 1024, "candidates used to have 4.1 MB"


async def test_a_page_of_large_calls_fits_into_4_mib(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.crm.found = encoded([])
        for index in range(12):
            await stage.hostile.log_call(a_call(f"large-{index}", transcript="\u00e9" * 250_000, note="n" * 16_000))
        before = memory(stage)
        found, token = list[str](), "first"
        async with grpc.aio.insecure_channel(stage.server.address) as ordinary:
            stub = CallLogServiceStub(ordinary)
            while token:
                request = ListCallLogsRequest(
                    account_id="hostile", page_size=1_000, page_token=token.removeprefix("first")
                )
                page = await stub.ListCallLogs(request)
                assert 1 <= len(page.call_logs) < 12
                assert page.ByteSize() <= LIMIT
                found += [log.call.id for log in page.call_logs]
                token = page.next_page_token
        assert sorted(found) == sorted(f"large-{index}" for index in range(12))
        assert memory(stage) - before < 150 * MIB


async def test_1_200_reports_that_clear_unknown_attributes_leave_a_small_row_and_log(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hostile.log_call(a_call("stamps"))
        for number in range(1_200):
            report = Call(id="stamps", attributes={f"key-{number}-{index}": "" for index in range(64)})
            report.event_time.seconds = 1_795_000_000 + number
            await stage.hostile.log_call(report)
        ledger = stage.server.data_dir / "ledger.db"
        [(size,)] = rows(ledger, "SELECT length(body) FROM call_logs")
        assert size < 16_000, "the row used to have 3.3 MB"
        assert ledger.with_name("ledger.db-wal").stat().st_size < MAX_LOG_BYTES + 8 * MIB, "it used to have 1.27 GB"


async def test_a_call_has_a_megabyte_at_most_and_the_refusal_changes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hostile.log_call(a_call("grows", transcript="\U0001f600" * 240_000))
        with pytest.raises(errors.InvalidArgument, match=f"at most {MOST_CALL_BYTES} bytes"):
            await stage.hostile.log_call(Call(id="grows", note="\U0001f600" * 16_000, summary="late"))
        log = await stage.hostile.get_call_log("grows")
        assert not log.call.summary
        assert log.revision >= 1


async def test_the_write_ahead_log_is_bounded_in_bytes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hostile.log_call(a_call("wal"))
        for number in range(110):
            with suppress(errors.DeadlineExceeded):
                await stage.hostile.log_call(Call(id="wal", transcript=f"{number}" + "t" * 260_000 + "\u00e9" * 1_000))
                await stage.hostile.log_call(a_call(f"wal-{number}", transcript="\u4e16" * 260_000))
        wal = stage.server.data_dir / "ledger.db-wal"
        assert wal.stat().st_size < MAX_LOG_BYTES + 16 * MIB


async def test_answers_up_to_a_megabyte_are_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.crm.found = sized(50, MIB - 2_000)
        assert MIB - 8_000 < len(stage.crm.found) < MIB
        stage.crm.found = sized(50, MIB + 2_000)
        with pytest.raises(errors.Unavailable):
            await stage.hostile.find_contact(NUMBER, skip_cache=True)
        stage.crm.found = sized(50, MIB - 2_000)
        assert len((await stage.hostile.find_contact(NUMBER, skip_cache=True)).matches) == 50


@pytest.mark.soak
async def test_a_hostile_crm_costs_the_loop_50_ms_and_another_account_half_as_much_again(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        with on_core(CORES[-1]):
            url = await stack.enter_async_context(elsewhere(75_000))
        with on_core(CORES[0]):
            stage = await stack.enter_async_context(staged(tmp_path, url=url))
        quiet, loud, short, every = list[float](), list[float](), 0.0, 0.0
        for _ in range(5):
            quiet.append(await victims_p99(stage))
            before = ticks(stage)
            with on_core(CORES[-1]):
                attack = await started("lookups", stage.server.address, "24", "4", before=YIELDS)
            await asyncio.sleep(2)
            loud.append(await victims_p99(stage))
            assert (await ended(attack))["ended"]["UNAVAILABLE"] > 10
            short, every = (
                total + late - early for total, early, late in zip((short, every), before, ticks(stage), strict=True)
            )
        figures = f"over 50 ms: {1 - short / every:.4%} of {every:.0f}; victim p99: {quiet} -> {loud} s"
        sys.stdout.write(f"{figures}\n")
        assert short / every >= 0.999, figures
        assert median(loud) <= 1.5 * median(quiet), figures


async def victims_p99(stage: Stage) -> float:
    """The 99th percentile of the other account's lookups for 8 seconds, in a process of their own. None may fail."""
    with on_core(CORES[-1]):
        seen = await ended(await started("victim", stage.server.address, "8"))
    assert seen["failed"] == 0
    return float(seen["p99"])


def ticks(stage: Stage) -> list[float]:
    """How many measurements of the loop's lag were up to 50 ms, and how many there were."""
    return metrics(stage, *(f'leadline_event_loop_delay_seconds_bucket{{le="{le}"}}' for le in ("0.05", "+Inf")))
