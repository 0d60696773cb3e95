"""Pipedrive behind a real server: the fake is a process of its own, and a TOML file connects it."""

from pathlib import Path
from typing import Any

import pytest
from e2e.crm_journey import KNOWN, NAME, check_known_caller, check_outage, check_unknown_caller, check_update, staged
from fakes.misbehaviour import GOOD_TOKEN
from fakes.pipedrive import CLIENT, REFRESH_TOKEN
from fakes.process import fake_process

PERSON = {"name": NAME, "phones": [{"value": KNOWN, "primary": True, "label": "work"}]}
API_TOKEN = {"api_token": GOOD_TOKEN}
OAUTH = {"client_id": CLIENT[0], "client_secret": CLIENT[1], "refresh_token": REFRESH_TOKEN}


@pytest.mark.parametrize("credentials", [API_TOKEN, OAUTH], ids=["API token", "OAuth"])
async def test_calls_reach_pipedrive_once_within_its_rate_limits(tmp_path: Path, credentials: dict[str, Any]) -> None:
    with fake_process("pipedrive", tmp_path / "crm") as crm:
        crm.misbehave(requests_per_2_seconds=20, searches_per_2_seconds=10)
        [contact_id] = crm.control("POST", "/people", [PERSON])
        options = {"adapter": "pipedrive", "company_domain": "acme", "api_url": crm.url, "oauth_url": crm.url}
        async with staged(tmp_path, crm, {**options, **credentials}) as stage:
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)
            await check_update(stage, "activities", {"public_description": "Bring the contract"})
            await check_outage(stage, refuses=True)
