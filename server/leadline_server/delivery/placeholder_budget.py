"""Takes each placeholder that a call creates from the limits, and raises one alarm when a limit is reached."""

from collections import Counter
from typing import Final, Protocol

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.placeholders import LimitReached, Reservation, limits_of
from leadline_server.domain.situation import CreatePlaceholder

_log: Final = structlog.get_logger(__name__)


class CountsPlaceholders(Protocol):
    """Counts the placeholders of attempts."""

    def create(self) -> None:
        """Count a placeholder that was created."""
        ...

    def refuse(self, account_id: str, reached: LimitReached) -> None:
        """Count a call that is left UNLOGGED because of a limit."""
        ...


def reservation(account: Account, log: CallLog, wanted: CreatePlaceholder) -> Reservation:
    """The reservation for the placeholder of a call."""
    return Reservation(
        name=wanted.name,
        phone_number=wanted.number.e164,
        limits=limits_of(account.settings, log.user_id, log.call.attestation),
        replay_id=log.replay_id,
        user_id=log.user_id,
        call_id=log.call_id,
    )


class PlaceholderBudget:
    """The limits of placeholders. The ledger counts, for all processes.

    Attributes:
        refused: how many calls this process left UNLOGGED because of a limit, by account.
        created: how many placeholders this process created.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.created = 0

    def create(self) -> None:
        """Count a placeholder that was created."""
        self.created += 1

    def refuse(self, account_id: str, reached: LimitReached) -> None:
        """Count a call that is left UNLOGGED. The first one of an hour is logged."""
        self.refused[account_id] += 1
        if reached.is_first:
            _log.warning(
                "limit of placeholders reached; calls of unknown callers stay unlogged",
                account_id=account_id,
                scope=reached.scope.partition(":")[0],
                limit=reached.limit,
                period=reached.period,
            )
