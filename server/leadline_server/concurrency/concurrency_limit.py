"""A limit on how many tasks do something at the same time."""

import asyncio
from collections import deque


class ConcurrencyLimit:
    """A number of slots, given to tasks in the order in which they ask."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many slots are free."""
        return self._free

    def try_acquire(self) -> bool:
        """Take a slot if one is free. While a task waits, none is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def acquire(self) -> None:
        """Take a slot; wait until one is free. Cancelling this is safe."""
        if self.try_acquire():
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.cancelled():
                self._waiting.remove(granted)
            else:  # the slot was granted just before the cancellation
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back. The task that has waited longest gets it."""
        for granted in self._waiting:
            if not granted.done():
                self._waiting.remove(granted)
                granted.set_result(None)
                return
        self._free += 1
