"""The description of an adapter in another process: when it is asked, what it may promise, and what comes of less."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1.capabilities_pb2 import Capabilities as Declared
from leadline_server.crm.remote import description
from leadline_server.crm.remote.adapter_type import OPENING_SECONDS, remote_crm
from leadline_server.crm.remote.description import ASSUMED, LONGEST_LAG, LONGEST_SETTLING, UNDESCRIBED
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.ports.crm import CrmAdapter
from support.scripted_adapters import PROMISES, ScriptedAdapter, fails, hangs, says, scripted_adapter
from unit.remote_contacts import DRAFT, NUMBER, is_back


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        yield running


def describes(**promises: Any) -> Any:
    return says(pb.DescribeResponse(capabilities=Declared(**promises)))


async def test_opening_waits_for_a_description_for_a_moment_only(adapter: ScriptedAdapter) -> None:
    adapter.answers["Describe"] = hangs
    started = time.monotonic()
    async with remote_crm(adapter.address, deadline=10.0) as crm:
        assert time.monotonic() - started < OPENING_SECONDS + 2
        assert crm.capabilities == UNDESCRIBED


async def test_nothing_is_asked_of_an_adapter_that_has_not_described_itself(adapter: ScriptedAdapter) -> None:
    for answer, expected in (
        (fails(grpc.StatusCode.UNIMPLEMENTED), CrmUnavailable),
        (fails(grpc.StatusCode.UNAUTHENTICATED), CrmAuthFailed),
        (says(pb.DescribeResponse(title="Says nothing")), CrmUnavailable),
    ):
        adapter.answers["Describe"] = answer
        async with remote_crm(adapter.address) as crm:
            for asked in (crm.find_contacts([NUMBER]), crm.create_contact(DRAFT, "key"), crm.check()):
                with pytest.raises(expected):
                    await asked
    assert {method for method, _ in adapter.received} == {"Describe"}


async def test_many_who_need_the_description_at_once_share_one(adapter: ScriptedAdapter) -> None:
    release = asyncio.Event()
    answer = adapter.answers["Describe"]

    async def late(data: bytes, context: Any) -> bytes:
        await release.wait()
        return await answer(data, context)

    await adapter.stop()
    async with remote_crm(adapter.address) as crm:
        adapter.answers["Describe"] = late
        await adapter.start()
        asked = [asyncio.create_task(is_back(crm)) for _ in range(32)]
        while not adapter.count("Describe"):
            await asyncio.sleep(0.01)
        release.set()
        await asyncio.gather(*asked)
    assert adapter.count("Describe") == 1


async def test_times_that_are_not_declared_are_reckoned_with_and_zero_is_none(adapter: ScriptedAdapter) -> None:
    adapter.answers["Describe"] = describes()
    async with remote_crm(adapter.address) as crm:
        assert (crm.capabilities.search_lag, crm.capabilities.settle_time) == (ASSUMED, ASSUMED)
        assert not crm.capabilities.finds_log_by_key
    adapter.answers["Describe"] = describes(search_lag=timedelta(0), settle_time=timedelta(seconds=2.5))
    async with remote_crm(adapter.address) as crm:
        assert crm.capabilities.search_lag == timedelta(0)
        assert crm.capabilities.settle_time == timedelta(seconds=2.5)


@pytest.mark.parametrize(
    "promises",
    [
        {"search_lag": timedelta(seconds=-1)},
        {"search_lag": LONGEST_LAG + timedelta(seconds=1)},
        {"settle_time": LONGEST_SETTLING + timedelta(seconds=1)},
        {"numbers_per_lookup": 17},
        {"numbers_per_lookup": -1},
    ],
    ids=str,
)
async def test_what_cannot_be_promised_is_no_description(adapter: ScriptedAdapter, promises: Any) -> None:
    adapter.answers["Describe"] = describes(**promises)
    async with remote_crm(adapter.address) as crm:
        assert crm.capabilities == UNDESCRIBED
        with pytest.raises(CrmUnavailable):
            await crm.check()


@pytest.mark.parametrize(
    "promises",
    [
        {"finds_log_by_key": True, "moves_log": True},
        {"enforces_unique_key": True, "moves_log": True},
        {"finds_log_by_key": True, "enforces_unique_key": True},
        {"finds_log_by_key": True, "enforces_unique_key": True, "moves_log": True, "search_lag": timedelta(minutes=2)},
        {"finds_log_by_key": True, "enforces_unique_key": True, "moves_log": True, "settle_time": timedelta(minutes=2)},
    ],
    ids=str,
)
async def test_an_adapter_that_comes_back_promising_less_is_asked_nothing(
    adapter: ScriptedAdapter, promises: Any
) -> None:
    async with remote_crm(adapter.address) as crm:
        before = crm.capabilities
        await adapter.stop()
        adapter.answers["Describe"] = describes(**promises)
        with pytest.raises(CrmUnavailable):
            await crm.check()
        await adapter.start()
        async with asyncio.timeout(20):
            while not (said := await _refused(crm)).endswith("Restart leadline."):
                await asyncio.sleep(0.02)
        assert "promises less" in said
        with pytest.raises(CrmUnavailable):
            await crm.create_contact(DRAFT, "key")
        assert adapter.count("CreateContact") == 0
        assert crm.capabilities == before


async def _refused(crm: CrmAdapter) -> str:
    with pytest.raises(CrmUnavailable) as caught:
        await crm.check()
    return caught.value.message


async def test_an_adapter_that_comes_back_with_fewer_methods_is_asked_nothing(
    adapter: ScriptedAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "FRESH_SECONDS", 0.0)
    fewer = ["FindContacts", "Check"]
    async with remote_crm(adapter.address) as crm:
        adapter.answers["Describe"] = says(pb.DescribeResponse(capabilities=PROMISES, methods=fewer))
        with pytest.raises(CrmUnavailable, match=r"create_call_log.*Restart leadline"):
            await crm.check()


async def test_an_adapter_that_promises_more_later_is_taken_at_its_first_word(
    adapter: ScriptedAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "FRESH_SECONDS", 0.0)
    adapter.answers["Describe"] = describes(finds_log_by_key=True)
    async with remote_crm(adapter.address) as crm:
        before = crm.capabilities
        adapter.answers["Describe"] = describes(finds_log_by_key=True, enforces_unique_key=True)
        await crm.check()
        assert crm.capabilities == before
    assert adapter.count("Describe") >= 2
