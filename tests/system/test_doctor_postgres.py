"""`leadline doctor` on a ledger in PostgreSQL: poolers, connections, clocks, and servers that differ."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.pooling import Pooling, pooling_of
from support.pgbouncer import pgbouncer
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.servers import leadline, server_process, until

pytestmark = pytest.mark.system

IGNORED: Final = (
    "application_name,synchronous_commit,statement_timeout,idle_in_transaction_session_timeout,"
    "default_transaction_isolation,extra_float_digits"
)
LIMIT: Final = 40
SETTINGS: Final = """
check_connections = false
[connections.crm]
adapter = "hubspot"
api_url = "http://127.0.0.1:1"
token = "t"
[accounts.demo]
connection = "crm"
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    options = {"max_connections": str(LIMIT), "superuser_reserved_connections": "3"}
    with postgres_server(parent=MEMORY, options=options) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leadline.toml"
    path.write_text(SETTINGS)
    return path


def diagnosed(settings: Mapping[str, str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of `leadline doctor`, and the findings by the name of the check."""
    done = leadline("doctor", "--json", settings=settings, seconds=60)
    assert done.stdout, done.stderr
    return done.returncode, {one["check"]: one for one in json.loads(done.stdout)}


def settings_of(config: Path, url: str, **more: str) -> dict[str, str]:
    return {"LEADLINE_CONFIG": str(config), "LEADLINE_LEDGER": url} | more


async def test_without_a_pooler_there_is_none(postgres: PostgresServer) -> None:
    url = postgres.create()
    assert await pooling_of(PostgresAddress(url=url), url) is Pooling.NONE


@pytest.mark.parametrize(("mode", "expected"), [("transaction", Pooling.TRANSACTIONS), ("session", Pooling.SESSIONS)])
async def test_what_a_pooler_shares_is_noticed(postgres: PostgresServer, mode: str, expected: Pooling) -> None:
    direct = postgres.create()
    with pgbouncer(postgres, mode) as pooler:
        address = PostgresAddress(url=pooler.url(direct))
        assert await pooling_of(address, address.url) is expected


def test_two_servers_that_are_alike_are_in_order(postgres: PostgresServer, config: Path, tmp_path: Path) -> None:
    given = settings_of(config, postgres.create())
    code, before = diagnosed(given)
    assert before["ledger"]["found"].endswith("; a server of leadline creates the tables")
    with server_process(tmp_path / "a", settings=given), server_process(tmp_path / "b", settings=given):
        until(lambda: diagnosed(given)[1]["servers"]["found"].startswith("2, version "), 60)
        code, checks = diagnosed(given)
    connection = checks.pop("connection crm")  # the CRM of the settings is none
    assert {name: one["state"] for name, one in checks.items() if one["state"] != "ok"} == {}
    assert (code, connection["state"]) == (1, "problem")
    assert checks["connections to PostgreSQL"]["found"] == f"2 x 11 connections, of {LIMIT - 3} that PostgreSQL allows"
    assert checks.keys() == {
        "settings",
        "descriptors",
        "traces",
        "ledger",
        "pooler",
        "connections to PostgreSQL",
        "clock",
        "key",
        "audit",
        "servers",
        "settings of servers",
        "clocks of servers",
    }


@pytest.mark.parametrize(("connections", "state"), [(10, "ok"), (18, "warning"), (40, "problem")])
def test_servers_that_may_use_more_connections_than_postgresql_allows_are_a_problem(
    postgres: PostgresServer, config: Path, connections: int, state: str
) -> None:
    given = settings_of(config, postgres.create(), LEADLINE_LEDGER_CONNECTIONS=str(connections))
    told = diagnosed(given)[1]["connections to PostgreSQL"]
    assert told["state"] == state
    assert told["found"].startswith(f"1 x {connections + 1} connections, of {LIMIT - 3} that PostgreSQL allows")


def test_the_limit_of_the_user_counts_too(postgres: PostgresServer, config: Path) -> None:
    url = postgres.create()
    postgres.sql(f'ALTER DATABASE "{url.rpartition("/")[2]}" CONNECTION LIMIT 8')
    told = diagnosed(settings_of(config, url))[1]["connections to PostgreSQL"]
    assert (told["state"], told["found"]) == ("problem", "1 x 11 connections, of 8 that PostgreSQL allows")


@pytest.mark.parametrize("ignored", ["", IGNORED])
def test_a_transaction_pooler_without_the_setting_is_a_problem(
    postgres: PostgresServer, config: Path, ignored: str
) -> None:
    with pgbouncer(postgres, "transaction", ignored=ignored) as pooler:
        code, checks = diagnosed(settings_of(config, pooler.url(postgres.create())))
        assert (code, checks["pooler"]["state"]) == (1, "problem")
        assert checks["pooler"]["found"].endswith("such as PgBouncer, and ledger_direct is empty")
        assert "ledger" not in checks


def test_a_server_behind_a_pooler_that_refuses_its_settings_says_which_setting_is_missing(
    postgres: PostgresServer, config: Path
) -> None:
    with pgbouncer(postgres, "transaction") as pooler:
        settings = settings_of(config, pooler.url(postgres.create()))
        done = leadline("serve", "--listen", "127.0.0.1:0", settings=settings)
    assert done.returncode == 2
    assert "Set ledger_direct to the PostgreSQL server itself" in done.stderr
    assert postgres.password not in done.stderr


def test_with_the_setting_a_pooler_is_in_order_and_a_missing_timeout_is_a_warning(
    postgres: PostgresServer, config: Path, tmp_path: Path
) -> None:
    direct = postgres.create()
    with pgbouncer(postgres, "transaction") as pooler:
        given = settings_of(config, pooler.url(direct), LEADLINE_LEDGER_DIRECT=direct)
        with server_process(tmp_path / "data", settings=given):
            until(lambda: diagnosed(given)[1]["servers"]["found"].startswith("1, version "), 60)
            checks = diagnosed(given)[1]
        assert (checks["pooler"]["state"], checks["connections to PostgreSQL"]["state"]) == ("warning", "ok")
        assert "statement_timeout is 0" in checks["pooler"]["found"]
        assert checks["connections to PostgreSQL"]["found"].startswith("1 x 1 connections, of")
        twice = given | {"LEADLINE_LEDGER_DIRECT": pooler.url(direct)}
        assert diagnosed(twice)[1]["pooler"]["found"].startswith("ledger_direct leads to a transaction pooler")


def test_a_pooler_that_keeps_sessions_needs_no_setting(postgres: PostgresServer, config: Path) -> None:
    with pgbouncer(postgres, "session", ignored=IGNORED) as pooler:
        told = diagnosed(settings_of(config, pooler.url(postgres.create())))[1]["pooler"]
    assert (told["state"], told["found"]) == ("ok", "one that keeps sessions")


def test_servers_that_differ_are_named(postgres: PostgresServer, config: Path, tmp_path: Path) -> None:
    url = postgres.create()
    given = settings_of(config, url)
    other = given | {"LEADLINE_KEEP_CALLS_DAYS": "30"}
    with server_process(tmp_path / "a", settings=given), server_process(tmp_path / "b", settings=other):
        until(lambda: diagnosed(given)[1]["servers"]["found"].startswith("2, version "), 60)
        name = url.rpartition("/")[2]
        last = "WHERE id = (SELECT max(id) FROM replicas)"
        postgres.sql("UPDATE replicas SET version = '0.0.9', clock_at = seen_at - 5000000 " + last, name)  # noqa: S608 - constants
        code, checks = diagnosed(given)
    assert (code, checks["servers"]["state"]) == (1, "warning")
    assert checks["servers"]["found"].startswith("different versions run: 0.0.9: ")
    assert checks["settings of servers"]["found"] == "servers differ in keep_calls_days"
    assert checks["clocks of servers"]["state"] == "problem"
    assert "by -5.0 s" in checks["clocks of servers"]["found"]


def test_a_database_that_is_away_is_a_problem(postgres: PostgresServer, config: Path) -> None:
    away = postgres.create().replace(f":{postgres.port}/", ":1/")
    code, checks = diagnosed(settings_of(config, away))
    assert (code, checks["ledger"]["state"]) == (1, "problem")
    assert "cannot be reached" in checks["ledger"]["found"]


def test_a_schema_of_another_version_and_a_restored_copy_are_warnings(
    postgres: PostgresServer, config: Path, tmp_path: Path
) -> None:
    url = postgres.create()
    given, name = settings_of(config, url), url.rpartition("/")[2]
    with server_process(tmp_path / "data", settings=given):
        pass
    postgres.sql("UPDATE ledger SET is_standby = true", name)
    copy = diagnosed(given)[1]["ledger"]
    assert copy["state"] == "warning"
    assert copy["found"].endswith("it is a restored copy that writes to no CRM")
    postgres.sql("INSERT INTO schema_migrations (version, half, name) VALUES (99, 'pre', 'newer')", name)
    newer = diagnosed(given)[1]["ledger"]
    assert (newer["state"], newer["found"].split("; ")[1]) == ("warning", "this leadline has schema 1")


def test_a_key_that_the_ledger_needs_and_audit_entries_that_wait_are_named(
    postgres: PostgresServer, config: Path, tmp_path: Path
) -> None:
    url = postgres.create()
    given, name = settings_of(config, url), url.rpartition("/")[2]
    with server_process(tmp_path / "data", settings=given):
        pass
    postgres.sql(
        "INSERT INTO envelope_keys (owner, secrets_key_id, document) VALUES ('connection:crm', 'feedfacefeedface', '');"
        "INSERT INTO audit (account_id, time, document) VALUES ('demo', 0, '{}')",
        name,
    )
    checks = diagnosed(given)[1]
    assert (checks["key"]["state"], "lacks the key feedfacefeedface" in checks["key"]["found"]) == ("problem", True)
    assert (checks["audit"]["state"], checks["audit"]["found"][:2]) == ("warning", "1 ")
