"""Wrappers of the CRM port, one concern each. `stack.py` shows their order."""

from leadline_server.crm.wrappers.batching import BatchingCrm
from leadline_server.crm.wrappers.cache import CacheCrm, CachePolicy
from leadline_server.crm.wrappers.circuit_breaker import CircuitBreakerCrm
from leadline_server.crm.wrappers.deadline import DeadlineCrm
from leadline_server.crm.wrappers.metrics import CrmMetrics, MetricsCrm
from leadline_server.crm.wrappers.rate_limit import RateLimitCrm
from leadline_server.crm.wrappers.retry import RetryCrm

__all__ = [
    "BatchingCrm",
    "CacheCrm",
    "CachePolicy",
    "CircuitBreakerCrm",
    "CrmMetrics",
    "DeadlineCrm",
    "MetricsCrm",
    "RateLimitCrm",
    "RetryCrm",
]
