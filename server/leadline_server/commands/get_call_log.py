"""GetCallLog: reads one call log."""

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import CallLogNotFound
from leadline_server.ports.ledger import CallKey, CallLogs


class GetCallLog:
    """Reads one call log."""

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs

    async def execute(self, key: CallKey) -> CallLog:
        """The call log. Raises CallLogNotFound if the call was never reported."""
        log = await self._call_logs.get(key)
        if log is None:
            raise CallLogNotFound(key.call_id)
        return log
