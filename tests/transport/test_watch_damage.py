"""A stored call log that cannot be read ends the watches that it concerns, and no others."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline.v1 import call_log_service_pb2 as pb
from support.crms import Switch
from transport.real import Real, real_server, report
from transport.serving import refused


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    async with real_server(tmp_path, Switch().wrap) as opened:
        yield opened


@pytest.mark.parametrize("max_call_logs", [0, 100])
async def test_a_damaged_log_ends_its_users_watch_and_another_users_goes_on(real: Real, max_call_logs: int) -> None:
    def watch(user_id: str) -> AsyncIterator[pb.WatchCallLogsResponse]:
        request = pb.WatchCallLogsRequest(account_id="demo", user_id=user_id, max_call_logs=max_call_logs)
        return aiter(real.calls.WatchCallLogs(request))

    await real.calls.LogCall(report("call-1", user_id="alice"))
    alices, bobs = watch("alice"), watch("bob")
    for started in (alices, bobs):
        await anext(started)
    await damage(real, "call-1")
    refusal = await refused(anext(alices))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
    await real.calls.LogCall(report("call-2", user_id="bob"))
    assert told(await anext(bobs)) == ["call-2"]


async def damage(real: Real, call_id: str) -> None:
    """Change a stored call so that it cannot be read."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE ledger SET call_log_sequence = call_log_sequence + 1")
        connection.execute(
            "UPDATE call_logs SET body = x'7b', sequence = (SELECT call_log_sequence FROM ledger) WHERE call_id = ?",
            (call_id,),
        )

    ledger: Any = real.harness.app.ledger
    await ledger._database.write(change)  # noqa: SLF001 - no public way writes what cannot be read


def told(message: pb.WatchCallLogsResponse) -> list[str]:
    one = [message.call_log] if message.HasField("call_log") else []
    return [log.call.id for log in (*message.call_logs, *one)]
