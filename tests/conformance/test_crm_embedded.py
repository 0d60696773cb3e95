"""The embedded CRM keeps the CRM port's obligations, also as an adapter in another process."""

from contextlib import AbstractAsyncContextManager

from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.embedded import embedded_crm_under_test
from support.loopback import crm_over_loopback


class TestEmbeddedCrm(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return embedded_crm_under_test()


class TestEmbeddedCrmOverLoopback(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return crm_over_loopback(embedded_crm_under_test())
