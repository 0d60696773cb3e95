"""Vendors' adapters in another process, as far as leadline can tell: the contract of adapters loses nothing."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from conformance.test_crm_hubspot import hubspot_under_test
from fakes.salesforce_people import salesforce_under_test
from leadline_server.crm.hubspot.connecting import BY_DEFAULT, HUBSPOT
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.loopback import crm_over_loopback


class TestHubSpotOverLoopback(CrmConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return crm_over_loopback(hubspot_under_test(self.folder, {}, HUBSPOT.variants[BY_DEFAULT].losses))


class TestSalesforceOverLoopback(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return crm_over_loopback(salesforce_under_test())
