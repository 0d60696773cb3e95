"""Copies of a ledger in PostgreSQL, which `pg_restore` or PostgreSQL itself made: standby or live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from leadline_server.backup.restoring import KeysMissing, fitting_keys, put_keys
from leadline_server.config import Settings
from leadline_server.encryption.settings import key_source
from leadline_server.ledger_opening import address_of

if TYPE_CHECKING:
    from leadline_server.ledger.postgres import PostgresLedger


async def is_standby(settings: Settings) -> bool:
    """Whether the ledger is a standby. Raises KeysMissing, LedgerUnavailable."""
    async with _opened(settings) as ledger:
        if missing := await _missing(settings, ledger):
            raise KeysMissing(missing)
        return (await ledger.copy_mark.state()).is_standby


async def make_standby(settings: Settings) -> None:
    """Mark a physical copy, before any server uses it. Raises LedgerUnavailable."""
    async with _opened(settings) as ledger:
        await ledger.copy_mark.make_standby()


async def make_live(settings: Settings, now: datetime, *, without_keys: bool) -> bool:
    """As restoring.make_live."""
    async with _opened(settings) as ledger:
        missing = await _missing(settings, ledger)
        if missing and not without_keys:
            raise KeysMissing(missing)
        return await ledger.copy_mark.make_live(now, forget=missing)


async def restore_keys(settings: Settings, keys: Path) -> list[str]:
    """As restoring.restore_keys."""
    async with _opened(settings) as ledger:
        needed = (await ledger.secrets.state()).needed
    ring = fitting_keys(settings, keys, needed)
    put_keys(settings, ring)
    return sorted(ring.ids)


@asynccontextmanager
async def _opened(settings: Settings) -> "AsyncIterator[PostgresLedger]":
    from leadline_server.ledger.postgres import open_postgres_ledger

    async with open_postgres_ledger(address_of(settings)) as ledger:
        yield ledger


async def _missing(settings: Settings, ledger: "PostgresLedger") -> frozenset[str]:
    needed = frozenset((await ledger.secrets.state()).needed)
    return needed - key_source(settings).load().ids if needed else frozenset()
