"""Files of SQLite with their tables and no rows. They are made once in a process: that takes longer than most tests."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from leadline_server.crm.embedded import open_crm_database
from leadline_server.ledger.sqlite.ledger import MIGRATIONS
from leadline_server.storage.sqlite import open_database

_made: Final[dict[Callable[[Path], Awaitable[None]], bytes]] = {}


async def put_empty_crm(path: Path) -> None:
    """Put the file of an embedded CRM without contacts at `path`."""
    await _put(_make_crm, path)


async def put_empty_ledger(path: Path) -> None:
    """Put a ledger that no server opened yet at `path`, with the tables of the embedded CRM, unless a file is there."""
    if not any(path.parent.glob(f"{path.name}*")):
        await _put(_make_ledger, path)


async def _put(make: Callable[[Path], Awaitable[None]], path: Path) -> None:
    if make not in _made:
        with TemporaryDirectory() as folder:
            made = Path(folder) / "made.db"
            await make(made)
            _made[make] = made.read_bytes()
    _write(path, _made[make])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


async def _make_crm(path: Path) -> None:
    await (await open_crm_database(path)).close()


async def _make_ledger(path: Path) -> None:
    await (await open_database(path, migrations=MIGRATIONS)).close()
    await _make_crm(path)
