"""Failovers of PostgreSQL: the primary is gone, its standby is promoted, and servers go on without a restart."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from fakes.process import fake_process
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.servers import ServerProcess
from system.postgres_replicas import SECONDS, clients_of, report_all, servers, until_logged

pytestmark = pytest.mark.system

PERSON: Final = {"firstname": "Ada", "lastname": "Lovelace", "phone": "(202) 555-0147"}
CALLS: Final = 120
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def killed(primary: PostgresServer) -> None:
    """The primary's machine loses power."""
    primary.stop("immediate")


def frozen(primary: PostgresServer) -> None:
    """The primary's machine answers no more, and its connections stay open."""
    for pid in processes(primary):
        os.kill(pid, signal.SIGSTOP)


@pytest.mark.parametrize("lose", [killed, frozen])
async def test_calls_outlast_a_failover(tmp_path: Path, lose: Callable[[PostgresServer], None]) -> None:
    with (
        postgres_server(parent=MEMORY) as primary,
        primary.standby("second") as standby,
        fake_process("hubspot", tmp_path / "crm") as crm,
    ):
        primary.configure(synchronous_standby_names="second")
        crm.control("POST", "/people", [PERSON])
        url = primary.create().replace(f":{primary.port}/", f":{primary.port},127.0.0.1:{standby.port}/")
        with servers(tmp_path, crm, url, 2, LEADLINE_LEDGER_TIMEOUT="1") as running:
            async with clients_of(running) as clients:
                reporting = asyncio.create_task(report_all(clients, CALLS))
                await asyncio.sleep(2)
                try:
                    await asyncio.to_thread(lose, primary)
                    await until_health(running, NOT_SERVING)
                    assert standby.sql("SELECT pg_is_in_recovery()") == "t"  # it answers, and takes no writes
                    assert not reporting.done()
                    await asyncio.to_thread(standby.promote)
                    await until_health(running, SERVING)
                    accepted, codes = await asyncio.wait_for(reporting, SECONDS)
                    for call_id in accepted:
                        await until_logged(clients[1], call_id)
                finally:
                    thaw(primary)
        written = crm.written()
    assert codes <= {grpc.StatusCode.UNAVAILABLE}
    assert len(accepted) == CALLS
    assert [len(logs) for logs in written.logs.values()] == [1] * CALLS


async def until_health(running: list[ServerProcess], status: Any) -> None:
    """Return once each server answers this to health checks."""
    async with asyncio.timeout(SECONDS):
        for server in running:
            async with grpc.aio.insecure_channel(server.address) as channel:
                stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call] # ships no types
                while (await stub.Check(health_pb2.HealthCheckRequest())).status != status:
                    await asyncio.sleep(0.1)


def processes(server: PostgresServer) -> list[int]:
    """The server's processes."""
    assert server.process is not None
    first = server.process.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
    return [first, *map(int, children.split())]


def thaw(server: PostgresServer) -> None:
    """Let the processes of a frozen server go on, so that it can be stopped."""
    if server.process is not None:
        for pid in processes(server):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
