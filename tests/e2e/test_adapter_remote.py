"""`leadline adapter serve`, and a `leadline serve` whose CRM it is, as processes of their own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from e2e.crm_journey import SECONDS, UNKNOWN, a_call
from leadline import AsyncClient
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_LOGGED, CALL_LOG_STATE_PENDING, CallLog
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.domain.crm_errors import CrmAuthFailed
from support import forked_commands
from support.grpcurl import Grpcurl
from support.ledgers import each_ledger, settings_of
from support.servers import environment, leadline, server_process

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "remote-adapters.md"

_STOP_SECONDS: Final = 20.0


@contextmanager
def adapter_process(
    data_dir: Path,
    *flags: str,
    listen: str = "127.0.0.1:0",
    connection: str = "embedded",
    settings: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """`leadline adapter serve`, in a forked process, until the body ends; yields its address."""
    arguments = ["adapter", "serve", connection, "--listen", listen, *flags]
    given = {"LEADLINE_DATA_DIR": str(data_dir), **settings_of(data_dir), **(settings or {})}
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdout:
        with os.fdopen(writer, "wb") as theirs, os.fdopen(os.dup(2), "wb") as stderr:
            process = forked_commands.fork(arguments, environment(given), theirs, stderr)
        try:
            served = re.search(r"as an adapter on (\S+:\d+)\.", stdout.readline())
            assert served
            yield served[1]
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(_STOP_SECONDS) == 0
        finally:
            process.kill()
            process.wait(_STOP_SECONDS)


def config(folder: Path, address: str) -> dict[str, str]:
    """The variable that names a file which connects account demo to an adapter."""
    file = folder / "leadline.toml"
    file.write_text(
        f'[connections.elsewhere]\nadapter = "remote"\naddress = "{address}"\n'
        '[accounts.demo]\nconnection = "elsewhere"\n'
    )
    return {"LEADLINE_CONFIG": str(file)}


async def logged(client: AsyncClient, call_id: str) -> CallLog:
    """The log of a call once it is in the CRM."""
    async with asyncio.timeout(SECONDS):
        while (log := await client.get_call_log(call_id)).state != CALL_LOG_STATE_LOGGED:
            await asyncio.sleep(0.05)
    return log


@each_ledger
async def test_a_leadline_that_started_before_its_adapter_serves_it_as_it_is_once_it_comes(tmp_path: Path) -> None:
    with adapter_process(tmp_path / "crm") as address:
        pass  # from here on no process listens there
    with server_process(tmp_path / "data", settings=config(tmp_path, address)) as server:
        async with AsyncClient(server.address, account="demo", user="alice") as client:
            wish = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
            await client.update_preferences(wish)
            early = await client.log_call(a_call("early", UNKNOWN))
            assert early.state == CALL_LOG_STATE_PENDING
            with adapter_process(tmp_path / "crm", listen=address):
                first = await logged(client, "early")
                other = await client.create_contact(name="Ada Lovelace", phone_number="+12025550111")
                # The server knows the adapter's capabilities by now: it moves logs.
                moved = await client.log_call(a_call("early", UNKNOWN), contact_id=other.id)
                assert (moved.crm_log_id, moved.contact.id) == (first.crm_log_id, other.id)
                answers = await asyncio.gather(*(client.log_call(a_call("again", UNKNOWN)) for _ in range(32)))
                assert {answer.contact.id for answer in answers} == {first.contact.id}


def test_the_three_lines_of_the_documentation_test_an_adapter(tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    with adapter_process(tmp_path / "crm") as address:
        assert "127.0.0.1:50060" in example
        (tmp_path / "test_my_adapter.py").write_text(example.replace("127.0.0.1:50060", address))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_adapter.py"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout[-3_000:]
    assert " passed" in ended.stdout


def test_an_adapter_uses_the_ledger_that_a_flag_names(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.db"
    with adapter_process(tmp_path / "data", "--ledger", str(file)):
        assert file.exists()
    assert not (tmp_path / "data" / "ledger.db").exists()


def test_grpcurl_knows_what_an_adapter_serves(tmp_path: Path) -> None:
    with adapter_process(tmp_path / "crm") as address:
        grpcurl = Grpcurl(address)
        assert grpcurl.services() == ["grpc.reflection.v1alpha.ServerReflection", "leadline.adapter.v1.AdapterService"]
        assert "rpc FindContacts" in grpcurl.describe("leadline.adapter.v1.AdapterService")


async def test_an_adapter_asks_for_the_token_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Xy7\n")
    with adapter_process(tmp_path / "crm", "--token-file", str(tmp_path / "token")) as address:
        async with remote_crm(address, token="Xy7") as crm:
            await crm.check()
            assert crm.capabilities.enforces_unique_key
        async with remote_crm(address) as crm:
            with pytest.raises(CrmAuthFailed):
                await crm.check()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such", "--listen", "127.0.0.1:0"], "There is no [connections.no-such]"),
        (["embedded", "--listen", "0.0.0.0:0"], "--listen: must be a loopback address"),
        (["embedded", "--listen", "127.0.0.1:0", "--token-file", "/no/such/file"], "/no/such/file"),
    ],
)
def test_an_adapter_that_cannot_be_served_is_an_error_in_words(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = leadline("adapter", "serve", *arguments, settings={"LEADLINE_DATA_DIR": str(tmp_path / "data")})
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
