"""A caller's deadline as a budget of time.

Example: a caller gives 3 seconds. Work may take 2.9 of them, and 0.1 seconds are kept to answer in. gRPC rounds
deadlines on their way, those from 1 s to 10 s by less than 10 ms; the kept time covers that too.
"""

import asyncio
import time
from typing import Final

MOST_SECONDS: Final = 10.0
"""The longest time of an RPC, if its caller gives more time or no deadline."""

_MARGIN_SECONDS: Final = 0.1
_MARGIN_SHARE: Final = 0.1
"""The time that is kept to answer in: this share of what is left, and at most so many seconds."""


class TimeLimit:
    """Bounds the body of an `async with`: raises TimeoutError if it takes longer. Use each once.

    It does what `asyncio.timeout` does. That can also be changed and asked, and takes 13,000 instructions more.
    """

    __slots__ = ("_cancelling", "_handle", "_is_over", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task")
        self._task, self._cancelling = task, task.cancelling()
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._end)

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._handle.cancel()
        # If others have cancelled the task too, the body ends as cancelled.
        if self._is_over and self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()


class Budget:
    """The time that is left until a caller's deadline.

    Args:
        seconds: the time from now on; None if the caller set no deadline.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without a deadline."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def share(self, most: float) -> float:
        """Seconds that work may take, at most `most`, so that time is left to answer in."""
        return work_seconds(self.remaining(), most)


def work_seconds(remaining: float | None, most: float) -> float:
    """Seconds that work may take if `remaining` seconds are left; `most` without a deadline."""
    if remaining is None:
        return most
    return min(most, remaining - min(_MARGIN_SECONDS, remaining * _MARGIN_SHARE))
