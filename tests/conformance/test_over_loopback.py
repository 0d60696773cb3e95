"""Vendors' adapters in another process, as far as leadline can tell: the contract of adapters loses nothing.

In the long tests: what the contract carries is the same for each, and every run has the embedded CRM over it.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

import pytest
from conformance.test_crm_bottlecrm import bottlecrm_under_test
from conformance.test_crm_espocrm import espocrm_under_test
from conformance.test_crm_hubspot import hubspot_under_test
from conformance.test_crm_pipedrive import pipedrive_under_test
from fakes.salesforce_people import salesforce_under_test
from fakes.zoho import KEY_FIELD, MARK_FIELD
from fakes.zoho_people import zoho_under_test
from leadline_server.crm.hubspot.adapter_type import BY_DEFAULT, HUBSPOT
from leadline_server.crm.pipedrive.adapter_type import PIPEDRIVE
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.loopback import crm_over_loopback

pytestmark = pytest.mark.soak


class _OverLoopback(CrmConformance, ABC):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return crm_over_loopback(self.open_vendors())

    @abstractmethod
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        """The CRM under test as it is without a loopback."""


class TestSalesforceOverLoopback(_OverLoopback):
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return salesforce_under_test()


class TestHubSpotOverLoopback(_OverLoopback):
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return hubspot_under_test({}, HUBSPOT.variants[BY_DEFAULT].known_gaps)


class TestPipedriveOverLoopback(_OverLoopback):
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return pipedrive_under_test(PIPEDRIVE.known_gaps.forms)


class TestZohoOverLoopback(_OverLoopback):
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return zoho_under_test(call_key_field=KEY_FIELD, placeholder_field=MARK_FIELD)


class TestEspoCrmOverLoopback(_OverLoopback):
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return espocrm_under_test()


class TestBottleCrmOverLoopback(_OverLoopback):
    def open_vendors(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return bottlecrm_under_test()
