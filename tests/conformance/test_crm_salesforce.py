"""The Salesforce adapter keeps the CRM port's obligations, whichever way it looks numbers up."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from fakes.salesforce_people import salesforce_under_test
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from leadline_server.testing.crm_forms import FormCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from leadline_server.testing.crm_plans import PlanCases

DAY = 86_400.0


class TestSalesforce(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return self.open_crm_in("US")

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return salesforce_under_test(region=region)


class TestSalesforceByTheIndexAlone(LookupCases, FormCases):
    """All records are old: the database has nothing to add to what the index shows."""

    @pytest.fixture
    async def crm(self) -> AsyncIterator[CrmUnderTest]:
        async with salesforce_under_test(age=DAY) as crm:
            yield crm


class TestSalesforceByTheDatabaseAlone(LookupCases, FormCases, PlanCases):
    @pytest.fixture
    async def crm(self) -> AsyncIterator[CrmUnderTest]:
        async with self.open_crm_in("US") as crm:
            yield crm

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return salesforce_under_test(age=DAY, index_lag=DAY, lookup="query", region=region)
