"""The adapter that the proofs by breaking things stand on keeps the CRM port's obligations, faults included."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from fakes.process import FakeProcess
from faults.http_crm.adapter import HttpCrm, HttpCrmConfig
from faults.http_crm.people import faulty_crm_under_test
from faults.http_crm.process import crm_process
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmOutcomeUnknown, CrmRateLimited, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.testing.crm_call_log_cases import WriteLogCases
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from leadline_server.testing.crm_contact_cases import CreateCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from support.loopback import crm_over_loopback
from support.shared_crm import SharedCrmConformance

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProcess]:
    with crm_process(tmp_path_factory.mktemp("crm") / "crm.db") as running:
        yield running


@asynccontextmanager
async def adapter_to(
    process: FakeProcess, *, deadline: float = 2.0, unique_keys: bool = False
) -> AsyncIterator[HttpCrm]:
    async with aiohttp.ClientSession() as session:
        yield HttpCrm(session, HttpCrmConfig(url=process.url, deadline=deadline, unique_keys=unique_keys))


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def shared() -> AsyncIterator[CrmUnderTest]:
    async with faulty_crm_under_test() as crm:
        yield crm


class TestHttpCrm(SharedCrmConformance):
    """On one CRM; each test recovers from its failure."""


class TestHttpCrmThatIsLessReliable(LookupCases, CreateCases, WriteLogCases):
    """Without unique keys, and with an index that lags by the declared time."""

    @pytest.fixture
    async def crm(self) -> AsyncIterator[CrmUnderTest]:
        async with faulty_crm_under_test(unique_keys=False, lag=0.2) as crm:
            yield crm


@pytest.mark.soak
class TestHttpCrmOverLoopback(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return crm_over_loopback(faulty_crm_under_test())


async def test_a_write_is_unknown_exactly_where_it_may_have_been_done(process: FakeProcess) -> None:
    for mode in ("error", "error_after_commit", "drop_after_commit", "hang", "hang_after_commit"):
        async with adapter_to(process, deadline=0.2) as adapter:
            process.misbehave(mode=mode)
            with pytest.raises(CrmOutcomeUnknown):
                await adapter.create_contact(DRAFT, mode)
    done = len(process.written().contacts[NUMBER.e164])
    assert done == 3


async def test_a_write_that_never_left_is_unavailable(process: FakeProcess) -> None:
    process.misbehave(refuses=True)
    async with adapter_to(process) as adapter:
        with pytest.raises(CrmUnavailable):
            await adapter.create_contact(DRAFT, "refused")
        process.recover()
        await adapter.check()


async def test_being_told_to_slow_down_says_for_how_long(process: FakeProcess) -> None:
    process.misbehave(mode="rate_limited", retry_after=7)
    async with adapter_to(process) as adapter:
        with pytest.raises(CrmRateLimited) as caught:
            await adapter.find_contacts([NUMBER])
    assert caught.value.retry_after == 7


async def test_an_expired_token_is_told_apart(process: FakeProcess) -> None:
    process.misbehave(token="another")
    async with adapter_to(process) as adapter:
        with pytest.raises(CrmAuthFailed):
            await adapter.check()


async def test_every_third_write_can_be_struck_and_no_read(process: FakeProcess) -> None:
    process.misbehave(mode="drop_after_commit", every=3)
    outcomes = list[bool]()
    async with adapter_to(process) as adapter:
        for number in range(6):
            await adapter.find_contacts([NUMBER])
            try:
                await adapter.create_contact(DRAFT, f"third-{number}")
                outcomes.append(True)
            except CrmOutcomeUnknown:
                outcomes.append(False)
    assert outcomes == [True, True, False] * 2


async def test_a_search_shows_a_new_contact_late_and_a_read_at_once(process: FakeProcess) -> None:
    process.misbehave(index_lag=3600)
    async with adapter_to(process) as adapter:
        number = parse_number("+12025550199", "US")
        contact = await adapter.create_contact(ContactDraft(name="New", phone_number=number), "lag")
        assert list(await adapter.find_contacts([number])) == []
        assert await adapter.get_contact(contact.id) == contact
        assert adapter.capabilities.search_lag == timedelta(0)


async def test_what_was_written_outlives_a_kill(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as process:
        async with adapter_to(process) as adapter:
            contact = await adapter.create_contact(DRAFT, "kept")
        process.kill()
        process.start()
        async with adapter_to(process) as adapter:
            assert await adapter.get_contact(contact.id) == contact
