"""How many round trips to PostgreSQL a call takes, and that the fewer ones use no outdated settings.

The calls come one after the other, each with a CRM outside: calls at once share round trips.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from e2e.crm_journey import a_call
from fakes.process import fake_process
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_LOGGED, CALL_LOG_STATE_UNLOGGED
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_DO_NOTHING, AccountSettings, Preferences
from leadline_server.domain.ledger_errors import SettingsChanged
from leadline_server.domain.preferences import AccountSettings as AccountSettingsValues
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.testing.ledger_samples import ACCOUNT, counted, key
from support.postgres import PostgresServer
from support.postgres_proxy import postgres_proxy
from system.postgres_replicas import replicas

pytestmark = pytest.mark.system

KNOWN: Final = "+12025550147"
PERSON: Final = {"firstname": "Ada", "lastname": "Lovelace", "phone": "+12025550147"}
CALLS: Final = 20
MOST: Final = 3
"""Round trips of a known call: it is accepted, its contact and the settings are asked for, and it is logged."""

BACKGROUND: Final = (
    "NOTIFY",  # wakes other servers
    "next_attempt_time <=",  # due calls
    "min(d.next_attempt_time)",
    "blocks <> 0",  # stored bytes
    "FROM audit",
    "replicas",
    "is_standby",
    "UPDATE ledger",
    *("current_setting", "typeinfo", "set_config('jit'"),  # a connection begins
    "clock_timestamp",
    *("BEGIN", "pg_current_xact_id_if_assigned", "COMMIT"),  # of the transactions among them: see the test
)
"""Statements that no call waits for: they come by the clock, or once for many calls."""


async def test_a_known_call_takes_three_round_trips(tmp_path: Path, postgres: PostgresServer) -> None:
    trips: Counter[str] = Counter()
    with fake_process("hubspot", tmp_path / "crm") as crm, postgres_proxy(postgres.port) as proxy:
        crm.control("POST", "/people", [PERSON])
        async with replicas(tmp_path, crm, proxy.url(postgres.create()), 1) as [client]:
            for number in range(CALLS):  # a connection prepares each statement once
                await client.log_call(a_call(f"before-{number}", KNOWN))
            trips.subtract(proxy.trips.statements)
            for number in range(CALLS):
                log = await client.log_call(a_call(f"call-{number}", KNOWN))
                assert log.state == CALL_LOG_STATE_LOGGED
            trips.update(proxy.trips.statements)
    of_calls = {text: n for text, n in trips.items() if n and not any(word in text for word in BACKGROUND)}
    assert sum(n for text, n in of_calls.items() if "INSERT INTO call_logs" in text) == 2 * CALLS
    assert sum(of_calls.values()) <= MOST * CALLS, of_calls
    by_the_clock = sum(n for text, n in trips.items() if "UPDATE ledger" in text or "INTO replicas" in text)
    assert trips["BEGIN"] <= by_the_clock, trips


async def test_a_server_uses_no_settings_that_another_has_replaced(tmp_path: Path, postgres: PostgresServer) -> None:
    with fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", [PERSON])
        async with replicas(tmp_path, crm, postgres.create(), 2) as [one, two]:
            await one.update_preferences(Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_DO_NOTHING))
            for turn in range(10):
                region = "GB" if turn % 2 else "US"
                await one.update_account_settings(AccountSettings(default_region=region))
                log = await two.log_call(a_call(f"national-{turn}", "(202) 555-0147"))
                assert (log.state == CALL_LOG_STATE_LOGGED) is (region == "US")
                await one.update_preferences(Preferences(auto_log_calls=False))
                log = await two.log_call(a_call(f"off-{turn}", KNOWN))
                assert log.state == CALL_LOG_STATE_UNLOGGED
                await one.update_preferences(Preferences(auto_log_calls=True))
                log = await two.log_call(a_call(f"on-{turn}", KNOWN))
                assert log.state == CALL_LOG_STATE_LOGGED


async def test_a_change_that_depends_on_replaced_settings_changes_nothing(postgres: PostgresServer) -> None:
    async with open_postgres_ledger(PostgresAddress(url=postgres.create())) as ledger:
        await ledger.accounts.create(ACCOUNT, AccountSettingsValues())
        old = (await ledger.accounts.record(ACCOUNT)).settings_version
        await ledger.accounts.change(ACCOUNT, lambda before: replace(before, default_region="GB"))
        new = (await ledger.accounts.record(ACCOUNT)).settings_version
        with pytest.raises(SettingsChanged):
            await ledger.call_logs.change(key("old"), counted, settings_version=old)
        refused, *others = await asyncio.gather(
            ledger.call_logs.change(key("old"), counted, settings_version=old),
            ledger.call_logs.change(key("new"), counted, settings_version=new),
            ledger.call_logs.change(key("any"), counted),
            return_exceptions=True,
        )
        assert isinstance(refused, SettingsChanged)
        assert not any(isinstance(other, BaseException) for other in others)
        assert [await ledger.call_logs.get(key(name)) is None for name in ("old", "new", "any")] == [True, False, False]
