"""The Zoho adapter keeps the CRM port's obligations, with and without a field for the call's key."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from fakes.zoho import KEY_FIELD, MARK_FIELD
from fakes.zoho_people import zoho_under_test
from leadline_server.testing.crm_call_log_cases import UpdateLogCases, WriteLogCases
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest


class TestZoho(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return self.open_crm_in("US")

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        return zoho_under_test(call_key_field=KEY_FIELD, placeholder_field=MARK_FIELD, region=region)


class TestZohoByDefault(WriteLogCases, UpdateLogCases):
    @pytest.fixture
    async def crm(self) -> AsyncIterator[CrmUnderTest]:
        async with zoho_under_test() as crm:
            yield crm
