"""The secrets keys of a process: read at the first need, and again when a document needs one that is not there yet."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import structlog

from leadline_server.domain.ledger_errors import KeyMissing, LedgerUnavailable
from leadline_server.encryption.key_ring import KeyRing, UnknownKey
from leadline_server.encryption.key_sources import KeyFile, KeySource

T = TypeVar("T")

AGAIN_SECONDS: Final = 1.0
"""How long a key that was not found is not looked for again."""

_log = structlog.get_logger(__name__)


class SecretsKeys:
    """The keys. It reads them when they are first needed, so an installation without secrets needs none."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._ring = KeyRing()
        self._lock = asyncio.Lock()
        self._missed: dict[str, float] = {}

    @property
    def source(self) -> KeySource:
        """Where they come from."""
        return self._source

    async def used_by(self, work: Callable[[KeyRing], Awaitable[T]]) -> T:
        """The result of `work`, which raises UnknownKey if it needs a key that the ring lacks; then it is run again.

        Raises:
            KeyMissing: there is no such key.
            LedgerUnavailable: the keys cannot be read, or the file cannot be created.
        """
        ring = self._ring
        try:
            return await work(ring)
        except UnknownKey as unknown:
            needed = unknown.key_id
        ring = await self._reloaded(needed, ring)
        try:
            return await work(ring)
        except UnknownKey as unknown:
            self._missed = {unknown.key_id: time.monotonic()}
            raise KeyMissing([unknown.key_id]) from None

    async def _reloaded(self, needed: str, seen: KeyRing) -> KeyRing:
        async with self._lock:
            if self._ring is not seen and (needed in self._ring or not needed):
                return self._ring  # another task has read it meanwhile
            if time.monotonic() - self._missed.get(needed, -AGAIN_SECONDS) < AGAIN_SECONDS:
                raise KeyMissing([needed])
            self._ring = await asyncio.to_thread(self._load, may_create=not needed)
            return self._ring

    def _load(self, *, may_create: bool) -> KeyRing:
        ring = self._source.load()
        if ring or not may_create:
            return ring
        if not isinstance(self._source, KeyFile):
            raise LedgerUnavailable(f"{self._source.name} has no key.")
        return self._source.create()


def log_created(path: Path) -> None:
    """Say in the log that a file with a secrets key was created."""
    _log.warning(
        "secrets key created", path=str(path), detail="Keep a copy apart from backups: it opens what is encrypted."
    )
