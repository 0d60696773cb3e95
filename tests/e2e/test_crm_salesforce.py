"""Salesforce behind a real server: the fake is a process of its own, and a TOML file connects it."""

from pathlib import Path
from typing import Any

import pytest
from e2e.crm_journey import check_known_caller, check_outage, check_unknown_caller, check_update, staged
from fakes.process import fake_process
from fakes.salesforce_people import options

PERSON = {"FirstName": "Ada", "LastName": "Lovelace", "MobilePhone": "(202) 555-0147"}
OUTAGES: list[dict[str, Any]] = [{"refuses": True}, {"mode": "rate_limited"}]


@pytest.mark.parametrize("outage", OUTAGES, ids=["refused", "no requests left"])
async def test_calls_reach_salesforce_once(tmp_path: Path, outage: dict[str, Any]) -> None:
    with fake_process("salesforce", tmp_path / "crm") as crm:
        contact_id = crm.control("POST", "/people/Contact", PERSON)
        async with staged(tmp_path, crm, {"adapter": "salesforce", **options(crm.url)}) as stage:
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)
            await check_update(stage, "Task", {"Priority": "High"})
            await check_outage(stage, **outage)
