"""The HTTP port with metrics and health, and what is counted."""

from datetime import UTC, datetime
from typing import NoReturn

import aiohttp
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.transport.addresses import AddressUnavailable
from leadline_server.transport.metrics import metrics_endpoint
from prometheus_client import CollectorRegistry
from transport.serving import refused, serving

ASKED = pb.FindContactRequest(account_id="demo", phone_numbers=["+14155550123"])


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_rpcs_are_counted_by_name_and_code() -> None:
    fails = False

    async def execute(*_: object, **__: object) -> FoundContacts:
        if fails:
            raise CrmUnavailable("Down.")
        return FoundContacts((), datetime.now(UTC))

    async with serving(find_contact=execute) as it, metrics_endpoint("127.0.0.1:0", it.registry, lambda: True) as port:
        stub = ContactServiceStub(it.channel)
        await stub.FindContact(ASKED)
        await stub.FindContact(ASKED)
        fails = True
        await refused(stub.FindContact(ASKED))
        status, text = await get(port, "/metrics")
    assert status == 200
    assert 'leadline_rpc_seconds_count{code="OK",rpc="FindContact"} 2.0' in text
    assert 'leadline_rpc_seconds_count{code="UNAVAILABLE",rpc="FindContact"} 1.0' in text
    assert 'leadline_rpcs_in_flight{rpc="FindContact"} 0.0' in text


@pytest.mark.parametrize(("is_serving", "status"), [(True, 200), (False, 503)])
async def test_healthz_follows_the_server(is_serving: bool, status: int) -> None:  # noqa: FBT001 - a test's parameter
    async with metrics_endpoint("127.0.0.1:0", CollectorRegistry(), lambda: is_serving) as port:
        assert (await get(port, "/healthz"))[0] == status


async def test_a_taken_metrics_port_is_an_error() -> None:
    async def enter(address: str) -> NoReturn:
        async with metrics_endpoint(address, CollectorRegistry(), lambda: True):
            raise AssertionError("It was taken.")

    async with metrics_endpoint("127.0.0.1:0", CollectorRegistry(), lambda: True) as port:
        with pytest.raises(AddressUnavailable, match=f"127.0.0.1:{port}"):
            await enter(f"127.0.0.1:{port}")
