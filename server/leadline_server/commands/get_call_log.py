"""GetCallLog: reads one call log."""

from leadline_server.domain.access.principals import Principal
from leadline_server.domain.access.rules import may_open
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import CallLogNotFound
from leadline_server.ports.ledger import CallKey, CallLogs


class GetCallLog:
    """Reads one call log."""

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs

    async def execute(self, key: CallKey, principal: Principal) -> CallLog:
        """The call log. Raises CallLogNotFound if the call was never reported, or is not the principal's to read."""
        log = await self._call_logs.get(key)
        if log is None or not may_open(principal, "GetCallLog", log.user_id, log.reporters):
            raise CallLogNotFound(key.call_id)
        return log
