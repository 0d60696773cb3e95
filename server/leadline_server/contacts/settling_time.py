"""The time for which an empty lookup is not conclusive."""

from datetime import datetime, timedelta

from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger import Claimed


def unsettled_for(claimed: Claimed, capabilities: Capabilities, asked_at: datetime) -> timedelta:
    """How much longer an empty lookup is not conclusive, because an earlier creation may still show; zero: it is.

    Args:
        claimed: the claim.
        capabilities: of the CRM. If it enforces unique keys the time is zero: it is asked again with the same key.
        asked_at: when the empty lookup began.
    """
    if claimed.given_up is None or capabilities.enforces_unique_key:
        return timedelta(0)
    return max(timedelta(0), claimed.given_up + capabilities.settle_time + capabilities.search_lag - asked_at)
