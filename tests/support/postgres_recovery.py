"""Point-in-time recovery of a PostgreSQL server of the tests, by its base backup and its archive of WAL."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from support.postgres import USER, PostgresServer, free_port
from support.servers import until

_SECONDS: Final = 120.0


def archiving(folder: Path) -> dict[str, str]:
    """The options of a server that archives its WAL to a folder, which its user must own."""
    return {"archive_mode": "on", "archive_command": f"test ! -f {folder}/%f && cp %p {folder}/%f"}


def base_backup(server: PostgresServer, folder: Path) -> None:
    """Copy a running server's data to a folder that does not exist yet, as `pg_basebackup` does."""
    source = f"host={server.folder} port={server.port} user={USER}"
    server.programs.run("pg_basebackup", "-d", source, "-D", folder, "--wal-method=stream", "--checkpoint=fast")


def archive_all(server: PostgresServer) -> None:
    """Return once all WAL up to now is in the archive."""
    last = server.sql("SELECT pg_walfile_name(pg_switch_wal())")
    until(lambda: server.sql("SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver") >= last, _SECONDS)


@contextmanager
def recovered(server: PostgresServer, base: Path, archive: Path, moment: str) -> Iterator[PostgresServer]:
    """Another server, with the state that `server` had at a moment, while the body runs. It takes writes.

    Args:
        server: whose backup it is.
        base: its base backup from before that moment.
        archive: the WAL since, up to a commit after that moment.
        moment: as PostgreSQL writes a timestamp with its time zone.
    """
    folder = Path(tempfile.mkdtemp(prefix="leadline-postgres-"))
    server.programs.own(folder)
    made = PostgresServer(server.programs, folder, free_port(), server.password, {"archive_mode": "off"})
    shutil.copytree(base, made.data)
    with (made.data / "postgresql.auto.conf").open("a") as file:
        file.write(f"restore_command = 'cp {archive}/%f %p'\n")
        file.write(f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
    (made.data / "recovery.signal").touch()
    if server.programs.user:
        subprocess.run(["chown", "-R", f"{server.programs.user}:", made.data], check=True)
    made.data.chmod(0o700)
    try:
        made.start()
        until(lambda: made.sql("SELECT pg_is_in_recovery()") == "f", _SECONDS)
        yield made
    finally:
        made.stop("immediate")
        shutil.rmtree(folder)
