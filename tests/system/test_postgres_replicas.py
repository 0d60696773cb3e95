"""Three servers on one PostgreSQL ledger: one contact for one stranger, one log for one call, whichever is asked."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from faults.http_crm.phones import LOGGED, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.test_processes import reported_at_once
from support.postgres import PostgresServer
from system.postgres_stage import sharing

SERVERS: Final = 3
AT_ONCE: Final = 100
ROUNDS, SOAK_ROUNDS = 2, 50


@pytest.mark.system
async def test_100_calls_of_one_stranger_and_100_reports_of_one_call(tmp_path: Path, postgres: PostgresServer) -> None:
    await one_contact_and_one_log(tmp_path, postgres, ROUNDS)


@pytest.mark.soak
async def test_100_calls_of_one_stranger_and_100_reports_of_one_call_fifty_times(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    await one_contact_and_one_log(tmp_path, postgres, SOAK_ROUNDS)


async def one_contact_and_one_log(folder: Path, postgres: PostgresServer, rounds: int) -> None:
    with crm_process(folder / "crm.db") as crm, sharing(folder, crm, postgres.create(), SERVERS) as servers:
        await want_placeholders(servers[0])
        for number in range(rounds):
            calls = [f"round-{number}-call-{i}" for i in range(AT_ONCE)]
            answers = await reported_at_once(servers, calls, stranger(2 * number))
            assert {log.state for log in answers} == {LOGGED}
            assert len({log.contact.id for log in answers}) == 1
            one = [f"round-{number}-one"] * AT_ONCE
            answers = await reported_at_once(servers, one, stranger(2 * number + 1))
            assert len({(log.state, log.contact.id, log.crm_log_id) for log in answers}) == 1
        logs = await settled(servers[-1])
        written = crm.written()
    assert len(logs) == rounds * (AT_ONCE + 1)
    assert Counter({call_id: len(found) for call_id, found in written.logs.items()}) == Counter(logs.keys())
    assert sorted(len(ids) for ids in written.contacts.values()) == [1] * (2 * rounds)
