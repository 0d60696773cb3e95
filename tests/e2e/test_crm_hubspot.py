"""HubSpot behind a real server: the fake is a process of its own, and a TOML file connects it."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from e2e.crm_journey import (
    KNOWN,
    NAME,
    a_call,
    check_known_caller,
    check_outage,
    check_unknown_caller,
    check_update,
    settled,
    staged,
)
from fakes.hubspot import REFRESH_TOKEN
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import fake_process

PERSON = dict(zip(("firstname", "lastname"), NAME.split(), strict=True)) | {"phone": "(202) 555-0147"}
PRIVATE_APP = {"token": GOOD_TOKEN}
OAUTH = {"client_id": "app", "client_secret": "secret", "refresh_token": REFRESH_TOKEN}


@pytest.mark.parametrize("credentials", [PRIVATE_APP, OAUTH], ids=["private app", "OAuth"])
@pytest.mark.parametrize("unique", ["", "leadline_call_id"], ids=["by search", "by a unique property"])
async def test_calls_reach_hubspot_once(tmp_path: Path, credentials: dict[str, Any], unique: str) -> None:
    with fake_process("hubspot", tmp_path / "crm", unique_call_properties=["leadline_call_id"]) as crm:
        [contact_id] = crm.control("POST", "/people", [PERSON])
        options = {"adapter": "hubspot", "api_url": crm.url, "call_id_property": unique, **credentials}
        async with staged(tmp_path, crm, options) as stage:
            assert PERSON["phone"] != KNOWN
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)
            await check_update(stage, "calls", {"hs_activity_type": "Discovery"})
            await check_outage(stage, refuses=True)


async def test_hubspots_own_rate_limit_costs_time_and_nothing_else(tmp_path: Path) -> None:
    with fake_process("hubspot", tmp_path / "crm") as crm:
        crm.misbehave(searches_per_second=5, requests_per_10_seconds=100)
        [contact_id] = crm.control("POST", "/people", [PERSON])
        async with staged(tmp_path, crm, {"adapter": "hubspot", "api_url": crm.url, **PRIVATE_APP}) as stage:
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)


async def test_a_hundred_callers_at_once_are_known_in_spite_of_hubspots_limit(tmp_path: Path) -> None:
    callers = [f"+120255501{place:02}" for place in range(100)]
    people = [{"firstname": "Caller", "lastname": caller[-2:], "phone": caller} for caller in callers]
    with fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", people[:90])
        crm.misbehave(searches_per_second=5, requests_per_10_seconds=100, latency=0.2)
        async with staged(tmp_path, crm, {"adapter": "hubspot", "api_url": crm.url, **PRIVATE_APP}) as stage:
            before = time.monotonic()
            found = await asyncio.gather(*(stage.client.find_contact(caller) for caller in callers))
            seconds = time.monotonic() - before
            searches = crm.control("GET", "/searches")
    names = [[match.contact.name for match in answer.matches] for answer in found]
    assert names == [[f"Caller {caller[-2:]}"] for caller in callers[:90]] + [[]] * 10
    assert searches["refused"] == 0
    assert searches["answered"] <= 20
    assert seconds < 10


async def test_the_calls_of_forty_callers_at_once_are_decided_within_hubspots_limit(tmp_path: Path) -> None:
    callers = [f"+120255501{place:02}" for place in range(40)]
    people = [{"firstname": "Caller", "lastname": caller[-2:], "phone": caller} for caller in callers]
    with fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", people)
        crm.misbehave(searches_per_second=5)
        async with staged(tmp_path, crm, {"adapter": "hubspot", "api_url": crm.url, **PRIVATE_APP}) as stage:
            await asyncio.gather(*(stage.client.log_call(a_call(caller, caller)) for caller in callers))
            logs = [await settled(stage, caller) for caller in callers]
            searches = crm.control("GET", "/searches")
    assert [log.contact.name for log in logs] == [f"Caller {caller[-2:]}" for caller in callers]
    assert searches["refused"] == 0
    assert searches["answered"] <= 16
