"""Wrappers of the CRM port, one concern each. `crm.wrapping` says in which order they stand."""

from leadline_server.crm.wrappers.bounded import BoundedCrm
from leadline_server.crm.wrappers.cached import CachedCrm, CachePolicy
from leadline_server.crm.wrappers.gathering import GatheringCrm
from leadline_server.crm.wrappers.measured import CrmMetrics, MeasuredCrm
from leadline_server.crm.wrappers.retrying import RetryingCrm
from leadline_server.crm.wrappers.spelled import SpelledCrm

__all__ = [
    "BoundedCrm",
    "CachePolicy",
    "CachedCrm",
    "CrmMetrics",
    "GatheringCrm",
    "MeasuredCrm",
    "RetryingCrm",
    "SpelledCrm",
]
