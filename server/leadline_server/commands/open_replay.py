"""OpenReplay: an operator replays past calls, with a limit of placeholders of its own."""

import uuid
from typing import Final

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.audit.acting import acting
from leadline_server.clock import Clock
from leadline_server.ports.ledger import Placeholders

_log: Final = structlog.get_logger(__name__)


class OpenReplay:
    """Opens replays. Each is logged, because its calls do not count against the account's limits."""

    def __init__(self, placeholders: Placeholders, clock: Clock) -> None:
        self._placeholders = placeholders
        self._clock = clock

    async def execute(self, account: Account, placeholder_limit: int) -> str:
        """The id of a new replay."""
        replay_id = uuid.uuid4().hex
        now = self._clock.now()
        await self._placeholders.open_replay(account.id, replay_id, placeholder_limit, now, acting())
        _log.warning("replay opened", account_id=account.id, placeholder_limit=placeholder_limit)
        return replay_id
