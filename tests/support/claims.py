"""Two servers of one ledger, and what happens to a stranger's claim between them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline_server.concurrency.lease import LEASE
from leadline_server.domain.contact import Contact
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger import Claimed, HeldByAnother

from support.apps import ACCOUNT, STRANGER, Harness, open_harness
from support.crms import Switch
from support.lagging_crm import LaggingCrm

THIRD = "a third server"
THIRDS_KEY = "its key"


class Servers:
    """Two servers on one ledger. `crms` count what each asks of the CRM; `crm` is the first one's."""

    def __init__(self, crms: tuple[Switch, Switch], *harnesses: Harness) -> None:
        self.crms = crms
        self.crm = crms[0]
        self.first, self.second = harnesses

    async def asks(self, operation: str, *, work: Any, answered: bool) -> "asyncio.Task[Any]":
        """Have the first server do `work` up to asking the CRM, which takes the request or not, and never answers."""
        asked = asyncio.Event()

        async def stop(name: str) -> None:
            if name == operation:
                asked.set()
                await asyncio.Event().wait()

        if answered:
            self.crm.after = stop
        else:
            self.crm.before = stop
        task = asyncio.create_task(work)
        async with asyncio.timeout(10):
            await asked.wait()
        return task

    async def kill_first(self, task: "asyncio.Task[Any]", monkeypatch: pytest.MonkeyPatch) -> None:
        """End what the first server does, with nothing that it does about it reaching the ledger any more."""
        for method in ("release", "finish", "renew"):
            monkeypatch.setattr(self.first.app.ledger.claims, method, nothing)
        await cancelled(task)


async def nothing(*_: object, **__: object) -> None:
    return


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def pass_time(by: timedelta, *parts: Harness | LaggingCrm) -> None:
    """Move all clocks."""
    for part in parts:
        part.clock.advance(by)


async def acquired(harness: Harness, number: str = STRANGER) -> Claimed | HeldByAnother:
    now = harness.clock.now()
    return await harness.app.ledger.claims.acquire(ACCOUNT, number, THIRD, THIRDS_KEY, now, now + LEASE)


async def held(harness: Harness) -> None:
    """Wait until the stranger's claim is held."""
    async with asyncio.timeout(10):
        while not isinstance(await acquired(harness), HeldByAnother):
            await harness.app.ledger.claims.release(ACCOUNT, STRANGER, THIRD, None)
            await asyncio.sleep(0.005)


async def freed(harness: Harness) -> Claimed:
    """Wait until the stranger's claim is free, and acquire it."""
    async with asyncio.timeout(5):
        while isinstance(answer := await acquired(harness), HeldByAnother):
            await asyncio.sleep(0.005)
    return answer


@contextmanager
def counting_claims(harness: Harness) -> Iterator[Counter[str]]:
    """How often the harness asks for a claim, under "acquire"."""
    claims, counts = harness.app.ledger.claims, Counter[str]()
    acquire = claims.acquire

    async def counted(*arguments: Any) -> Claimed | HeldByAnother:
        counts["acquire"] += 1
        return await acquire(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "acquire", counted)
        yield counts


async def asked_again(harness: Harness, times: int) -> None:
    """Wait until the harness has asked for a claim so often."""
    with counting_claims(harness) as counts:
        async with asyncio.timeout(10):
            while counts["acquire"] < times:
                await asyncio.sleep(0.005)


async def found(harness: Harness) -> list[Contact]:
    return [match.contact for match in await harness.find(STRANGER)]


@asynccontextmanager
async def two_servers(
    folder: Path, wrap: Callable[[CrmAdapter], CrmAdapter] = lambda adapter: adapter
) -> AsyncIterator[Servers]:
    """Two servers on fresh files, which create placeholders; `wrap` gives the CRM that both of them ask."""
    crms = Switch(), Switch()
    async with (
        open_harness(folder, wrap=lambda crm: crms[0].wrap(wrap(crm))) as first,
        open_harness(folder, wrap=lambda crm: crms[1].wrap(wrap(crm))) as second,
    ):
        await first.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        yield Servers(crms, first, second)
