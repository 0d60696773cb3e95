"""Registers handlers with gRPC, some with a queue of their own.

gRPC keeps calls that have arrived in a queue, and hands them over to grpc.aio one by one: the next one after some five
turns of the event loop, however long those turns are. If 1,000 reports wait there, a call behind them waits for all of
them, and never comes to the fair queue of the door. gRPC has one queue for all generic handlers, and one for each
registered method. So a lookup, and a question for health, do not wait for reports.
"""

from collections.abc import Mapping
from typing import Any, Final

import grpc

OWN_QUEUE: Final = frozenset({"leadline.v1.ContactService/FindContact", "grpc.health.v1.Health/Check"})
"""RPCs with a queue of their own. Each of them makes every call cost about a microsecond more."""


def register(server: grpc.aio.Server, service: str, handlers: Mapping[str, Any]) -> None:
    """Register the handlers of a service, by their names: `FindContact`. Call it before the server starts."""
    own = {name: handler for name, handler in handlers.items() if f"{service}/{name}" in OWN_QUEUE}
    server.add_registered_method_handlers(service, own)
    others = {name: handler for name, handler in handlers.items() if name not in own}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, others),))
