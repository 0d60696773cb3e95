"""The fields of a call log that its leases and its delivery's attempts change together."""

from datetime import datetime
from typing import TypedDict


class LeaseFields(TypedDict):
    """The fields that say which process has the call, and when the call is due."""

    lease_owner: str
    lease_until: datetime | None
    next_attempt_time: datetime | None


class DueFields(LeaseFields):
    """The fields of a call that is due."""

    pending_since: datetime
    attempts: int
    last_error: str
