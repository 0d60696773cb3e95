"""Whether the ledger of this server is a restored copy, and since when it is the live one."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import CopyMark, CopyState

ASK_SECONDS: Final = 1.0
"""How often a standby asks its ledger whether it is the live one, in seconds."""

_NEVER_RESTORED: Final = CopyState()

_log = structlog.get_logger(__name__)


class CopyWatch:
    """The state of the ledger, read at the start, and again and again while it is a standby."""

    def __init__(self, mark: CopyMark, state: CopyState) -> None:
        self._mark = mark
        self._state = state

    @property
    def was_restored(self) -> bool:
        """Whether the ledger is a restored copy, a standby or a live one. It is the same until this process ends."""
        return self._state != _NEVER_RESTORED

    def is_standby(self) -> bool:
        """Whether this server must not write to a CRM."""
        return self._state.is_standby

    def may_lack(self, log: CallLog) -> bool:
        """Whether a call that is new in this ledger may be in the CRM already."""
        return self._state.may_lack(log.call.start_time)

    async def run(self) -> None:
        """Return when the ledger is no standby."""
        if self._state.is_standby:
            _log.warning(
                "this copy is a standby: it writes to no CRM",
                detail="leadline restore --live makes this copy the live one.",
            )
        while self._state.is_standby:
            await asyncio.sleep(ASK_SECONDS)
            with suppress(LedgerUnavailable):
                self._state = await self._mark.state()
                if not self._state.is_standby:
                    _log.info("this copy is live")
