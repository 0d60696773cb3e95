"""The real service, on real files, behind a real socket, with a CRM that does as a test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from leadline_server.crm.wrappers import CachePolicy
from leadline_server.ports.crm import CrmAdapter
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.apps import STRANGER, Harness, open_harness, started

ASKED: Final = pb.FindContactRequest(account_id="demo", phone_numbers=[STRANGER])


@dataclass(frozen=True)
class Real:
    """The service, its server, and stubs on a channel to it."""

    harness: Harness
    server: Server
    address: str
    registry: CollectorRegistry
    contacts: ContactServiceStub
    calls: CallLogServiceStub
    preferences: PreferencesServiceStub

    def in_flight(self, rpc: str) -> float | None:
        """The value of an RPC's gauge."""
        return self.registry.get_sample_value("leadline_rpcs_in_flight", {"rpc": rpc})


@asynccontextmanager
async def real_server(
    folder: Path, wrap: Callable[[CrmAdapter], CrmAdapter], cache: CachePolicy | None = None
) -> AsyncIterator[Real]:
    """Serve an app whose files are in `folder` and whose CRM is wrapped, and remembered if there is a `cache`."""
    async with open_harness(folder, wrap=wrap, cache=cache) as harness:
        registry = CollectorRegistry()
        server = Server(harness.app.commands, registry)
        address = f"127.0.0.1:{server.bind('127.0.0.1:0')}"
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with started(server), grpc.aio.insecure_channel(address, options=options) as channel:
            yield Real(
                harness=harness,
                server=server,
                address=address,
                registry=registry,
                contacts=ContactServiceStub(channel),
                calls=CallLogServiceStub(channel),
                preferences=PreferencesServiceStub(channel),
            )


def report(call_id: str, **fields: Any) -> logs_pb.LogCallRequest:
    """A report of an inbound call from a stranger; `fields` are of the request."""
    call = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": STRANGER}}
    return logs_pb.LogCallRequest(**{"account_id": "demo", "user_id": "alice", "call": call, **fields})
