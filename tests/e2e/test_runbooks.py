"""docs/runbooks.md: the commands of each runbook, run in the trouble that it is for, print what is shown."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from fakes.connections import write_toml
from fakes.process import fake_process
from leadline import AsyncClient, Client, errors
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_PENDING
from support.backups import KNOWN, log_some
from support.certificates import Authority
from support.disks import in_memory
from support.documents import sections
from support.runbooks import Scene
from support.servers import LEADLINE, environment, leadline, server_process, until

RUNBOOKS: Final = sections("docs/runbooks.md")


@contextmanager
def scene(folder: Path, **settings: str) -> Iterator[Scene]:
    """A server in a folder, with a file of settings unless one is there."""
    config, data = folder / "leadline.toml", folder / "data"
    config.touch()
    given = {"LEADLINE_CONFIG": str(config), "LEADLINE_CHECK_CONNECTIONS": "false", **settings}
    with server_process(data, settings=given) as server:
        yield Scene(folder, server, given | {"LEADLINE_DATA_DIR": str(data)})


@contextmanager
def quiet(folder: Path) -> Iterator[Scene]:
    """A server with a call, which may stop, be lost, or start elsewhere."""
    with ExitStack() as stack:
        made = stack.enter_context(scene(folder))
        log_some(made.server.address, ["call-1"])

        def start() -> None:
            settings = made.settings | {"LEADLINE_DATA_DIR": str(folder / "second")}
            made.server = stack.enter_context(server_process(folder / "second", settings=settings))

        subprocess.run([LEADLINE, "backup", "hourly"], cwd=folder, env=environment(made.settings), check=True)
        made.events = {
            "the server stops": made.server.stop,
            "the server is lost": made.server.kill,
            "a server starts on second": start,
        }
        yield made


@contextmanager
def small_disk(folder: Path) -> Iterator[Scene]:
    """A server on a small disk, which something else fills."""
    with in_memory(folder / "disk", 8) as disk, scene(disk) as made:
        log_some(made.server.address, ["call-1"])

        def fill() -> None:
            with (disk / "core.1234").open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
            with Client(made.server.address, account="demo", user="alice") as client:
                until(lambda: is_full(client))

        made.events = {"the disk gets full": fill}
        yield made


def is_full(client: Client) -> bool:
    """Report calls with long notes until the space inside the files is used up, too."""
    try:
        client.log_call(id=f"filler-{os.urandom(4).hex()}", direction="INBOUND", note="x" * 16_000)
    except errors.ResourceExhausted:
        return True
    return False


@contextmanager
def with_tokens(folder: Path) -> Iterator[Scene]:
    """A server whose CRM gave it tokens, which the ledger keeps encrypted."""
    with fake_process("salesforce", folder / "salesforce", rotates=True) as crm:
        write_toml(folder / "leadline.toml", "salesforce", crm.url)
        with scene(folder) as made:
            log_some(made.server.address, ["call-1"])
            keys = folder / "leadline.keys"
            done = leadline("backup", folder / "backup", "--keys", keys, settings=made.settings)
            assert done.returncode == 0, done.stderr
            made.events = {"the key is lost": (folder / "secrets.key").unlink}
            yield made


@contextmanager
def with_tls(folder: Path) -> Iterator[Scene]:
    """A server with a certificate, and a newer certificate beside it."""
    authority = Authority(folder)
    old, new = (authority.issue(name, "localhost", lasts=timedelta(days=90)) for name in ("server", "new"))
    assert (old.certificate.name, new.key.name) == ("server.pem", "new.key")
    tls = {"LEADLINE_TLS_CERTIFICATE": str(old.certificate), "LEADLINE_TLS_KEY": str(old.key)}
    with scene(folder, **tls) as made:
        yield made


@contextmanager
def with_tenants(folder: Path) -> Iterator[Scene]:
    """A server with two accounts, one of which sends too much."""
    with scene(folder, LEADLINE_ACCOUNT_CALLS_PER_SECOND="5") as made:
        made.run("leadline account create acme")

        def flood() -> None:
            asyncio.run(find_often(made.server.address))

        made.events = {"a tenant floods the server": flood}
        yield made


async def find_often(address: str) -> None:
    """Look up more often at once than the quota of account acme allows."""
    async with AsyncClient(address, account="acme", user="alice") as client:
        answers = await asyncio.gather(*(client.find_contact(KNOWN) for _ in range(50)), return_exceptions=True)
    assert {error.reason for error in answers if isinstance(error, errors.ResourceExhausted)} == {"QUOTA_EXCEEDED"}


@contextmanager
def with_crm(folder: Path) -> Iterator[Scene]:
    """A server whose CRM goes away and comes back."""
    with fake_process("hubspot", folder / "hubspot") as crm:
        write_toml(folder / "leadline.toml", "hubspot", crm.url)
        with scene(folder) as made:

            def come_back() -> None:
                crm.start()
                with Client(made.server.address, account="demo", user="alice") as client:
                    until(lambda: client.get_call_log("call-3").state != CALL_LOG_STATE_PENDING, 60)

            made.events = {"the CRM goes away": crm.kill, "the CRM comes back": come_back}
            yield made


SCENES: Final[Mapping[str, Callable[[Path], AbstractContextManager[Scene]]]] = {
    "Install": scene,
    "Upgrade, and back": quiet,
    "Backup and restore": quiet,
    "Failover to another machine": quiet,
    "A full disk": small_disk,
    "A lost key": with_tokens,
    "A new certificate": with_tls,
    "A noisy tenant": with_tenants,
    "A CRM that is away": with_crm,
}


def test_every_runbook_has_its_scene() -> None:
    assert list(RUNBOOKS) == list(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_the_commands_of_a_runbook_print_what_is_shown(name: str, tmp_path: Path) -> None:
    with SCENES[name](tmp_path) as made:
        made.check("docs/runbooks.md", RUNBOOKS[name])
