"""GetCallLog: where one call stands."""

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import CallLogNotFound
from leadline_server.ports.ledger import CallKey, CallLogs


class GetCallLog:
    """Reads one call log."""

    def __init__(self, registry: AccountRegistry, call_logs: CallLogs) -> None:
        self._registry = registry
        self._call_logs = call_logs

    async def execute(self, key: CallKey) -> CallLog:
        """The call log.

        Raises:
            AccountNotFound: there is no such account.
            CallLogNotFound: the call was never reported.
        """
        log = await self._call_logs.get(key)
        if log is None:
            await self._registry.get(key.account_id)
            raise CallLogNotFound(key.call_id)
        return log
