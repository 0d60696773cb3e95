"""The quotas of accounts: what each may use of one process, and of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final


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
