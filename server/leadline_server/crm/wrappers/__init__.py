"""Wrappers of the CRM port, one concern each. `crm.wrappers.stack` says in which order they stand."""

from leadline_server.crm.wrappers.batching import BatchingCrm
from leadline_server.crm.wrappers.cache import CacheCrm, CachePolicy
from leadline_server.crm.wrappers.deadline import DeadlineCrm
from leadline_server.crm.wrappers.metrics import CrmMetrics, MetricsCrm
from leadline_server.crm.wrappers.retry import RetryCrm

__all__ = ["BatchingCrm", "CacheCrm", "CachePolicy", "CrmMetrics", "DeadlineCrm", "MetricsCrm", "RetryCrm"]
