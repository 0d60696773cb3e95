"""`leadline serve` with its ledger in PostgreSQL, by one server and by several."""

import asyncio
from pathlib import Path
from typing import Final

import grpc
import pytest
from e2e.crm_journey import UNKNOWN, a_call, check_known_caller, check_outage, check_unknown_caller, staged
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import fake_process
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.servers import leadline, until
from system.postgres_replicas import SECONDS, replicas, report_all, until_logged

pytestmark = pytest.mark.system

PERSON: Final = {"firstname": "Ada", "lastname": "Lovelace", "phone": "(202) 555-0147"}


async def test_calls_reach_the_crm_once(tmp_path: Path, postgres: PostgresServer) -> None:
    with fake_process("hubspot", tmp_path / "crm") as crm:
        [contact_id] = crm.control("POST", "/people", [PERSON])
        options = {"adapter": "hubspot", "api_url": crm.url, "token": GOOD_TOKEN}
        async with staged(tmp_path, crm, options, {"LEADLINE_LEDGER": postgres.create()}) as stage:
            await check_known_caller(stage, contact_id)
            await check_unknown_caller(stage)
            await check_outage(stage, refuses=True)


async def test_reports_of_one_call_and_calls_of_one_stranger_across_servers_are_one_log_and_one_contact(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with fake_process("hubspot", tmp_path / "crm") as crm:
        async with replicas(tmp_path, crm, postgres.create(), 3) as clients:
            one_call = (clients[number % 3].log_call(a_call("one", UNKNOWN)) for number in range(30))
            of_one = (clients[number % 3].log_call(a_call(f"c-{number}", UNKNOWN)) for number in range(30))
            await asyncio.gather(*one_call, *of_one)
            for call_id in ("one", *(f"c-{number}" for number in range(30))):
                await until_logged(clients[0], call_id)
            written = crm.written()
    assert len(written.contacts[UNKNOWN]) == 1
    assert [len(logs) for logs in written.logs.values()] == [1] * 31


async def test_calls_outlast_a_database_that_is_killed(tmp_path: Path) -> None:
    with postgres_server(parent=MEMORY) as postgres, fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", [PERSON])
        async with replicas(tmp_path, crm, postgres.create(), 2) as clients:
            reporting = asyncio.create_task(report_all(clients, 60))
            for _ in range(2):
                await asyncio.sleep(1)
                await asyncio.to_thread(kill_and_start, postgres)
            accepted, codes = await asyncio.wait_for(reporting, SECONDS * 4)
            for call_id in accepted:
                await until_logged(clients[1], call_id)
            written = crm.written()
    assert codes <= {grpc.StatusCode.UNAVAILABLE}
    assert len(accepted) == 60
    assert [len(logs) for logs in written.logs.values()] == [1] * 60


def test_a_server_that_would_lose_calls_is_refused(tmp_path: Path) -> None:
    with postgres_server(parent=MEMORY, options={"fsync": "off"}) as postgres:
        config = tmp_path / "leadline.toml"
        config.write_text('[connections.crm]\nadapter = "hubspot"\ntoken = "t"\n[accounts.demo]\nconnection = "crm"\n')
        settings = {"LEADLINE_LEDGER": postgres.create(), "LEADLINE_CONFIG": str(config)}
        done = leadline("serve", "--listen", "127.0.0.1:0", settings=settings)
    assert done.returncode == 2
    assert "fsync = off" in done.stderr
    assert postgres.password not in done.stderr


def kill_and_start(postgres: PostgresServer) -> None:
    """Kill the server, and start it once the processes of its sessions have ended, too."""
    postgres.stop("immediate")

    def has_started() -> bool:
        try:
            postgres.start()
        except AssertionError:
            return False
        return True

    until(has_started, SECONDS)
