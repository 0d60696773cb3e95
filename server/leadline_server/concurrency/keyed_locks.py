"""Locks by key: one task at a time for each key, any number of keys at once."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class KeyedLocks:
    """A lock a key, kept only while somebody holds or wants it. Who wants one waits in the order of coming."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    async def acquire(self, key: Hashable) -> bool:
        """Take the lock of `key`; True if somebody else had it first. Where this is cancelled it is not taken."""
        lock, wanted = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = lock, wanted + 1
        try:
            await lock.acquire()
        except BaseException:
            self._leave(key)
            raise
        return wanted > 0

    def release(self, key: Hashable) -> None:
        """Give the lock of `key` back; any task may do it for the one that took it."""
        self._locks[key][0].release()
        self._leave(key)

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Hold the lock of `key` for the body."""
        await self.acquire(key)
        try:
            yield
        finally:
            self.release(key)

    def _leave(self, key: Hashable) -> None:
        lock, wanted = self._locks[key]
        if wanted == 1:
            del self._locks[key]
        else:
            self._locks[key] = lock, wanted - 1
