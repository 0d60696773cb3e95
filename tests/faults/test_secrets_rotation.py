"""Secrets stay readable at every instant of a rotation, under load, also where it is killed after any step."""

import asyncio
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from leadline_server.domain.accounts import OwnConnection
from leadline_server.domain.preferences import AccountSettings
from leadline_server.encryption.cipher import new_key
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.encryption.rotation import CannotRotate, is_complete, rotate
from leadline_server.ports.ledger import Ledger, QuarantinedEvent
from support.ledgers import each_ledger, ledger_of, opened_ledger
from support.secrets_keys import key_file, keys_with

pytestmark = each_ledger

OWNERS: Final = 3
STEPS: Final = OWNERS + 3  # the new key, its use, one for each connection, and one for the account

ROTATE: Final = textwrap.dedent("""
    import asyncio, os, signal, sys
    from pathlib import Path
    from leadline_server.config import Settings
    from leadline_server.encryption.key_sources import KeyFile
    from leadline_server.encryption.keys import SecretsKeys
    from leadline_server.encryption.rotation import rotate
    from leadline_server.ledger_opening import open_ledger

    async def main(folder, ledger, killed_after):
        source = KeyFile(folder / "secrets.key", folder / "data", print)
        settings = Settings(data_dir=folder, ledger=ledger)
        async with open_ledger(settings, keys=SecretsKeys(source)) as ledger:
            done = 0
            async for step in rotate(ledger.secrets, source):
                done += 1
                if done == killed_after:
                    os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
""")
"""A process that rotates the keys, and kills itself after a step."""


def event(number: int) -> QuarantinedEvent:
    return QuarantinedEvent(
        account_id="acme",
        route="pbx",
        key=bytes([number]),
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        reason="no id",
        document=f"event {number}".encode(),
    )


class Load:
    """Tokens that are replaced and read without end, by two processes' worth of ledgers."""

    def __init__(self, one: Ledger, other: Ledger) -> None:
        self.one = one
        self.other = other
        self.rounds = 0
        self.is_over = False

    async def run(self) -> None:
        """Write by the one, read by the other: the newest document is there each time."""
        while not self.is_over:
            for number in range(OWNERS):
                name, document = f"crm-{number}", f"{self.rounds}".encode()
                await self.one.tokens.put(name, "one", document)
                assert await self.other.tokens.get(name) == document
            assert await self.other.quarantine.document("acme", b"\x01") == b"event 1"
            own = await self.other.account_connections.get("acme", with_secrets=True)
            assert own is not None
            assert own.secrets == {"token": "t"}
            self.rounds += 1

    async def until_round(self, number: int) -> None:
        while self.rounds < number:
            await asyncio.sleep(0.001)


@asynccontextmanager
async def loaded(folder: Path) -> AsyncIterator[Load]:
    """Load while the body runs. It has to go on for two rounds after the body, too."""
    source = key_file(folder / "secrets.key")
    async with (
        opened_ledger(folder, SecretsKeys(source)) as one,
        opened_ledger(folder, SecretsKeys(source)) as other,
    ):
        await one.quarantine.put(event(1), 10, 10_000)
        await one.accounts.create("acme", AccountSettings())
        connection = OwnConnection(adapter="hubspot", secrets={"token": "t"})
        await one.account_connections.put("acme", connection, datetime(2026, 1, 1, tzinfo=UTC))
        load = Load(one, other)
        task = asyncio.create_task(load.run())
        await load.until_round(1)
        yield load
        await load.until_round(load.rounds + 2)
        load.is_over = True
        await task


async def rotated(folder: Path, killed_after: int) -> int:
    """Rotate in another process; its exit code."""
    words = (str(folder), ledger_of(folder), str(killed_after))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ROTATE, *words)
    return await process.wait()


async def test_a_rotation_that_is_killed_after_each_step_goes_on_with_the_same_key(tmp_path: Path) -> None:
    source = key_file(tmp_path / "secrets.key")
    async with loaded(tmp_path) as load:
        first = source.load()
        # Each process does one step and is killed; the next one goes on.
        assert [await rotated(tmp_path, 1) for _ in range(STEPS)] == [-signal.SIGKILL] * STEPS
        ring = source.load()
        assert len(ring.keys) == 2
        assert ring.first.id not in first
        assert is_complete(await load.one.secrets.state(), ring)


@pytest.mark.parametrize("killed_after", [3])
async def test_a_rotation_that_is_killed_in_the_middle_is_finished_by_another(
    tmp_path: Path, killed_after: int
) -> None:
    async with loaded(tmp_path) as load:
        assert await rotated(tmp_path, killed_after) == -signal.SIGKILL
        await load.until_round(load.rounds + 2)
        assert await rotated(tmp_path, 0) == 0
        ring = key_file(tmp_path / "secrets.key").load()
        assert len(ring.keys) == 2
        assert is_complete(await load.one.secrets.state(), ring)


async def test_after_a_rotation_the_old_key_opens_nothing(tmp_path: Path) -> None:
    old = key_file(tmp_path / "secrets.key")
    async with opened_ledger(tmp_path, SecretsKeys(old)) as ledger:
        await ledger.tokens.put("sales", "me", b"a token")
        first = old.load()
        before = await ledger.secrets.state()
        async for _ in rotate(ledger.secrets, old):
            pass
        after = await ledger.secrets.state()
        assert not before.needed & after.needed
    async with opened_ledger(tmp_path, keys_with(*first.keys)) as ledger:
        with pytest.raises(Exception, match="is missing"):
            await ledger.tokens.get("sales")


async def test_a_damaged_document_stays_and_the_others_are_encrypted_again(tmp_path: Path) -> None:
    source = key_file(tmp_path / "secrets.key")
    async with opened_ledger(tmp_path, SecretsKeys(source)) as ledger:
        await ledger.tokens.put("sales", "me", b"of sales")
        await ledger.tokens.put("support", "me", b"of support")
        value = r"'\x00'" if ledger_of(tmp_path) else "x'00'"
        damage = f"UPDATE tokens SET document = {value} WHERE connection = 'sales'"  # noqa: S608 - `value` is the test's own
        await ledger.secrets._database.write(lambda connection: connection.execute(damage))  # type: ignore[attr-defined] # noqa: SLF001
        problems = [step.text async for step in rotate(ledger.secrets, source) if step.is_problem]
        assert len(problems) == 1
        assert "connection:sales cannot be opened" in problems[0]
        assert await ledger.tokens.get("support") == b"of support"
        assert not is_complete(await ledger.secrets.state(), source.load())


async def test_keys_of_a_setting_rotate_to_the_one_that_is_put_first(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    async with opened_ledger(tmp_path, keys_with(old)) as ledger:
        await ledger.tokens.put("sales", "me", b"a token")
        with pytest.raises(CannotRotate, match="Put a new key before it"):
            await anext(rotate(ledger.secrets, keys_with(old).source))
    async with opened_ledger(tmp_path, keys_with(new, old)) as ledger:
        steps = [step.text async for step in rotate(ledger.secrets, keys_with(new, old).source)]
        assert steps == [f"The key {new.id} is in use.", "Encrypted connection:sales again (1)."]
    async with opened_ledger(tmp_path, keys_with(new)) as ledger:
        assert await ledger.tokens.get("sales") == b"a token"


async def test_where_nothing_is_encrypted_nothing_is_rotated(tmp_path: Path) -> None:
    source = key_file(tmp_path / "secrets.key")
    async with opened_ledger(tmp_path, SecretsKeys(source)) as ledger:
        with pytest.raises(CannotRotate, match="Nothing is encrypted"):
            await anext(rotate(ledger.secrets, source))
    assert not source.path.exists()
