"""When watchers wake up, so that a call that is logged meanwhile waits for one of them and not for all.

Measured with 1,000 watchers and 200 calls a second: the slowest hundredth of LogCall takes 1.7 times as long as without
watchers; when watchers were woken sixteen at a time it was 3.8 times (docs/decisions/0021).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SECONDS_PER_WATCHER: Final = 0.0002  # about the time to wake one watcher and write to it
_LONGEST_PAUSE: Final = 0.25

_ROUND_SECONDS_PER_WATCHER: Final = 0.002
_LONGEST_ROUND: Final = 2.0
"""The length of a round, in which each watcher of batches has one turn: seconds for each watcher, and the maximum."""

_SHARES: Final = 16
"""A round has so many shares. Watchers with turns in one share get the same changes."""

_GROUPS: Final = 64
"""Waiting watchers are divided into so many groups, which are woken one after the other."""

_GOLDEN_RATIO: Final = (5**0.5 - 1) / 2
"""Steps of this length spread any number of turns evenly over a round."""


def pause_seconds(watchers: int) -> float:
    """How long the feed pauses between two looks for changes, so that waking its watchers leaves time for calls."""
    return min(_LONGEST_PAUSE, watchers * _SECONDS_PER_WATCHER)


class WakeGroups:
    """The groups of waiting watchers. Between the groups the event loop runs other tasks."""

    def __init__(self) -> None:
        self._events = [asyncio.Event() for _ in range(_GROUPS)]
        self._last = 0

    def next(self) -> int:
        """The group for the next watcher that waits."""
        self._last = (self._last + 1) % _GROUPS
        return self._last

    def of_phase(self, phase: float) -> int:
        """The group for watchers with this phase, see `BatchTurns`."""
        return int(phase * _GROUPS)

    def event(self, group: int) -> asyncio.Event:
        """The event that is set when the group is woken next."""
        return self._events[group]

    async def wake(self) -> None:
        """Wake all groups, one after the other."""
        for group, event in enumerate(self._events):
            self._events[group] = asyncio.Event()
            event.set()
            await asyncio.sleep(0)


class BatchTurns:
    """The turns of watchers that take batches, spread over a round of up to two seconds.

    A watcher's phase, from 0 to 1, says when in each round its turn is. Example: with 500 watchers a round takes one
    second, and the watcher with phase 0.25 has its turn a quarter of a second after each round starts.
    """

    def __init__(self) -> None:
        self._watchers = 0
        self._phase = 0.0

    @contextmanager
    def joined(self) -> Iterator[float]:
        """Take part in the turns; yields the phase."""
        self._watchers += 1
        self._phase = (self._phase + _GOLDEN_RATIO) % 1
        try:
            yield self._phase
        finally:
            self._watchers -= 1

    async def wait(self, phase: float) -> float:
        """Wait for the turn of a watcher; returns the length of a round in seconds."""
        seconds = min(_LONGEST_ROUND, self._watchers * _ROUND_SECONDS_PER_WATCHER)
        now = asyncio.get_running_loop().time
        await asyncio.sleep(seconds - (now() - seconds * phase) % seconds)
        return seconds


class ShareEnds:
    """Up to where the watchers of a share get changes: all of one feed up to the same position.

    It is the feed's head at the first turn of the share. So they can share their messages.
    """

    def __init__(self) -> None:
        self._shares = [(0.0, 0)] * _SHARES  # of each share: until when its position is valid, and that position

    def of(self, phase: float, seconds: float, head: int) -> int:
        """The position for a watcher whose turn it is now, in a round of so many seconds."""
        now, share = asyncio.get_running_loop().time(), int(phase * _SHARES)
        until, position = self._shares[share]
        if now >= until:
            position = head
            self._shares[share] = now + seconds / 2, position
        return position
