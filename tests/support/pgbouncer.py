"""PgBouncer before a PostgreSQL server of the tests (`apt-get install pgbouncer`)."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.postgres import HOST, USER, PostgresServer, free_port
from support.servers import until

_SECONDS: Final = 10.0
_CONFIG: Final = """\
[databases]
* = host={host} port={server}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {mode}
ignore_startup_parameters = {ignored}
"""


@dataclass(frozen=True)
class PgBouncer:
    """A PgBouncer of the tests' own.

    Attributes:
        port: on 127.0.0.1.
    """

    port: int
    server: PostgresServer

    def url(self, direct: str) -> str:
        """The address of a database through PgBouncer, for its address of the server itself."""
        return direct.replace(f":{self.server.port}/", f":{self.port}/")


@contextmanager
def pgbouncer(server: PostgresServer, mode: str, *, ignored: str = "") -> Iterator[PgBouncer]:
    """PgBouncer before a server while the body runs.

    Args:
        server: that it opens sessions of.
        mode: `session` or `transaction`.
        ignored: settings of sessions that it ignores instead of refusing the connection, apart by commas.
    """
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    folder = Path(tempfile.mkdtemp(prefix="leadline-pgbouncer-"))
    bouncer = PgBouncer(free_port(), server)
    config, users = folder / "pgbouncer.ini", folder / "users.txt"
    users.write_text(f'"{USER}" "{server.password}"\n')
    config.write_text(
        _CONFIG.format(host=HOST, server=server.port, port=bouncer.port, users=users, mode=mode, ignored=ignored)
    )
    for path in (folder, users, config):
        server.programs.own(path)
    with (folder / "log").open("wb") as log:
        process = server.programs.start([Path(program), config], stdout=log, stderr=log)
    try:
        until(lambda: _listens(bouncer.port) or process.poll() is not None, _SECONDS)
        assert process.poll() is None, (folder / "log").read_text()
        yield bouncer
    finally:
        process.terminate()
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(folder)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
