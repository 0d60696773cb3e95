"""EspoCRM and BottleCRM by their definitions, behind a real server: the fakes are processes of their own."""

from importlib.resources import files
from pathlib import Path

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
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import fake_process
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_PENDING

SHIPPED = Path(str(files("leadline_server.crm.declarative.shipped"))) / "espocrm.toml"
CRMS = {"espocrm": ("api_key", "Call", "cFollowUp"), "bottlecrm": ("token", "interactions", "duration_estimated")}


@pytest.mark.parametrize("name", CRMS)
async def test_calls_reach_a_defined_crm_once(tmp_path: Path, name: str) -> None:
    secret, log_table, peoples_field = CRMS[name]
    with fake_process(name, tmp_path / "crm") as crm:
        [contact_id] = crm.control("POST", "/people", [{"name": NAME, "number": "(202) 555-0147"}])
        options = {"adapter": "http", "definition": name, "base_url": crm.url, secret: GOOD_TOKEN}
        async with staged(tmp_path, crm, options) as stage:
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)
            await check_update(stage, log_table, {peoples_field: "By the customer's wish"})
            await check_outage(stage, refuses=True)


async def test_a_lost_answer_costs_no_second_log_where_logs_are_found(tmp_path: Path) -> None:
    with fake_process("espocrm", tmp_path / "crm") as crm:
        crm.control("POST", "/people", [{"name": NAME, "number": "(202) 555-0147"}])
        file = tmp_path / "espo.toml"
        file.write_text(SHIPPED.read_text().replace("settle_time = 30.0", "settle_time = 1.0"))
        options = {"adapter": "http", "definition": str(file), "base_url": crm.url, "api_key": GOOD_TOKEN}
        async with staged(tmp_path, crm, options) as stage:
            crm.misbehave(mode="drop_after_commit", only="writes", path="/Call")
            assert (await stage.client.log_call(a_call("lost", KNOWN))).state == CALL_LOG_STATE_PENDING
            assert len(crm.written().logs["demo/lost"]) == 1
            crm.recover()
            log = await settled(stage, "lost")
            assert [each["id"] for each in crm.written().logs["demo/lost"]] == [log.crm_log_id]
