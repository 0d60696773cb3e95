"""Zoho CRM behind a real server: the fake is a process of its own, and a TOML file connects it."""

from pathlib import Path

import pytest
from e2e.crm_journey import check_known_caller, check_outage, check_unknown_caller, check_update, staged
from fakes.process import fake_process
from fakes.zoho import KEY_FIELD
from fakes.zoho_people import options

PERSON = {"First_Name": "Ada", "Last_Name": "Lovelace", "Mobile": "(202) 555-0147"}


@pytest.mark.parametrize("key_field", ["", KEY_FIELD], ids=["by default", "with a field for the key"])
async def test_calls_reach_zoho_once(tmp_path: Path, key_field: str) -> None:
    with fake_process("zoho", tmp_path / "crm") as crm:
        contact_id = crm.control("POST", "/people/Contacts", PERSON)
        wanted = {"adapter": "zoho", **options(crm.url, call_key_field=key_field)}
        async with staged(tmp_path, crm, wanted) as stage:
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)
            await check_update(stage, "Calls", {"Call_Purpose": "Demo"})
            await check_outage(stage, refuses=True)
