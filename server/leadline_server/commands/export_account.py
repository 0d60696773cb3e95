"""ExportAccount: all that leadline has of an account, but no secrets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from leadline_server.audit.acting import acting
from leadline_server.domain.audit import AuditAction, AuditEvent
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.directory import User
from leadline_server.domain.preferences import Preferences
from leadline_server.ports.ledger import AuditTrail, CallLogFilter, CallLogs, PreferenceStore, Users

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class SetPreferences:
    """The values that a user set."""

    user_id: str
    preferences: Preferences


ExportedItem = User | SetPreferences | CallLog


class ExportAccount:
    """Reads an account page by page, so that it is never in memory as a whole."""

    def __init__(self, users: Users, preferences: PreferenceStore, call_logs: CallLogs, audit: AuditTrail) -> None:
        self._users = users
        self._preferences = preferences
        self._call_logs = call_logs
        self._audit = audit

    async def execute(self, account_id: str) -> AsyncIterator[ExportedItem]:
        """The users, what users set, and the call logs, newest first. It is recorded in the audit trail before."""
        await self._audit.append([AuditEvent.of(acting(), account_id, AuditAction.ACCOUNT_EXPORTED, account_id)])
        after = ""
        while users := await self._users.list(account_id, after, _PAGE):
            for user in users:
                yield user
            after = users[-1].user_id
        after = ""
        while stored := await self._preferences.list(account_id, after, _PAGE):
            for user_id, preferences in stored:
                yield SetPreferences(user_id, preferences)
            after = stored[-1][0]
        async for log in self._logs(account_id):
            yield log

    async def _logs(self, account_id: str) -> AsyncIterator[CallLog]:
        selection, position = CallLogFilter(account_id=account_id), None
        while True:
            page = await self._call_logs.list(selection, position, _PAGE)
            for log in page.call_logs:
                yield log
            if page.next_position is None:
                return
            position = page.next_position
