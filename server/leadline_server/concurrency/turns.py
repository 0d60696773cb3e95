"""Long work on the event loop, in short turns."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

TURN: Final = 16
"""How many records of a CRM are read or compared before other tasks have a turn: about 2 ms."""


async def in_turns(items: Sequence[T], turn: int = TURN) -> AsyncIterator[Sequence[T]]:
    """The items in parts of at most `turn`. Between two parts other tasks run; one part alone waits for nothing."""
    for start in range(0, len(items), turn):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + turn]
