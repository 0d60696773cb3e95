"""The fault proxy makes every failure that the suite asks for, in front of a CRM that is well."""

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio
from fakes.serving import fake_server
from faults.http_crm.adapter import HttpCrm, HttpCrmConfig
from faults.http_crm.people import FaultyPeople, faulty_crm_under_test
from faults.http_crm.server import FaultyCrm
from leadline_server.testing.crm_conformance import CrmUnderTest
from leadline_server.testing.fault_proxy import fault_proxy, is_write
from support.shared_crm import SharedCrmConformance


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def shared() -> AsyncIterator[CrmUnderTest]:
    async with (
        faulty_crm_under_test() as known,
        fake_server(FaultyCrm()) as fake,
        fault_proxy(fake.url) as proxy,
        aiohttp.ClientSession() as session,
    ):
        await fake.misbehave(unique_keys=True)
        adapter = HttpCrm(session, HttpCrmConfig(url=proxy.url, deadline=20.0, unique_keys=True))
        yield replace(known, adapter=adapter, people=FaultyPeople(fake.crm), trouble=proxy)


class TestBehindTheProxy(SharedCrmConformance):
    """On one proxy in front of one CRM; each test recovers from its failure."""


@pytest.mark.parametrize(
    ("method", "path", "changes"),
    [
        ("GET", "/contacts", False),
        ("POST", "/contacts", True),
        ("POST", "/crm/objects/2026-03/contacts/search", False),
        ("POST", "/oauth/v1/token", False),
        ("PATCH", "/search/1", True),
        ("DELETE", "/contacts/1", True),
    ],
)
def test_searches_by_post_are_reads(method: str, path: str, changes: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_write(method, path) is changes
