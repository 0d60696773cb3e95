"""The order of the wrappers, as the CRM, the circuit breaker, the rate limit and the metrics see it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from leadline_server.concurrency.circuit_breaker import FAILURES, CircuitBreaker
from leadline_server.concurrency.rate_limiter import RateLimiter
from leadline_server.crm.wrappers import CachePolicy, CrmMetrics
from leadline_server.crm.wrappers import stack as wrapper_stack
from leadline_server.crm.wrappers.spelled import SpelledCrm
from leadline_server.crm.wrappers.stack import WrapperStack
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.domain.numbers.spellings import spellings
from leadline_server.domain.request_not_sent import CircuitOpen, RateLimitExceeded
from leadline_server.ports.crm import CrmConnection
from leadline_server.testing.crm_harness import Report
from prometheus_client import CollectorRegistry
from support.apps import STRANGER
from support.crms import Switch
from support.operations import create, memory_crm

NUMBERS: Sequence[PhoneNumber] = [parse_number(STRANGER, "US")]
POLICY = CachePolicy(found_seconds=60, none_seconds=60, entries=10)


class Turns(RateLimiter):
    """A rate limit that counts the turns it gives; `before` runs first, and may raise or take its time."""

    def __init__(self) -> None:
        super().__init__(1000.0, 1000.0)
        self.given = 0
        self.before: Callable[[], Awaitable[None]] | None = None

    async def wait(self) -> None:
        if self.before is not None:
            await self.before()
        self.given += 1


class Breaker(CircuitBreaker):
    """A circuit breaker that counts what it is asked and told."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.failures = 0

    def admit(self) -> bool:
        self.asked += 1
        return super().admit()

    def failed(self, asked: float = 0.0) -> None:
        self.failures += 1
        super().failed(asked)

    def open(self) -> None:
        for _ in range(FAILURES):
            super().failed()


class Wrapped:
    """A CRM in memory with all wrappers: `crm` is the switch of the CRM, `turns` and `breaker` are the account's."""

    def __init__(
        self, cache: CachePolicy | None = POLICY, *, search_lag: float = 0.0, is_measured: bool = True
    ) -> None:
        self.crm, self.turns, self.breaker, self.registry = Switch(), Turns(), Breaker(), CollectorRegistry()
        self.bare = memory_crm(search_lag=timedelta(seconds=search_lag))
        made = WrapperStack(
            lambda: datetime(2026, 1, 1, tzinfo=UTC), CrmMetrics(self.registry) if is_measured else None
        )
        self.connection: CrmConnection = made.connection(
            self.crm.wrap(self.bare),
            "memory",
            breaker=self.breaker,
            rate=self.turns,
            rules=lambda: "US",
            cache=cache,
        )

    async def find(self) -> int:
        """How many a remembered lookup finds."""
        assert self.connection.remembered is not None
        return len((await self.connection.remembered.find(NUMBERS)).contacts)

    def measured(self, outcome: str, operation: str = "find_contacts") -> float:
        labels = {"adapter": "memory", "operation": operation, "outcome": outcome}
        return self.registry.get_sample_value("leadline_crm_seconds_count", labels) or 0.0

    def lookups(self, answer: str) -> float | None:
        labels = {"adapter": "memory", "answer": answer}
        return self.registry.get_sample_value("leadline_crm_lookups_total", labels)


class AskedFor(CrmWrapper):
    """A CRM in memory that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(memory_crm())
        self.asked: list[str] = []

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        self.asked += [number.e164 for number in numbers]
        return await super().find_contacts(numbers)


@pytest.mark.parametrize(
    ("number", "asked"),
    [
        pytest.param("+2290197123456", ["+2290197123456", "+22997123456"], id="Benin"),
        pytest.param("+5511987654321", ["+5511987654321", "+551187654321"], id="Brazil"),
        pytest.param("+525512345678", ["+525512345678"], id="Mexico, whose digits stand in its old spellings"),
        pytest.param("+12025550101", ["+12025550101"], id="a country with one spelling"),
    ],
)
async def test_a_number_is_asked_for_in_the_spellings_that_a_search_would_miss(number: str, asked: list[str]) -> None:
    crm = AskedFor()
    await SpelledCrm(crm).find_contacts([parse_number(number, "US")])
    assert crm.asked == asked


async def test_what_is_found_by_another_spelling_is_remembered_for_the_number() -> None:
    wrapped, number = Wrapped(), parse_number("+2290197123456", "US")
    old = spellings(number)[1]
    await wrapped.bare.create_contact(ContactDraft(name="Ada", phone_number=old), "key")
    assert wrapped.connection.remembered is not None
    for _ in range(2):
        assert len((await wrapped.connection.remembered.find([number])).contacts) == 1
    assert wrapped.crm.calls["find_contacts"] == 1


def failing(times: int, error: Callable[[], Exception], operation: str = "find_contacts") -> Switch:
    """A switch whose first so many operations of a kind fail; `calls` counts all of them as "tried"."""
    switch = Switch()

    async def before(name: str) -> None:
        if name == operation:
            switch.calls["tried"] += 1
            if switch.calls["tried"] <= times:
                raise error()

    switch.before = before
    return switch


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapper_stack, "SECONDS", 0.02)


async def test_a_remembered_answer_takes_neither_a_request_nor_a_turn() -> None:
    it = Wrapped()
    await create(it.bare)
    assert [await it.find(), await it.find()] == [1, 1]
    assert it.crm.calls["find_contacts"] == it.turns.given == 1
    assert (it.lookups("asked"), it.lookups("remembered")) == (1, 1)


async def test_a_remembered_answer_is_there_while_the_breaker_is_open() -> None:
    it = Wrapped()
    await it.find()
    it.breaker.open()
    assert await it.find() == 0
    with pytest.raises(CircuitOpen):
        await it.connection.crm.find_contacts(NUMBERS)


async def test_a_decision_asks_the_crm_whatever_is_remembered() -> None:
    it = Wrapped()
    await it.find()
    await create(it.bare)
    assert len(await it.connection.crm.find_contacts(NUMBERS)) == 1
    assert await it.find() == 1  # what it heard is remembered
    assert it.crm.calls["find_contacts"] == it.turns.given == 2


async def test_what_passes_through_the_connection_changes_what_is_remembered() -> None:
    it = Wrapped()
    assert await it.find() == 0
    await create(it.connection.crm)
    assert await it.find() == 1


async def test_nothing_is_remembered_where_nothing_shall_be() -> None:
    it = Wrapped(None)
    assert it.connection.remembered is None
    await it.connection.crm.find_contacts(NUMBERS)
    await create(it.bare)
    assert len(await it.connection.crm.find_contacts(NUMBERS)) == 1


async def test_each_attempt_takes_a_turn_and_is_measured() -> None:
    it = Wrapped()
    it.crm.before = failing(1, lambda: CrmUnavailable("Down for a moment.")).before
    assert await it.find() == 0
    assert it.turns.given == 2
    assert (it.measured("unavailable"), it.measured("ok")) == (1, 1)


async def test_a_request_that_the_breaker_stops_takes_no_turn_and_is_neither_measured_nor_repeated() -> None:
    it = Wrapped()
    it.breaker.open()
    with pytest.raises(CircuitOpen):
        await it.find()
    assert it.breaker.asked == 1
    assert it.turns.given == it.crm.calls["find_contacts"] == it.measured("unavailable") == 0


async def test_a_request_that_the_rate_limit_stops_is_no_failure_and_is_not_repeated() -> None:
    it = Wrapped()

    async def refuse() -> None:
        raise RateLimitExceeded(0.01)

    it.turns.before = refuse
    with pytest.raises(RateLimitExceeded):
        await it.find()
    assert (it.breaker.asked, it.breaker.failures) == (0, 0)
    assert it.crm.calls["find_contacts"] == it.measured("unavailable") == 0


async def test_the_breaker_sees_every_failure_of_the_crm() -> None:
    it = Wrapped()
    it.crm.go_down()
    with pytest.raises(CrmUnavailable):
        await it.find()
    assert it.breaker.failures == it.measured("unavailable") == 3


async def test_a_check_waits_neither_for_the_breaker_nor_for_a_turn() -> None:
    it = Wrapped()
    it.breaker.open()
    await it.connection.crm.check()
    assert (it.crm.calls["check"], it.turns.given, it.breaker.asked) == (1, 0, 0)
    assert it.breaker.is_closed


@pytest.mark.usefixtures("_hurried")
async def test_a_crm_that_hangs_is_given_up_and_measured_as_one_that_does_not_answer() -> None:
    it = Wrapped()
    it.crm.hang()
    async with asyncio.timeout(1.5):
        with pytest.raises(CrmOutcomeUnknown):
            await create(it.connection.crm)
        with pytest.raises(CrmUnavailable):
            await it.connection.crm.check()
    assert it.measured("outcome_unknown", "create_contact") == it.measured("unavailable", "check") == 1


@pytest.mark.usefixtures("_hurried")
async def test_a_turn_may_take_longer_than_the_crm() -> None:
    it = Wrapped()

    async def wait() -> None:
        await asyncio.sleep(0.1)

    it.turns.before = wait
    assert await it.find() == 0


async def test_without_metrics_all_is_as_with_them() -> None:
    it = Wrapped(is_measured=False)
    it.crm.before = failing(1, lambda: CrmUnavailable("Down for a moment.")).before
    assert [await it.find(), await it.find()] == [0, 0]
    assert it.crm.calls["find_contacts"] == 1


async def test_a_contact_that_is_gone_is_not_remembered_while_the_crms_search_may_still_show_it() -> None:
    it = Wrapped(search_lag=60)
    contact = await create(it.bare)
    it.bare.clock.advance(timedelta(seconds=60))

    async def refuse(operation: str) -> None:
        if operation == "create_call_log":
            raise CrmRejected("There is no such contact.")

    it.crm.before = refuse
    with pytest.raises(CrmRejected):
        await it.connection.crm.create_call_log(Report("call-1").entry(contact.id), "call-1")
    assert [await it.find(), await it.find()] == [1, 1]
    assert it.crm.calls["find_contacts"] == 2
