"""Takes each placeholder that a call creates from the limits, and raises one alarm when a limit is reached."""

from collections import Counter
from typing import Final

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.contacts.number_claims import HeldClaim
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.decision import CreatePlaceholder
from leadline_server.domain.placeholders import LimitReached, Reservation, limits_of

_log: Final = structlog.get_logger(__name__)


class PlaceholderBudget:
    """The limits of placeholders. The ledger counts, for all processes.

    Attributes:
        refused: how many calls this process left UNLOGGED because of a limit, by account.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()

    async def reserve(
        self, claim: HeldClaim, account: Account, log: CallLog, wanted: CreatePlaceholder
    ) -> LimitReached | None:
        """Take a placeholder from the limits of the call; None: it is taken. Of an hour, the first refusal is logged.

        Raises:
            CrmUnavailable: the claim ran out.
        """
        reservation = Reservation(
            name=wanted.name,
            contact_type=wanted.contact_type,
            phone_number=wanted.number.e164,
            limits=limits_of(account.settings, log.user_id, log.call.attestation),
            replay_id=log.replay_id,
        )
        reached = await claim.reserve(reservation)
        if reached is not None:
            self.refused[account.id] += 1
            if reached.is_first:
                _log.warning(
                    "limit of placeholders reached; calls of unknown callers stay unlogged",
                    account_id=account.id,
                    scope=reached.scope.partition(":")[0],
                    limit=reached.limit,
                    period=reached.period,
                )
        return reached
