"""The Salesforce adapter keeps the CRM port's obligations, whichever way it looks numbers up."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest_asyncio
from fakes.salesforce import FakeSalesforce
from fakes.salesforce_people import salesforce_under_test
from fakes.shared import SharedFake, shared_fake
from leadline_server.testing.crm_conformance import CrmUnderTest
from leadline_server.testing.crm_forms import FormCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from leadline_server.testing.crm_plans import PlanCases
from support.shared_crm import ON_ONE_LOOP, OneFakeConformance

DAY = 86_400.0


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def fake() -> AsyncIterator[SharedFake[FakeSalesforce]]:
    async with shared_fake(FakeSalesforce) as fake:
        yield fake


class TestSalesforce(OneFakeConformance):
    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return salesforce_under_test(self.fake, region=region)


class TestSalesforceByTheIndexAlone(LookupCases, FormCases):
    """All records are old: the database has nothing to add to what the index shows."""

    pytestmark = ON_ONE_LOOP

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, fake: SharedFake[FakeSalesforce]) -> AsyncIterator[CrmUnderTest]:
        await fake.renew()
        async with salesforce_under_test(fake, age=DAY) as crm:
            yield crm


class TestSalesforceByTheDatabaseAlone(LookupCases, FormCases, PlanCases):
    pytestmark = ON_ONE_LOOP
    fake: SharedFake[FakeSalesforce]

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, fake: SharedFake[FakeSalesforce]) -> AsyncIterator[CrmUnderTest]:
        self.fake = fake
        await fake.renew()
        async with self.open_crm_in("US") as crm:
            yield crm

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return salesforce_under_test(self.fake, age=DAY, index_lag=DAY, lookup="query", region=region)
