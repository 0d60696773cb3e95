"""The model's clock."""

from datetime import datetime, timedelta

from faults.model.facts import T0


class StandingClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = T0 + timedelta(days=30)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()
