"""Watches of an account, read as tests need it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Final

from leadline_server.commands.watch_call_logs import Watch
from leadline_server.watch.batch import WatchBatch, WatchItem
from support.apps import ACCOUNT, Harness

SECONDS: Final = 20.0
WATCH: Final = Watch(account_id=ACCOUNT, user_id="", resume_token="")


@asynccontextmanager
async def watching(harness: Harness, token: str = "", at_once: int = 0) -> AsyncIterator[AsyncIterator[WatchItem]]:
    """A watch of the account, which ends with the body."""
    watch, command = replace(WATCH, resume_token=token, max_call_logs=at_once), harness.app.commands.watch_call_logs
    items = one_by_one(command.batches(watch), at_once) if at_once else command.execute(watch)
    async with aclosing(items):
        yield items


async def one_by_one(batches: AsyncGenerator[WatchBatch, None], at_once: int) -> AsyncGenerator[WatchItem, None]:
    async with aclosing(batches):
        async for batch in batches:
            assert len(batch.changes) <= at_once
            for change in batch.changes:
                yield WatchItem(change, batch.token(change.sequence))
            if not batch.changes:
                yield WatchItem(None, batch.token(batch.position))


async def next_of(items: AsyncIterator[WatchItem]) -> WatchItem:
    return await asyncio.wait_for(anext(items), SECONDS)


async def calls_of(items: AsyncIterator[WatchItem], wanted: set[str]) -> str:
    """Read until every wanted call has been told; the token to go on from."""
    missing, token = set(wanted), ""
    while missing:
        item = await next_of(items)
        token = item.resume_token
        if item.change is not None:
            missing.discard(item.change.call_id)
    return token
