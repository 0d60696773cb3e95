"""Connecting to an adapter in another process: what was not sent, and who may listen."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline_server.crm.remote.adapter_type import OPENING_SECONDS, remote_crm
from leadline_server.crm.remote.channel import open_channel
from leadline_server.crm.remote.description import UNDESCRIBED
from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.crm.remote.wire import Wire
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmUnavailable
from pydantic import ValidationError
from support.adapters import opened_adapter
from support.scripted_adapters import ScriptedAdapter, hangs, scripted_adapter
from unit.remote_contacts import DRAFT, NUMBER, is_back


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        yield running


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
