"""HubSpot behind a real server: the fake is a process of its own, and a TOML file connects it."""

from pathlib import Path
from typing import Any

import pytest
from e2e.crm_journey import KNOWN, NAME, check_known_caller, check_outage, check_unknown_caller, check_update, staged
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
