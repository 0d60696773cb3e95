"""Wrappers of the CRM port, one concern each. `crm.wrappers.stack` says in which order they stand."""

from leadline_server.crm.wrappers.batching import GatheringCrm
from leadline_server.crm.wrappers.cache import CachedCrm, CachePolicy
from leadline_server.crm.wrappers.deadline import BoundedCrm
from leadline_server.crm.wrappers.metrics import CrmMetrics, MeasuredCrm
from leadline_server.crm.wrappers.retry import RetryingCrm

__all__ = ["BoundedCrm", "CachePolicy", "CachedCrm", "CrmMetrics", "GatheringCrm", "MeasuredCrm", "RetryingCrm"]
