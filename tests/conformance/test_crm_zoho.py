"""The Zoho adapter keeps the CRM port's obligations, with and without a field for the call's key."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest_asyncio
from fakes.shared import SharedFake, shared_fake
from fakes.zoho import KEY_FIELD, MARK_FIELD, FakeZoho
from fakes.zoho_people import zoho_under_test
from leadline_server.testing.crm_call_log_cases import UpdateLogCases, WriteLogCases
from leadline_server.testing.crm_conformance import CrmUnderTest
from support.shared_crm import ON_ONE_LOOP, OneFakeConformance


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def fake() -> AsyncIterator[SharedFake[FakeZoho]]:
    async with shared_fake(FakeZoho) as fake:
        yield fake


class TestZoho(OneFakeConformance):
    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return zoho_under_test(self.fake, call_key_field=KEY_FIELD, placeholder_field=MARK_FIELD, region=region)


class TestZohoByDefault(WriteLogCases, UpdateLogCases):
    pytestmark = ON_ONE_LOOP

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, fake: SharedFake[FakeZoho]) -> AsyncIterator[CrmUnderTest]:
        await fake.renew()
        async with zoho_under_test(fake) as crm:
            yield crm
