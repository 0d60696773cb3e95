"""Connecting to an adapter: what was not sent, what it promises and when, and who may listen."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1.capabilities_pb2 import Capabilities as Declared
from leadline_server.crm.remote import description
from leadline_server.crm.remote.adapter_type import OPENING_SECONDS, remote_crm
from leadline_server.crm.remote.channel import open_channel
from leadline_server.crm.remote.description import ASSUMED, LONGEST_LAG, LONGEST_SETTLING, UNDESCRIBED
from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.crm.remote.wire import Wire
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.errors import CrmAuthFailed, CrmOutcomeUnknown, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import MOST_NUMBERS, CrmAdapter
from pydantic import ValidationError
from support.adapters import opened_adapter
from support.scripted_adapters import PROMISES, ScriptedAdapter, fails, hangs, says, scripted_adapter

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada", phone_number=NUMBER)


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        yield running


def describes(**promises: Any) -> Any:
    return says(pb.DescribeResponse(capabilities=Declared(**promises)))


async def is_back(crm: CrmAdapter) -> None:
    """Wait until the adapter answers again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await crm.check()
            except CrmUnavailable:
                await asyncio.sleep(0.02)


async def test_an_adapter_that_is_away_keeps_nobody_from_starting_and_is_used_when_it_comes(
    adapter: ScriptedAdapter,
) -> None:
    await adapter.stop()
    async with remote_crm(adapter.address) as crm:
        assert crm.capabilities == UNDESCRIBED
        with pytest.raises(CrmUnavailable):
            await crm.find_contacts([NUMBER])
        await adapter.start()
        await is_back(crm)
        assert crm.capabilities.enforces_unique_key
        assert len(await crm.find_contacts([NUMBER])) == 1


async def test_a_write_without_a_connection_was_not_sent(adapter: ScriptedAdapter) -> None:
    async with remote_crm(adapter.address) as crm:
        await crm.check()
        await adapter.stop()
        async with asyncio.timeout(10):
            while True:  # until it has heard that the connection is gone
                with pytest.raises(CrmUnavailable) as caught:
                    await crm.check()
                if "cannot be reached" in caught.value.message:
                    break
        with pytest.raises(CrmUnavailable):
            await crm.create_contact(DRAFT, "key")
        assert adapter.count("CreateContact") == 0


async def test_a_write_whose_connection_breaks_is_of_unknown_outcome(adapter: ScriptedAdapter) -> None:
    adapter.answers["CreateContact"] = hangs
    async with remote_crm(adapter.address) as crm:
        writing = asyncio.create_task(crm.create_contact(DRAFT, "key"))
        while not adapter.count("CreateContact"):
            await asyncio.sleep(0.01)
        await adapter.stop()
        with pytest.raises(CrmOutcomeUnknown):
            await writing


@pytest.mark.parametrize(
    ("method", "expected"), [("FindContacts", CrmUnavailable), ("CreateContact", CrmOutcomeUnknown)]
)
async def test_an_adapter_that_never_answers_costs_a_deadline_and_no_more(
    adapter: ScriptedAdapter, method: str, expected: type[Exception]
) -> None:
    adapter.answers[method] = hangs
    async with remote_crm(adapter.address, deadline=0.3) as crm:
        with pytest.raises(expected):
            await (crm.find_contacts([NUMBER]) if method == "FindContacts" else crm.create_contact(DRAFT, "key"))
        await crm.check()


async def test_a_place_that_takes_connections_and_never_speaks_is_nobody() -> None:
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with remote_crm(f"127.0.0.1:{silent.getsockname()[1]}", deadline=0.4) as crm:
            with pytest.raises(CrmUnavailable, match="in time"):
                await crm.create_contact(DRAFT, "key")
    assert time.monotonic() - started < OPENING_SECONDS + 2


async def test_what_is_asked_after_the_end_is_cannot_tell(adapter: ScriptedAdapter) -> None:
    async with remote_crm(adapter.address) as crm:
        await crm.check()
    with pytest.raises(CrmUnavailable):
        await crm.create_contact(DRAFT, "key")
    assert adapter.count("CreateContact") == 0


@pytest.mark.parametrize("name", ["ca", "client_certificate"])
def test_a_file_that_is_gone_when_the_connection_is_opened_is_told(name: str, tmp_path: Path) -> None:
    file = tmp_path / "gone.pem"
    file.write_text("once")
    options = {"address": "adapter.example:50060", "client_key": "k", "client_certificate": __file__, name: file}
    settings = RemoteSettings.model_validate(options)
    file.unlink()
    with pytest.raises(CrmUnavailable, match=r"gone.pem cannot be read \(No such file"):
        open_channel(settings)


async def test_a_connection_of_the_settings_is_one_for_all_its_accounts(
    adapter: ScriptedAdapter, tmp_path: Path
) -> None:
    async with opened_adapter("remote", {"address": adapter.address}, tmp_path) as crm:
        await crm.check()
        contact = await crm.get_contact("c-1")
        assert contact is not None
        assert contact.name == "Ada Lovelace"
    with pytest.raises(CrmUnavailable):
        await crm.check()


async def test_a_write_that_the_end_finds_without_a_connection_was_not_sent(adapter: ScriptedAdapter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with remote_crm(f"127.0.0.1:{silent.getsockname()[1]}") as crm:
            writing = asyncio.create_task(crm.create_contact(DRAFT, "key"))
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            with pytest.raises(CrmUnavailable):
                await writing
    settings = RemoteSettings.model_validate({"address": adapter.address})
    channel = open_channel(settings)
    wire = Wire(channel, settings)
    await wire.connect()
    await channel.close()
    assert not wire.is_connected
    with pytest.raises(CrmUnavailable, match="is stopping"):
        await wire.call("CreateContact", pb.CreateContactRequest(), pb.CreateContactResponse, is_write=True)
    assert adapter.count("CreateContact") == 0


async def test_a_write_that_the_end_breaks_off_is_of_unknown_outcome(adapter: ScriptedAdapter) -> None:
    adapter.answers["CreateContact"] = hangs
    async with remote_crm(adapter.address) as crm:
        writing = asyncio.create_task(crm.create_contact(DRAFT, "key"))
        while not adapter.count("CreateContact"):
            await asyncio.sleep(0.01)
    with pytest.raises(CrmOutcomeUnknown):
        await writing


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
        {"numbers_per_lookup": MOST_NUMBERS + 1},
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


async def test_no_proxy_of_the_environment_sees_what_is_asked(
    adapter: ScriptedAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with remote_crm(adapter.address) as crm:
        await crm.check()


@pytest.mark.parametrize(
    ("options", "is_encrypted"),
    [
        ({"address": "127.0.0.1:50060"}, False),
        ({"address": "[::1]:50060"}, False),
        ({"address": "localhost:50060"}, False),
        ({"address": "localhost:50060", "tls": True}, True),
        ({"address": "adapter.example:443"}, True),
        ({"address": "10.0.0.7:50060"}, True),
    ],
    ids=str,
)
def test_what_leaves_this_machine_is_encrypted(options: dict[str, Any], is_encrypted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert RemoteSettings.model_validate(options).is_encrypted is is_encrypted


@pytest.mark.parametrize(
    "options",
    [
        {"address": "adapter.example:443", "tls": False},
        {"address": "adapter.example"},
        {"address": "http://adapter.example:80"},
        {"address": "127.0.0.1:0"},
        {"address": "127.0.0.1:65536"},
        {"address": "user@adapter.example:443"},
        {"address": "127.0.0.1:1", "ca": "/no/such/file"},
        {"address": "127.0.0.1:1", "ca": __file__},
        {"address": "adapter.example:443", "client_certificate": __file__},
        {"address": "adapter.example:443", "client_key": "a key"},
        {"address": "127.0.0.1:1", "deadline": 0},
        {"address": "127.0.0.1:1", "url": "x"},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RemoteSettings.model_validate(options)
