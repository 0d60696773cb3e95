"""The tests' own PostgreSQL servers."""

import shutil
from pathlib import Path

import pytest
from support import postgres
from support.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.system


def test_databases_of_a_template_are_apart(postgres: PostgresServer) -> None:
    first, second = postgres.create(), postgres.create()
    postgres.sql("CREATE TABLE only_here ()", first.rpartition("/")[2])
    assert postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'only_here'", second.rpartition("/")[2]) == "0"
    postgres.drop(first)
    assert first.rpartition("/")[2] not in postgres.sql("SELECT datname FROM pg_database").splitlines()


async def test_a_template_is_built_once(postgres: PostgresServer) -> None:
    built = []

    async def build(url: str) -> None:
        built.append(url)
        postgres.sql("CREATE TABLE made (); ", url.rpartition("/")[2])

    names = [(await postgres.create_like("made", build)).rpartition("/")[2] for _ in range(2)]
    assert len(built) == 1
    for name in names:
        assert postgres.sql("SELECT count(*) FROM made", name) == "0"


def test_committed_rows_survive_an_immediate_restart_and_a_failover() -> None:
    with postgres_server() as server:
        database = server.create().rpartition("/")[2]
        server.sql("CREATE TABLE kept AS SELECT 7 AS value", database)
        pid = server.sql("SELECT pg_backend_pid()")
        server.restart("immediate")
        assert server.sql("SELECT value FROM kept", database) == "7"
        assert server.sql("SELECT pg_backend_pid()") != pid
        with server.standby("second") as standby:
            server.configure(synchronous_standby_names="second")
            server.sql("INSERT INTO kept VALUES (8)", database)
            assert standby.sql("SELECT pg_is_in_recovery()") == "t"
            server.stop("immediate")
            standby.promote()
            assert standby.sql("SELECT sum(value) FROM kept", database) == "15"
            standby.sql("INSERT INTO kept VALUES (9)", database)
        folder = server.folder
    assert not folder.exists()
    assert not standby.folder.exists()


def test_the_package_serves_where_the_system_has_no_postgresql(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with postgres_server() as server:
        assert server.programs.folder.is_relative_to(server.folder)
        assert int(server.sql("SHOW server_version_num")) >= 180_000
