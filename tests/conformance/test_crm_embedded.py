"""The embedded CRM keeps the CRM port's obligations: bare, in another process, and with all wrappers round it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.crm.wrappers import CacheCrm, CachePolicy, CrmMetrics
from leadline_server.crm.wrappers.stack import WrapperStack
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.testing.crm_conformance import CrmObligations, CrmUnderTest
from prometheus_client import CollectorRegistry
from support.embedded import embedded_crm_under_test
from support.loopback import crm_over_loopback, over_loopback
from support.shared_crm import ON_ONE_LOOP, SharedCrmConformance

REMEMBERED = 0.2  # seconds


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def bare() -> AsyncIterator[CrmUnderTest]:
    """One file for the tests of a class: their names, numbers and keys are new each time."""
    async with embedded_crm_under_test() as crm:
        yield crm


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def shared(bare: CrmUnderTest) -> AsyncIterator[CrmUnderTest]:
    """One server of the adapter, and one connection to it."""
    async with over_loopback(bare.adapter) as adapter:
        yield replace(bare, adapter=adapter)


@pytest.fixture
def wrapped(bare: CrmUnderTest) -> CacheCrm:
    """All wrappers there are round the bare adapter."""
    limits = AccountLimitsRegistry(64, 10_000).of("acme")
    connection = WrapperStack(lambda: datetime.now(UTC), CrmMetrics(CollectorRegistry())).connection(
        bare.adapter,
        "embedded",
        breaker=limits.breaker,
        rate=limits.rate,
        rules=lambda: "US",
        cache=CachePolicy(found_seconds=REMEMBERED, none_seconds=REMEMBERED),
    )
    assert isinstance(connection.crm, CacheCrm)
    return connection.crm


class TestEmbeddedCrm(CrmObligations):
    pytestmark = ON_ONE_LOOP

    @pytest.fixture
    def crm(self, bare: CrmUnderTest) -> CrmUnderTest:
        return bare

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return embedded_crm_under_test(region)


class TestEmbeddedCrmOverLoopback(SharedCrmConformance):
    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return crm_over_loopback(embedded_crm_under_test(region))


class TestWrappedCrm(CrmObligations):
    pytestmark = ON_ONE_LOOP

    @pytest.fixture
    def crm(self, bare: CrmUnderTest, wrapped: CacheCrm) -> CrmUnderTest:
        return replace(bare, adapter=wrapped)


class TestRememberedAnswers(CrmObligations):
    """Lookups from the cache pass the suite too, like an index that lags for the time that answers are kept."""

    pytestmark = ON_ONE_LOOP

    @pytest.fixture
    def crm(self, bare: CrmUnderTest, wrapped: CacheCrm) -> CrmUnderTest:
        return replace(bare, adapter=_Remembering(wrapped))


class _Remembering(CrmWrapper):
    def __init__(self, cached: CacheCrm) -> None:
        super().__init__(cached)
        self._cached = cached

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._cached.capabilities, search_lag=timedelta(seconds=REMEMBERED))

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return (await self._cached.find(numbers)).contacts
