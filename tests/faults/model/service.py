"""The service at work for the model: real files, a real socket, a clock that stands still, and a CRM with moods.

One gRPC server serves all runs, as it holds no state of theirs; the app behind it is opened anew for each run and at
each restart. A run's files lie in memory where the system offers that (2,000 runs commit some 100,000 times), and the
CRM is the embedded one behind `MoodyCrm`, in this process: it fails when a rule says so, not by chance, and leaves
nothing to wait for. Time passes only when the machine says so: a delivery happens in the step that makes it due.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock

import grpc
import uvloop
from faults.model.crm import Mood, MoodyCrm
from faults.model.decision import Number, matching, read_number
from faults.model.front import Front, Ledgers
from faults.model.quiet import silence
from faults.model.standing_clock import StandingClock
from faults.model.truth import Truth
from leadline_server.app import open_app
from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.delivery import scheduler as delivery_loop
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger import CallLogFilter
from prometheus_client import CollectorRegistry
from support.apps import GivenSettings
from support.contact_book import ContactBook
from support.empty_files import put_empty_crm, put_empty_ledger

ACCOUNT: Final = "demo"
_POLL_SECONDS: Final = 0.004
_PATIENCE: Final = 20.0  # seconds, of real time, in which anything has to come to rest
_STABLE: Final = 0.12  # seconds without any news after which what hangs is taken to hang


@contextmanager
def serving(ledgers: Ledgers | None = None) -> Iterator[Front]:
    """A front for any number of runs. The delivery loop looks more often than in life; all else is as it is."""
    with (
        silence(),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        mock.patch.object(delivery_loop, "POLL_SECONDS", _POLL_SECONDS),
    ):
        front = Front(runner, ledgers)
        try:
            yield front
        finally:
            runner.run(front.close())


class Service:
    """One run: an app on its files, and the CRM beside it."""

    def __init__(self, front: Front, promises: Capabilities) -> None:
        self.front = front
        self.clock = StandingClock()
        self.mood = Mood(promises, self.clock.now)
        memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
        self._folder = Path(tempfile.mkdtemp(prefix="leadline-model-", dir=memory if memory.is_dir() else None))
        self._ledgers = 0
        self._ledger = str(self._folder / "ledger-0.db") if front.ledgers is None else front.ledgers.create()
        self._stack = AsyncExitStack()
        self._kept = AsyncExitStack()
        self.unanswered: list[asyncio.Task[Any]] = []
        front.run(self._begin())

    async def _begin(self) -> None:
        await put_empty_crm(self._folder / "model.db")
        if self.front.ledgers is None:
            await put_empty_ledger(Path(self._ledger))
        database = await open_crm_database(self._folder / "model.db")
        self._kept.push_async_callback(database.close)
        self._crm = EmbeddedCrm(database, ACCOUNT, lambda: "US", now=self.clock.now)
        self.book = ContactBook(database, ACCOUNT, lambda: "US")
        self.truth = Truth(sqlite3.connect(f"file:{self._folder / 'model.db'}?mode=ro", uri=True, isolation_level=None))
        self._kept.callback(self.truth.close)
        await self._open()

    async def _open(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)  # so that it knows which collector has which metric
        settings = GivenSettings(data_dir=self._folder, ledger=self._ledger)
        wrap = MoodyCrm(self._crm, self.mood, self._has, read_number)
        self._stack = AsyncExitStack()
        opened = open_app(settings, clock=self.clock, wrap=lambda _: wrap, registry=self.registry)
        self.front.app = await self._stack.enter_async_context(opened)

    async def change_person(self, contact_id: str, **changes: Any) -> None:
        """A person changes a contact in the CRM."""
        contact = await self._crm.get_contact(contact_id)
        assert contact is not None
        assert await self.book.save(replace(contact, **changes))

    def _has(self, number: Number) -> bool:
        """Whether leadline must know a contact with this number; if made for another number, only once it is shown."""
        shown, made, now = self.mood.shown_at, self.mood.made, self.clock.now()
        return any(
            shown.get(contact_id, now) <= now or made[contact_id].number_key == number.key
            for contact_id in matching(number, self.truth.people())
        )

    async def restart(self) -> None:
        """Stop cleanly, and start again."""
        await self._stack.aclose()
        await self._open()

    async def crash(self) -> None:
        """Go on from the ledger as it is on disk at this instant; what the old process still does reaches nothing."""
        self.mood.crash()
        ledgers = self.front.ledgers
        image = self._copied() if ledgers is None else ledgers.taken_away(self._ledger)
        await self._hang_up()
        await self._stack.aclose()
        self._ledger = image
        await self._open()

    def _copied(self) -> str:
        self._ledgers += 1
        image = self._folder / f"ledger-{self._ledgers}.db"
        for suffix in ("", "-wal"):
            if (part := Path(f"{self._ledger}{suffix}")).exists():
                shutil.copyfile(part, f"{image}{suffix}")
        return str(image)

    async def _hang_up(self) -> None:
        for task in self.unanswered:
            task.cancel()
        await asyncio.gather(*self.unanswered, return_exceptions=True)
        self.unanswered.clear()

    def close(self) -> None:
        self.front.run(self._close())
        if self.front.ledgers is not None:
            self.front.ledgers.drop(self._ledger)
        shutil.rmtree(self._folder)

    async def _close(self) -> None:
        self.mood.crash()
        await self._hang_up()
        await self._stack.aclose()
        await self._kept.aclose()

    async def ask(self, method: Any, request: Any) -> Any:
        """The answer, or the AioRpcError; None where the CRM does not answer, so that leadline cannot yet."""
        task = asyncio.ensure_future(_answer(method, request))
        while not task.done():
            await self._wait_for([task])
            if not task.done() and self.mood.waiting:
                self.unanswered.append(task)
                return None
        return task.result()

    async def ask_at_once(self, method: Any, request: Any) -> Any:
        """The answer, or the AioRpcError, of what never waits for the CRM."""
        return await _answer(method, request)

    async def ask_together(self, method: Any, requests: list[Any]) -> list[Any]:
        """The answers to requests that are sent at once; only while the CRM answers."""
        return list(await asyncio.gather(*(_answer(method, request) for request in requests)))

    async def pass_time(self, by: timedelta) -> None:
        """Let time pass; what writes take effect late do so at their time."""
        target = self.clock.time + by
        for time in sorted(time for time, _ in self.mood.late if time <= target):
            self.clock.time = max(self.clock.time, time)
            await self.mood.settle()
        self.clock.time = target

    async def come_to_rest(self) -> None:
        """Wait until nothing is under way and nothing is due, or until all that is left hangs in the CRM."""
        await self._wait_for([])

    async def _wait_for(self, tasks: list["asyncio.Task[Any]"]) -> None:
        """... or until one of the tasks is done. A clock that stands still must not keep a task waiting for ever."""
        loop = asyncio.get_running_loop()
        began = changed = loop.time()
        news = self._news()
        while True:
            if tasks:
                await asyncio.wait(tasks, timeout=_POLL_SECONDS)
                if tasks[0].done():
                    return
            else:
                if await self._is_quiet():
                    return
                await asyncio.sleep(_POLL_SECONDS / 2)
            if (latest := self._news()) != news:
                news, changed = latest, loop.time()
            stable = loop.time() - changed
            is_left_alone = not tasks and self.is_paused and not self._under_way()
            if stable > _STABLE and (self.mood.waiting or is_left_alone):
                return
            if stable > 2 * _STABLE:  # it waits for a moment to pass
                await self.pass_time(timedelta(seconds=0.5))
            assert loop.time() - began < _PATIENCE, "it does not come to rest"

    async def _is_quiet(self) -> bool:
        """Whether no call is being delivered, by this process or by a dead one, and none is due."""
        page = await self.front.app.ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT), None, 1_000)
        now = self.clock.now()
        return not any(
            log.lease_owner or (log.next_attempt_time is not None and log.next_attempt_time <= now)
            for log in page.call_logs
        )

    def _news(self) -> tuple[float, int]:
        return self._under_way(), len(self.mood.asked)

    def _under_way(self) -> float:
        under_way = self._metric("leadline_deliveries_in_flight")
        assert under_way is not None
        return under_way

    def _metric(self, name: str) -> float | None:
        """The account's, or leadline's, value of a metric. The others are not computed: this is asked all the time."""
        metrics = self.registry.restricted_registry([name]).collect()
        samples = (sample for metric in metrics for sample in metric.samples)
        return next((one.value for one in samples if one.labels.get("account_id", ACCOUNT) == ACCOUNT), None)

    @property
    def is_paused(self) -> bool:
        """Whether leadline leaves the CRM alone for a while."""
        return bool(self._metric("leadline_crm_breaker"))

    async def next_due(self) -> datetime | None:
        """When something is to be done next."""
        times = [time for time, _ in self.mood.late]
        if (due := await self.front.app.ledger.call_logs.next_due_time()) is not None:
            times.append(due)
        return min(times, default=None)


async def _answer(method: Any, request: Any) -> Any:
    try:
        return await method(request, timeout=_PATIENCE)
    except grpc.aio.AioRpcError as error:
        return error
