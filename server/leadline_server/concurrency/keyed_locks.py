"""Locks by key: one task at a time for each key, any number of keys at once."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class KeyedLocks:
    """A lock for each key, kept only while a task holds it or waits for it. Tasks get it in the order of waiting."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    async def acquire(self, key: Hashable) -> bool:
        """Take the lock of `key`; True if another task had it or waited for it. If cancelled, it is not taken."""
        lock, users = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = lock, users + 1
        try:
            await lock.acquire()
        except BaseException:
            self._leave(key)
            raise
        return users > 0

    def users(self, key: Hashable) -> int:
        """How many tasks hold the lock of `key` or wait for it."""
        return self._locks[key][1] if key in self._locks else 0

    def release(self, key: Hashable) -> None:
        """Release the lock of `key`. Another task than the one that took it may do this."""
        self._locks[key][0].release()
        self._leave(key)

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Hold the lock of `key` during the body."""
        await self.acquire(key)
        try:
            yield
        finally:
            self.release(key)

    def _leave(self, key: Hashable) -> None:
        lock, users = self._locks[key]
        if users == 1:
            del self._locks[key]
        else:
            self._locks[key] = lock, users - 1
