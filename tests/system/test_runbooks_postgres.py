"""docs/runbooks-postgres.md: the commands of each runbook, run in the trouble that it is for, print what is shown."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import leadline_server
import pytest
from leadline import Client, LeadlineError
from support.backups import a_call, log_some, rotating_crm
from support.documents import sections
from support.postgres import USER, PostgresServer, postgres_server
from support.postgres_recovery import archive_all, archiving, base_backup, recovered
from support.runbooks import Scene
from support.servers import ServerProcess, leadline, server_process, until

pytestmark = pytest.mark.system

DOCUMENT: Final = "docs/runbooks-postgres.md"
RUNBOOKS: Final = sections(DOCUMENT)
SECONDS: Final = 120.0
DATABASE: Final = "leadline"


@dataclass
class Servers:
    """Two servers of leadline, each of which may be replaced by another version."""

    stack: ExitStack
    folder: Path
    settings: Mapping[str, str]
    running: dict[str, ServerProcess] = field(default_factory=dict)

    def replace(self, name: str, path: str = "") -> None:
        """Start a server, in place of the one that has that name. `path` is where Python finds leadline first."""
        if name in self.running:
            assert self.running[name].stop() == 0
        settings = {**self.settings, "PYTHONPATH": path}
        self.running[name] = self.stack.enter_context(server_process(self.folder / name, settings=settings))
        log_some(self.running[name].address, [f"by-{name}-{time.monotonic_ns()}"])

    def counted(self, version: str) -> bool:
        """Whether two servers recorded themselves, with a version or with any."""
        done = leadline("doctor", settings=self.settings)
        return any(line.split()[:3] == ["servers", "ok", "2,"] and version in line for line in done.stdout.splitlines())


@contextmanager
def scene(folder: Path, postgres: PostgresServer, ledger: str) -> Iterator[tuple[Scene, ExitStack]]:
    """A server with a call, and the settings for the commands of leadline and PostgreSQL."""
    with ExitStack() as stack:
        crm = stack.enter_context(rotating_crm(folder))
        settings = {
            "LEADLINE_CONFIG": str(crm.config),
            "LEADLINE_LEDGER": ledger,
            "PGHOST": str(postgres.folder),
            "PGPORT": str(postgres.port),
            "PGUSER": USER,
            "PGDATABASE": DATABASE,
            "PATH": f"{postgres.programs.folder}:{os.environ['PATH']}",
        }
        server = stack.enter_context(server_process(folder / "data", settings=settings))
        log_some(server.address, ["call-1"])
        yield Scene(folder, server, settings), stack


@contextmanager
def upgraded(folder: Path) -> Iterator[Scene]:
    """Two servers, and a newer version of leadline, with a migration that the older one does not know."""
    with postgres_server() as postgres:
        url = made(postgres)
        with scene(folder, postgres, url) as (shown, stack):
            servers = Servers(stack, folder, shown.settings, {"data": shown.server})
            servers.replace("second")
            path = newer_version(folder / "newer")

            def replace_all(path: str, version: str) -> None:
                for name in ("data", "second"):
                    servers.replace(name, path)
                shown.server = servers.running["data"]
                until(lambda: servers.counted(version), SECONDS)

            shown.events = {
                "one server is replaced": lambda: servers.replace("second", path),
                "the other server is replaced": lambda: replace_all(path, "9.0.0"),
                "both servers are replaced by the old version": lambda: replace_all("", ""),
            }
            yield shown
            logged_by_all(shown.server.address)


def logged_by_all(address: str) -> None:
    """Every call that any version accepted is there."""
    with Client(address, account="demo", user="alice") as client:
        ids = [log.call.id for log in client.list_call_logs()]
    assert len([one for one in ids if one.startswith("by-")]) == 6
    assert {"call-1", "after-the-way-back"} <= set(ids)


def newer_version(folder: Path) -> str:
    """A copy of leadline that has another version and one more migration; returns where Python finds it."""
    package, tables = folder / "leadline_server", folder / "leadline_server/ledger/migrations/postgres"
    shutil.copytree(Path(leadline_server.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (tables / "0002_more.pre.sql").write_text("ALTER TABLE accounts ADD COLUMN more text;\n")
    (tables / "0002_more.post.sql").write_text("ALTER TABLE accounts DROP COLUMN title;\n")
    about = folder / "leadline-9.0.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: leadline\nVersion: 9.0.0\n")
    return str(folder)


def made(postgres: PostgresServer) -> str:
    """The address of an empty database with the name that the runbooks use."""
    postgres.sql(f'CREATE DATABASE "{DATABASE}"')
    return postgres.url(DATABASE)


@contextmanager
def failing(folder: Path) -> Iterator[Scene]:
    """A server on two machines, the first of which is lost."""
    with postgres_server() as first:
        url = made(first)
        with first.standby("two") as second:
            first.configure(synchronous_standby_names="two")
            both = url.replace(f":{first.port}/", f":{first.port},127.0.0.1:{second.port}/")
            with scene(folder, second, both) as (shown, _):

                def go_on() -> None:
                    begun = time.monotonic()
                    until(lambda: accepts(shown.server.address), SECONDS)
                    print(f"recovery time after the promotion: {time.monotonic() - begun:.1f} s")  # noqa: T201

                shown.events = {
                    "the first machine is lost": lambda: first.stop("immediate"),
                    "the servers go on": go_on,
                }
                yield shown
                with Client(shown.server.address, account="demo", user="alice") as client:
                    assert client.get_call_log("call-1").call.id == "call-1"


def accepts(address: str) -> bool:
    try:
        with Client(address, account="demo", user="alice") as client:
            client.log_call(a_call("probe"), timeout=10)
    except LeadlineError:
        return False
    return True


@contextmanager
def restored(folder: Path) -> Iterator[Scene]:
    """A server, and a second database on the same machine."""
    with postgres_server() as postgres, scene(folder, postgres, made(postgres)) as (shown, _):
        shown.settings["REHEARSAL"] = postgres.url("rehearsal")
        shown.events = {"the first server stops": shown.server.stop}
        yield shown


@contextmanager
def recovered_elsewhere(folder: Path) -> Iterator[Scene]:
    """A server whose database archives its WAL, and is recovered at another address."""
    archive = Path("/tmp") / f"leadline-archive-{os.getpid()}-runbook"  # noqa: S108 - PostgreSQL's user must reach it
    with postgres_server(options=archiving(archive)) as postgres:
        archive.mkdir(mode=0o700)
        postgres.programs.own(archive)
        try:
            with scene(folder, postgres, made(postgres)) as (shown, stack):

                def recover() -> None:
                    base = postgres.folder / "base"
                    base_backup(postgres, base)
                    moment = postgres.sql("SELECT clock_timestamp()")
                    log_some(shown.server.address, ["call-2"])
                    archive_all(postgres)
                    copy = stack.enter_context(recovered(postgres, base, archive, moment))
                    assert copy.sql("SELECT call_id FROM call_logs", DATABASE) == "call-1"
                    shown.settings["RECOVERED"] = copy.url(DATABASE)

                shown.events = {"the database is recovered elsewhere": recover}
                shown.events["the first server stops"] = shown.server.stop
                yield shown
        finally:
            shutil.rmtree(archive)


SCENES: Final[Mapping[str, Callable[[Path], AbstractContextManager[Scene]]]] = {
    "A rolling upgrade, and back": upgraded,
    "Failover to a standby": failing,
    "Backup and restore": restored,
    "Recovery to a moment": recovered_elsewhere,
}


def test_every_runbook_has_its_scene() -> None:
    assert list(RUNBOOKS) == list(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_the_commands_of_a_runbook_print_what_is_shown(name: str, tmp_path: Path) -> None:
    with SCENES[name](tmp_path) as shown:
        shown.check(DOCUMENT, RUNBOOKS[name])
