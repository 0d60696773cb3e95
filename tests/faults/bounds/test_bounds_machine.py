"""Any mix of valid requests of one account, before a CRM that answers anything: all stays within the published bounds.

docs/limits.md has the bounds. The whole service runs in this process, with the wrappers of a CRM over a network.
"""

import asyncio
import gc
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from leadline_server.commands.list_call_logs import CallLogQuery
from leadline_server.concurrency.deadline import Budget
from leadline_server.crm.wrappers import CachePolicy
from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmRateLimited, CrmTooMuch, CrmUnavailable
from leadline_server.domain.errors import InvalidRequest, LeadlineError
from leadline_server.domain.limits import MOST_CALL_BYTES, MOST_CANDIDATE_BYTES, MOST_CANDIDATES
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.preferences import MultipleMatchAction, UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger import CallLogFilter
from leadline_server.storage.checkpoints import MAX_LOG_BYTES
from leadline_server.transport.call_log_service import list_call_logs_response
from support.apps import ACCOUNT, USER, Harness, open_harness
from support.databases import rows

T = TypeVar("T")

NUMBERS: Final = ("+12025550147", "+12025550148", "101")
MOST_ROW: Final = MOST_CALL_BYTES + 3 * MOST_CANDIDATE_BYTES
MOST_HELD: Final = 0.05  # seconds of the processor; waiting for it, on a busy machine that runs tests, does not count

TICK: Final = 0.005  # seconds

ERRORS: Final = (CrmUnavailable("Down."), CrmTooMuch("Much."), CrmRateLimited("Wait.", retry_after=1e300))
SIZES = st.sampled_from([0, 1, 2, 99, 100, 101, 400, 3_000])
TEXTS = st.sampled_from(["", "x", "é" * 900, "x" * 10_000, "世" * 30_000])


@dataclass
class HostileCrm:
    """An adapter whose lookups find what a test says, and whose other methods are those of `inner`."""

    inner: CrmAdapter
    found: Sequence[Contact] = ()
    error: LeadlineError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        if self.error is not None:
            raise self.error
        return [replace(contact, phone_numbers=(numbers[0].text,)) for contact in self.found]


@dataclass
class Front:
    """The service, and the loop that it runs on."""

    harness: Harness
    crm: HostileCrm
    runner: asyncio.Runner
    folder: Path
    held: float = 0.0
    """The most seconds of the processor that the loop took between two ticks."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work, whose hold on the loop is measured."""
        return self.runner.run(self._measured(work))

    async def _measured(self, work: Coroutine[Any, Any, T]) -> T:
        ticking = asyncio.create_task(self._tick())
        try:
            return await work
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK)
            self.held = max(self.held, time.thread_time() - before)


@contextmanager
def serving() -> Iterator[Front]:
    crms: list[HostileCrm] = []

    def hostile(adapter: CrmAdapter) -> CrmAdapter:
        crms.append(HostileCrm(adapter))
        return crms[-1]

    gc.collect()
    gc.freeze()  # as a server does at its start: what the tests before left is no work of leadline's
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        opening = open_harness(Path(folder), wrap=hostile, cache=CachePolicy())
        harness = runner.run(opening.__aenter__())
        runner.run(harness.account())
        try:
            yield Front(harness, crms[0], runner, Path(folder))
        finally:
            runner.run(opening.__aexit__(None, None, None))
            gc.unfreeze()


class Bounds(RuleBasedStateMachine):
    """One account and its CRM."""

    front: ClassVar[Front]

    @rule(count=SIZES, text=TEXTS, attributes=st.integers(0, 100), is_placeholder=st.booleans())
    def find_something(self, count: int, text: str, attributes: int, is_placeholder: bool) -> None:  # noqa: FBT001 - drawn
        more = {f"field {index}": text for index in range(attributes if count < 100 else 0)}
        one = Contact(id="c", name=text, email=text, attributes=more, is_placeholder=is_placeholder)
        self.front.crm.error = None
        self.front.crm.found = [replace(one, id=f"c{index}") for index in range(count)]

    @rule(
        error=st.sampled_from(
            [CrmUnavailable("Down."), CrmTooMuch("Much."), CrmRateLimited("Wait.", retry_after=1e300)]
        )
    )
    def fail(self, error: LeadlineError) -> None:
        self.front.crm.error = error

    @rule(number=st.sampled_from(NUMBERS))
    def find(self, number: str) -> None:
        with suppress(LeadlineError):
            self.front.run(self.front.harness.find(number))

    @rule(
        call=st.integers(0, 5),
        number=st.sampled_from(NUMBERS),
        text=TEXTS,
        cleared=st.integers(0, 64),
        turn=st.integers(0, 1_000),
        is_final=st.booleans(),
    )
    def log(self, call: int, number: str, text: str, cleared: int, turn: int, is_final: bool) -> None:  # noqa: FBT001 - drawn
        fields = {"direction": CallDirection.INBOUND, "caller.phone_number": number, "transcript": text * 3 or None}
        attributes = {f"key {turn} {index}": None for index in range(cleared)}
        event = CallEvent(call_id=f"call-{call}", fields=fields, attributes=attributes, is_final=is_final)
        report = CallReport(account_id=ACCOUNT, user_id=USER, event=event)
        with suppress(InvalidRequest):
            self.front.run(self._log(report))

    @rule(
        unknown=st.sampled_from(UnknownContactAction),
        several=st.sampled_from(MultipleMatchAction),
    )
    def prefer(self, unknown: UnknownContactAction, several: MultipleMatchAction) -> None:
        self.front.run(self.front.harness.prefer(unknown_contact_action=unknown, multiple_match_action=several))

    @rule(size=st.sampled_from([1, 50, 1_000]))
    def list(self, size: int) -> None:
        query = CallLogQuery(selection=CallLogFilter(account_id=ACCOUNT), page_size=size, page_token="")
        page = self.front.run(self.front.harness.app.commands.list_call_logs.execute(query))
        assert list_call_logs_response(page).ByteSize() <= 4 * 1024 * 1024
        for log in page.call_logs:
            assert len(log.candidates) <= MOST_CANDIDATES
            assert log.next_attempt_time is None or (log.next_attempt_time - log.create_time).days <= 7

    @invariant()
    def rows_and_log_are_bounded(self) -> None:
        ledger = self.front.folder / "ledger.db"
        [(largest,)] = rows(ledger, "SELECT coalesce(max(length(body)), 0) FROM call_logs")
        assert largest <= MOST_ROW
        wal = ledger.with_name("ledger.db-wal")
        assert not wal.exists() or wal.stat().st_size <= MAX_LOG_BYTES + 16 * 1024 * 1024

    @invariant()
    def the_loop_answers(self) -> None:
        assert self.front.held <= MOST_HELD

    async def _log(self, report: CallReport) -> None:
        commands, account = self.front.harness.app.commands, await self.front.harness.account()
        await commands.log_call.execute(account, report, Budget(0.3), validate_only=False)


def run(runs: int, steps: int, *, derandomize: bool) -> None:
    chosen = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    with serving() as front:
        Bounds.front = front
        run_state_machine_as_test(Bounds, settings=chosen)


def test_no_mix_of_requests_and_answers_breaks_a_bound() -> None:
    run(10, 15, derandomize=True)


@pytest.mark.soak
def test_no_mix_of_requests_and_answers_breaks_a_bound_in_many_runs() -> None:
    run(300, 40, derandomize=False)
