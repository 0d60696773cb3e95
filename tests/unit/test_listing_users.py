"""Users of CRMs on more than one page, and the requests that the vendors document."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
from conformance.test_crm_hubspot import hubspot_under_test
from conformance.test_crm_pipedrive import pipedrive_under_test
from fakes.salesforce_people import salesforce_under_test
from fakes.zoho_people import zoho_under_test
from leadline_server.concurrency.circuit_breaker import CircuitBreaker
from leadline_server.crm.hubspot.adapter_type import BY_DEFAULT, HUBSPOT
from leadline_server.crm.wrappers import CircuitBreakerCrm
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.testing.crm_conformance import CrmUnderTest
from leadline_server.testing.crm_trouble import Failure
from leadline_server.testing.crm_user_cases import everyone
from support.loopback import crm_over_loopback

Open = Callable[[], AbstractAsyncContextManager[CrmUnderTest]]

CRMS: Mapping[str, tuple[Open, int]] = {
    "hubspot": (lambda: hubspot_under_test({}, HUBSPOT.variants[BY_DEFAULT].known_gaps), 500),
    "hubspot elsewhere": (
        lambda: crm_over_loopback(hubspot_under_test({}, HUBSPOT.variants[BY_DEFAULT].known_gaps)),
        500,
    ),
    "salesforce": (salesforce_under_test, 500),
    "pipedrive": (lambda: pipedrive_under_test(frozenset()), 500),
    "zoho": (zoho_under_test, 200),
}


@pytest.fixture(params=CRMS)
async def crm(request: pytest.FixtureRequest) -> AsyncIterator[tuple[CrmUnderTest, int]]:
    opening, page = CRMS[request.param]
    async with opening() as opened:
        yield opened, page


@pytest.mark.parametrize("beyond", [0, 1], ids=["a full page", "one more"])
async def test_users_of_several_pages_are_all_listed(crm: tuple[CrmUnderTest, int], beyond: int) -> None:
    opened, page = crm
    people = opened.other_hands()
    added = {
        await people.add_user(f"User {n}", f"u{n}@example.com", is_active=n % 7 != 0) for n in range(page + beyond)
    }
    listed = await everyone(opened.listing_users())
    assert added <= {user.id for user in listed}
    assert len(listed) == len({user.id for user in listed})
    assert {user.is_active for user in listed} == {True, False}


async def test_credentials_that_may_not_list_users_stop_nothing_else(crm: tuple[CrmUnderTest, int]) -> None:
    opened, _ = crm
    breaker = CircuitBreaker()
    guarded = CircuitBreakerCrm(opened.adapter, breaker)
    await opened.troubled().misbehave(Failure.UNAUTHORIZED)
    with pytest.raises(CrmAuthFailed):
        await guarded.list_users("")
    await opened.troubled().recover()
    assert breaker.is_calm
    await guarded.check()
