"""Backups of a ledger in PostgreSQL, with a CRM that rotates its tokens: by commands, by hand, and to a moment."""

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import pytest
from leadline import Client, errors
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_PENDING
from support.backups import (
    KNOWN,
    PER_SECOND,
    Rotating,
    all_logged,
    ids_until,
    log,
    log_at_a_rate,
    log_some,
    rotating_crm,
)
from support.postgres import PostgresServer, postgres_server
from support.postgres_recovery import archive_all, archiving, base_backup, recovered
from support.servers import leadline, server_process, until

pytestmark = pytest.mark.system

SECONDS: Final = 180.0
STANDBY: Final = (
    "It is a standby: it writes to no CRM and presents no refresh token.\n"
    "To make it the live one: stop the first server, then run: leadline restore --live\n"
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path("/tmp") / f"leadline-archive-{os.getpid()}"  # noqa: S108 - PostgreSQL's user must reach it


@pytest.fixture(scope="module")
def postgres(archive: Path) -> Iterator[PostgresServer]:
    with postgres_server(options=archiving(archive)) as running:
        archive.mkdir(mode=0o700)
        running.programs.own(archive)
        yield running
    shutil.rmtree(archive)


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[Rotating]:
    with rotating_crm(tmp_path) as crm:
        yield crm


@dataclass
class Place:
    """A ledger in PostgreSQL, and a folder for its backups.

    Attributes:
        postgres: the server.
        url: of the ledger's database.
        folder: empty; PostgreSQL's user can write to it.
        archive: where the server's WAL goes.
        settings: of leadline's commands and servers, with `url`.
    """

    postgres: PostgresServer
    url: str
    folder: Path
    archive: Path
    settings: Mapping[str, str]

    def with_ledger(self, url: str) -> dict[str, str]:
        return {**self.settings, "LEADLINE_LEDGER": url}

    def run(self, *command: str | Path, ledger: str = "") -> str:
        done = leadline(*command, settings=self.with_ledger(ledger or self.url), seconds=SECONDS)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout


class Way(Protocol):
    """A way of making a backup: begin before the calls, take it amid them, then put it back elsewhere."""

    def begin(self, place: Place) -> None: ...
    def take(self, place: Place) -> None: ...
    def put_back(self, place: Place) -> AbstractContextManager[str]: ...


class ByCommands:
    """`leadline backup` and `leadline restore`."""

    def begin(self, place: Place) -> None:
        """Nothing."""

    def take(self, place: Place) -> None:
        place.run("backup", place.folder / "backup", "--keys", place.folder / "keys")

    def put_back(self, place: Place) -> AbstractContextManager[str]:
        url = place.postgres.create()
        printed = place.run("restore", place.folder / "backup", "--keys", place.folder / "keys", ledger=url)
        assert printed == f"Restored the ledger in PostgreSQL.\n{STANDBY}"
        return nullcontext(url)


class ByHand:
    """`pg_dump` and `pg_restore`, and no command of leadline."""

    def begin(self, place: Place) -> None:
        """Nothing."""

    def take(self, place: Place) -> None:
        place.postgres.programs.run("pg_dump", "-Fc", "-f", place.folder / "dump", "-d", place.url)

    def put_back(self, place: Place) -> AbstractContextManager[str]:
        url = place.postgres.create()
        place.postgres.programs.run("pg_restore", "-d", url, place.folder / "dump")
        return nullcontext(url)


@dataclass
class ToAMoment:
    """Point-in-time recovery."""

    moment: str = field(default="")

    def begin(self, place: Place) -> None:
        base_backup(place.postgres, place.folder / "base")

    def take(self, place: Place) -> None:
        self.moment = place.postgres.sql("SELECT clock_timestamp()")

    @contextmanager
    def put_back(self, place: Place) -> Iterator[str]:
        archive_all(place.postgres)
        with recovered(place.postgres, place.folder / "base", place.archive, self.moment) as server:
            url = server.url(place.url.rpartition("/")[2])
            assert place.run("restore", "--standby", ledger=url) == STANDBY
            yield url


def calls_in(url: str, postgres: PostgresServer) -> set[str]:
    connection = ("-XqAt", "-d", url, "-c", "SELECT call_id FROM call_logs")
    return set(postgres.programs.run("psql", *connection).split())


@pytest.mark.parametrize("way", [ByCommands(), ByHand(), ToAMoment()], ids=lambda way: type(way).__name__)
def test_a_copy_takes_over_with_nothing_lost_and_nothing_twice(
    rotating: Rotating, postgres: PostgresServer, archive: Path, way: Way, tmp_path: Path
) -> None:
    folder = postgres.folder / f"backups-{type(way).__name__}"
    folder.mkdir()
    postgres.programs.own(folder)
    url = postgres.create()
    path = f"{postgres.programs.folder}:{os.environ['PATH']}"
    settings = {"LEADLINE_CONFIG": str(rotating.config), "LEADLINE_LEDGER": url, "PATH": path}
    place = Place(postgres, url, folder, archive, settings)
    way.begin(place)
    accepted, is_saved = list[str](), threading.Event()
    with server_process(tmp_path / "data", settings=settings) as first:
        log_some(first.address, ["early"])
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(asyncio.run, log_at_a_rate(first.address, ids_until(is_saved), accepted))
            until(lambda: len(accepted) > PER_SECOND // 2, SECONDS)
            before = set(accepted)
            way.take(place)
            is_saved.set()
            under_way.result()
        calls = list(accepted)
        begun = time.monotonic()
        with way.put_back(place) as copy:
            assert isinstance(copy, str)
            assert before <= calls_in(copy, postgres) < {*calls, "early"}  # it was made in the middle
            with server_process(tmp_path / "second", settings=place.with_ledger(copy)) as standby:
                seconds = time.monotonic() - begun
                print(f"{type(way).__name__}: {len(calls)} calls, restored and serving after {seconds:.1f} s")  # noqa: T201
                check_standby(rotating, first.address, standby.address, [*calls, "early"])
                first.kill()
                rotating.expire("the-second-token")
                check_refusals(rotating, standby.address)
                printed = place.run("restore", "--live", ledger=copy)
                assert printed == "It is live. Replay the calls since the backup.\n"
                asyncio.run(log_at_a_rate(standby.address, [*calls, "on-the-first"], accepted))
                every = [*calls, "early", "on-the-first", "on-the-standby"]
                until(lambda: all_logged(standby.address, every), SECONDS)
            assert "It is live, restored on" in place.run("ledger", "version", ledger=copy)
    assert rotating.tokens == {"asked": 2, "refused": 0}
    logs = rotating.crm.written().logs
    assert set(logs) == {f"demo/{each}" for each in every}
    assert {len(each) for each in logs.values()} == {1}


def check_standby(rotating: Rotating, first: str, standby: str, calls: list[str]) -> None:
    """The first server has its tokens still, beside the copy, and logs its calls."""
    log_some(first, ["on-the-first"])
    until(lambda: all_logged(first, [*calls, "on-the-first"]), SECONDS)
    with Client(standby, account="demo", user="alice") as client:
        assert client.get_call_log("early").call.id == "early"
    assert rotating.tokens == {"asked": 1, "refused": 0}


def check_refusals(rotating: Rotating, standby: str) -> None:
    """Without a valid access token, the copy accepts calls, asks for no token, and writes nothing."""
    with Client(standby, account="demo", user="alice") as client:
        assert log(client, "on-the-standby").state == CALL_LOG_STATE_PENDING
        with pytest.raises(errors.Unavailable, match="restored copy"):
            client.find_contact(KNOWN, skip_cache=True)
    assert rotating.tokens == {"asked": 1, "refused": 0}
    assert "demo/on-the-standby" not in rotating.crm.written().logs


def refused(*command: str | Path, settings: Mapping[str, str]) -> str:
    """The message of a command that is refused."""
    done = leadline(*command, settings=settings, seconds=SECONDS)
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_what_cannot_be_saved_or_restored_is_said_and_changes_nothing(
    rotating: Rotating, postgres: PostgresServer, tmp_path: Path
) -> None:
    url, folder = postgres.create(), tmp_path / "backup"
    path = f"{postgres.programs.folder}:{os.environ['PATH']}"
    settings = {"LEADLINE_CONFIG": str(rotating.config), "LEADLINE_LEDGER": url, "PATH": path}
    with server_process(tmp_path / "data", settings=settings) as server:
        log_some(server.address, ["call-1"])
        assert "pg_dump is missing" in refused("backup", folder, settings=settings | {"PATH": str(tmp_path)})
        assert leadline("backup", folder, settings=settings).returncode == 0
        assert "The database has a ledger" in refused("restore", folder, settings=settings)
        in_file = settings | {"LEADLINE_LEDGER": "", "LEADLINE_DATA_DIR": str(tmp_path / "file")}
        assert "names other files than ledger.db" in refused("restore", folder, settings=in_file)
        assert "--standby is for a ledger in PostgreSQL" in refused("restore", "--standby", settings=in_file)
        empty = settings | {"LEADLINE_LEDGER": postgres.create()}
        (folder / "ledger.dump").write_bytes(b"other")
        assert "is not the file that the backup was made with" in refused("restore", folder, settings=empty)
        assert not calls_tables(empty["LEADLINE_LEDGER"], postgres)
        assert "It is live." in leadline("ledger", "version", settings=settings).stdout


def calls_tables(url: str, postgres: PostgresServer) -> bool:
    return postgres.sql("SELECT to_regclass('call_logs') IS NOT NULL", url.rpartition("/")[2]) == "t"


def test_without_its_keys_a_copy_says_which_are_missing(
    rotating: Rotating, postgres: PostgresServer, tmp_path: Path
) -> None:
    url, folder, keys = postgres.create(), tmp_path / "backup", tmp_path / "saved.keys"
    path = f"{postgres.programs.folder}:{os.environ['PATH']}"
    settings = {"LEADLINE_CONFIG": str(rotating.config), "LEADLINE_LEDGER": url, "PATH": path}
    with server_process(tmp_path / "data", settings=settings) as server:
        log_some(server.address, ["call-1"])
        saved = leadline("backup", folder, "--keys", keys, settings=settings)
    key_id = saved.stdout.split("Saved the key ")[1].partition(":")[0]
    copy = settings | {"LEADLINE_LEDGER": postgres.create(), "LEADLINE_SECRETS_KEY_FILE": str(tmp_path / "other.keys")}
    assert f"Missing keys: {key_id}." in refused("restore", folder, settings=copy)
    assert f"Missing keys: {key_id}." in refused("restore", "--live", settings=copy)
    put_back = leadline("restore", "--keys", keys, "--live", settings=copy)
    assert put_back.stdout.splitlines()[-1] == "It is live. Replay the calls since the backup."
