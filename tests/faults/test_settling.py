"""A CRM that takes a write after its sender gave up: whatever comes meanwhile, the call is there once, as it is now."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline_server.domain.crm_errors import CrmOutcomeUnknown
from leadline_server.ports.crm import CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities
from support.apps import STRANGER, open_harness
from support.databases import rows
from support.ledgers import each_ledger

pytestmark = each_ledger

SETTLE = timedelta(seconds=0.8)


class SlowToAct:
    """The embedded CRM without unique keys, which carries a write named in `loses` out late and does not answer it."""

    def __init__(self, inner: CrmAdapter) -> None:
        self._inner = inner
        self._found: dict[str, CrmLog] = {}
        self._count = 0
        self.loses: set[str] = set()
        self.late: list[asyncio.Task[Any]] = []
        self.capabilities = Capabilities(
            finds_log_by_key=True, enforces_unique_key=False, moves_log=True, settle_time=SETTLE
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        self._count += 1
        unique = f"{key}#{self._count}"

        async def work() -> CrmLog:
            log = self._found[key] = await self._inner.create_call_log(entry, unique)
            return log

        return await self._maybe_late("create", work)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self._maybe_late("update", lambda: self._inner.update_call_log(log_id, entry))

    async def find_call_log(self, key: str) -> CrmLog | None:
        return self._found.get(key)

    async def _maybe_late(self, name: str, work: Callable[[], Awaitable[CrmLog]]) -> CrmLog:
        if name not in self.loses:
            return await work()
        self.loses.remove(name)
        self.late.append(asyncio.create_task(_later(work)))
        raise CrmOutcomeUnknown("No answer came.")


async def _later(work: Callable[[], Awaitable[CrmLog]]) -> None:
    await asyncio.sleep(SETTLE.total_seconds() * 0.9)
    await work()


@pytest.mark.parametrize("lost", ["create", "update"])
async def test_news_of_a_call_wait_until_an_earlier_write_of_it_has_settled(tmp_path: Path, lost: str) -> None:
    made: list[SlowToAct] = []

    def wrap(adapter: CrmAdapter) -> CrmAdapter:
        made.append(SlowToAct(adapter))
        return made[0]

    async with open_harness(tmp_path, wrap=wrap) as harness:
        await harness.create("Ada Lovelace", STRANGER)
        await harness.create("Grace Hopper", "+12025550148")
        [crm] = made
        if lost == "update":
            await harness.log("call-1")
        crm.loses.add(lost)
        await harness.log("call-1", subject="earlier")
        # The other party is a new input: the call is decided anew, at once.
        await harness.log("call-1", "+12025550148", subject="now")
        await harness.settled("call-1", lambda log: bool(log.crm_log_id) and not log.update_pending)
        assert await asyncio.gather(*crm.late) == [None]
        found = rows(
            tmp_path / "ledger.db",
            "SELECT l.subject, c.name FROM crm_call_logs AS l JOIN crm_contacts AS c ON c.pk = l.contact",
        )
        assert found == [("now", "Grace Hopper")]
