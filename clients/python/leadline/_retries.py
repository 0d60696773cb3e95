"""Which RPCs are tried again, as gRPC's service configuration says it."""

import json
from collections.abc import Iterator
from typing import Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from leadline.admin.v1 import audit_service_pb2, key_service_pb2
from leadline.v1 import (
    call_log_service_pb2,
    contact_service_pb2,
    directory_service_pb2,
    placeholder_service_pb2,
    preferences_service_pb2,
)

_SERVICES: Final = (
    contact_service_pb2,
    call_log_service_pb2,
    preferences_service_pb2,
    directory_service_pb2,
    placeholder_service_pb2,
    key_service_pb2,
    audit_service_pb2,
)

_SAFE_WRITES: Final = frozenset(
    {
        "leadline.v1.CallLogService.LogCall",
        "leadline.v1.ContactService.CreateContact",
        "leadline.v1.DirectoryService.UpsertUser",
        "leadline.admin.v1.KeyService.RevokeKey",
        "leadline.admin.v1.KeyService.DenyTokens",
    }
)
"""Writes that can be sent again: they have the same effect twice, or the client gives them a `request_id`."""

_RETRY_POLICY: Final = {
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],  # a stopping server may end a call so before it begins
}
"""gRPC adds the jitter itself (gRFC A6, "Exponential Backoff"); the deadline spans all attempts."""


def service_config() -> str:
    """The channel's service config (gRFC A6): which RPCs are retried, and when the channel stops retrying."""
    config = {
        "methodConfig": [{"name": [_name(method) for method in _retried()], "retryPolicy": _RETRY_POLICY}],
        # Each failure takes a token, each success brings 0.1: below half of them nothing is retried.
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
    return json.dumps(config)


def _retried() -> Iterator[MethodDescriptor]:
    """The methods that are safe to repeat: reads, as the contract marks them, and _SAFE_WRITES."""
    for module in _SERVICES:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                is_read = method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
                if is_read or method.full_name in _SAFE_WRITES:
                    yield method


def _name(method: MethodDescriptor) -> dict[str, str]:
    return {"service": method.containing_service.full_name, "method": method.name}
