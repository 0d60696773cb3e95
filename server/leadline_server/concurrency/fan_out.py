"""Several requests to a CRM at the same time."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(requests: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all requests, in their order. If one fails, its error is raised and the others are cancelled."""
    tasks = [asyncio.ensure_future(request) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
