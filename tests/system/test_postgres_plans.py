"""PostgreSQL makes the plans of a call's statements once, and not for each call, also if the tables are large."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.domain.preferences import UnknownContactAction
from support.apps import Harness, open_harness
from support.postgres import MEMORY, postgres_server

pytestmark = pytest.mark.system

CALLS: Final = 12
TRIED: Final = 5
"""How many plans PostgreSQL makes before it decides ("plan_cache_mode" in its manual)."""

FILL: Final = """
    INSERT INTO crm_contacts (account_id, id, name, folded_name, type, is_placeholder, details)
    SELECT 'demo', 'c_' || n, 'Person ' || n, 'person ' || n, 'contact', false, '{}'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO crm_contact_numbers SELECT account_id, 3015000000 + pk, pk FROM crm_contacts;
    INSERT INTO crm_call_logs (account_id, id, unique_key, contact, call_id, owner, number, start_time, attributes,
        update_time)
    SELECT account_id, 'l_' || pk, 'demo/old-' || pk, pk, 'old-' || pk, '', '', 0, '{}', 0 FROM crm_contacts;
    INSERT INTO call_logs (account_id, call_id, version, user_id, shown_state, update_state, start_time, sequence, body)
    SELECT 'demo', 'old-' || n, 1, 'alice', 1, 0, n, -n, '' FROM generate_series(1, 20000) AS n;
    ANALYZE
"""
MADE: Final = """
    SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements
    WHERE generic_plans + custom_plans > $1 AND statement LIKE '%unnest%'
"""
"""Statements of calls: their values are arrays, since calls share them."""


async def test_no_statement_of_a_call_is_planned_for_each_call(tmp_path: Path) -> None:
    with postgres_server(parent=MEMORY) as server:
        url = server.create()
        async with open_harness(tmp_path, ledger=url, ledger_connections=2) as harness:
            await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
            await asyncio.to_thread(server.sql, FILL, url.rpartition("/")[2])
            await calls(harness)
            ledger: Any = harness.app.ledger
            statements = [tuple(row) for row in await ledger.storage.fetch(MADE, TRIED)]
    assert len(statements) >= len(("a lookup", "a known caller", "an unknown one"))
    assert [custom for _, _, custom in statements] == [TRIED] * len(statements), statements


async def calls(harness: Harness) -> None:
    """Calls of known and unknown callers."""
    await harness.create("Ada", "+12025550101")
    for number in range(CALLS):
        await harness.log(f"known-{number}", "+12025550101")
    for number in range(CALLS):
        await harness.log(f"unknown-{number}", f"+12025551{number:03}")
