"""Quotas of accounts, and their use, in this process."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Final

UNKNOWN: Final = ""
"""Stands for all accounts that do not exist, or were not used since the start: they share one quota and one queue."""

_ROUNDING: Final = 1e-6
"""Seconds by which sums of many small times may be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The quotas of one account. 0 means no limit.

    Attributes:
        calls_per_second: calls a second; after a pause, a second's worth may come at once.
        bytes_per_minute: bytes of requests that write, a minute.
        in_flight_bytes: bytes of requests that are being answered or wait.
        watches: open watches.
        stored_bytes: bytes that the ledger keeps of it: call logs, remembered answers and preferences.
        waiting: calls that wait for their turn, at most. It has no "no limit".
    """

    calls_per_second: float = 5_000.0
    bytes_per_minute: int = 256 * 1024 * 1024
    in_flight_bytes: int = 64 * 1024 * 1024
    watches: int = 5_000
    stored_bytes: int = 64 * 1024 * 1024 * 1024
    waiting: int = 500


QUOTA_NAMES: Final = tuple(quota.name for quota in fields(Quotas))


class Allowance:
    """An allowance that fills again at a constant rate: a token bucket.

    Args:
        rate: units a second; 0 for no limit.
        most: units that can be saved up.
        now: the time in seconds.
    """

    __slots__ = ("_each", "_full_at", "_span")

    def __init__(self, rate: float, most: float, now: float) -> None:
        self._each = 1 / rate if rate else 0.0  # the seconds in which one unit comes back
        self._span = most * self._each
        self._full_at = now  # when all of it will be there again: the only state ("virtual scheduling", ITU-T I.371)

    def take(self, amount: float, now: float) -> float:
        """Take `amount` and return 0.0; or take nothing and return the seconds until there is enough.

        More than can ever be saved up is given when the allowance is full.
        """
        full_at = self._full_at
        seconds = amount * self._each
        if full_at <= now:
            self._full_at = now + seconds
            return 0.0
        lacking = full_at - now + min(seconds, self._span) - self._span
        if lacking > _ROUNDING:
            return lacking
        self._full_at = full_at + seconds
        return 0.0

    def give_back(self, amount: float) -> None:
        """Undo a `take` of `amount`."""
        self._full_at -= amount * self._each


class AccountUse:
    """The use of an account now.

    Attributes:
        quotas: what it may use.
        calls, written: its allowances of calls and of bytes.
        in_flight_bytes, watches: what it uses at this moment.
        most_in_flight: the most of `in_flight_bytes`.
        is_full: whether it stores as much as it may.
    """

    __slots__ = ("calls", "in_flight_bytes", "is_full", "key", "most_in_flight", "quotas", "watches", "written")

    def __init__(self, key: str, quotas: Quotas, now: float) -> None:
        self.key = key
        self.quotas = quotas
        self.calls = Allowance(quotas.calls_per_second, max(1.0, quotas.calls_per_second), now)
        self.written = Allowance(quotas.bytes_per_minute / 60, quotas.bytes_per_minute, now)
        self.in_flight_bytes = 0
        self.most_in_flight: float = quotas.in_flight_bytes or inf
        self.watches = 0
        self.is_full = False


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """The quotas of every account.

    Attributes:
        default: of accounts without their own.
        by_account: of single accounts, by id.
    """

    default: Quotas = Quotas()
    by_account: Mapping[str, Quotas] = field(default_factory=dict)

    def of(self, account_id: str) -> Quotas:
        """The quotas of one account."""
        return self.by_account.get(account_id, self.default)
