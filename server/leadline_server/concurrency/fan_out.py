"""Several questions to a CRM at once."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(questions: Iterable[Awaitable[T]]) -> list[T]:
    """The answers to all questions, in their order; as soon as one fails, none, and the others are asked no longer."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
