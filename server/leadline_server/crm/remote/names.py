"""Fixed names of the adapter contract (`leadline/adapter/v1/adapter_service.proto`)."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor
from leadline.adapter.v1 import adapter_service_pb2

from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmInvalidCursor,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmTooMuch,
    CrmUnavailable,
)
from leadline_server.ports.crm_guarantees import CrmMethod

SERVICE: Final[ServiceDescriptor] = adapter_service_pb2.DESCRIPTOR.services_by_name["AdapterService"]

METHODS: Final = {"".join(part.capitalize() for part in method.split("_")): method for method in CrmMethod}
"""The port's methods by the names of their RPCs, such as `CreateCallLog`."""

DOMAIN: Final = "leadline.adapter"
"""`ErrorInfo.domain` of an adapter's errors."""

DETAILS_KEY: Final = "grpc-status-details-bin"
"""Trailing metadata with a google.rpc.Status, by gRPC's convention."""

REASON_KEY: Final = "leadline-reason"
"""Trailing metadata: the reason, for adapters that send no google.rpc.Status."""

RETRY_AFTER_KEY: Final = "leadline-retry-after"
"""Trailing metadata: the delay in seconds, for such adapters."""

TOKEN_KEY: Final = "authorization"  # noqa: S105 - the name of a header
"""Metadata of every request if the settings have a token: `Bearer TOKEN` (RFC 6750)."""

TOO_MUCH: Final = "CRM_TOO_MUCH"
"""The reason of CrmTooMuch. Callers of leadline get CRM_UNAVAILABLE for it."""

REASONS: Final[Mapping[str, type[CrmError]]] = {
    kind.reason.value: kind
    for kind in (CrmUnavailable, CrmRateLimited, CrmRejected, CrmInvalidCursor, CrmAuthFailed, CrmOutcomeUnknown)
} | {TOO_MUCH: CrmTooMuch}
"""The error of each reason."""
