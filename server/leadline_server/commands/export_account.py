"""ExportAccount: what leadline has of an account, but no secrets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from leadline_server.audit.acting import acting
from leadline_server.domain.access.principals import ApiKey
from leadline_server.domain.audit import AuditAction, AuditEvent
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.contact import Contact
from leadline_server.domain.directory import User
from leadline_server.domain.preferences import Preferences
from leadline_server.ports.crm import ContactPage
from leadline_server.ports.embedded_contents import EmbeddedCallLog, EmbeddedCallLogPage, EmbeddedContents
from leadline_server.ports.ledger import AuditTrail, CallLogFilter, CallLogs, PreferenceStore, Users
from leadline_server.ports.ledger.credentials import Credentials

_PAGE: Final = 200

Page = TypeVar("Page", ContactPage, EmbeddedCallLogPage)


@dataclass(frozen=True, slots=True)
class SetPreferences:
    """The values that a user set."""

    user_id: str
    preferences: Preferences


ExportedItem = ApiKey | User | SetPreferences | Contact | EmbeddedCallLog | CallLog


class ExportAccount:
    """Reads an account page by page, so that it is never in memory as a whole.

    Args:
        credentials: the ledger's keys.
        users: the ledger's users.
        preferences: what users set.
        embedded: the embedded CRM.
        call_logs: the ledger's call logs.
        audit: records the export.
    """

    def __init__(
        self,
        credentials: Credentials,
        users: Users,
        preferences: PreferenceStore,
        embedded: EmbeddedContents,
        call_logs: CallLogs,
        audit: AuditTrail,
    ) -> None:
        self._credentials = credentials
        self._embedded = embedded
        self._users = users
        self._preferences = preferences
        self._call_logs = call_logs
        self._audit = audit

    async def execute(self, account_id: str) -> AsyncIterator[ExportedItem]:
        """The keys, the users, what users set, what the embedded CRM has, and the call logs, newest first.

        It is recorded in the audit trail before. Raises CrmUnavailable if the embedded CRM cannot be read.
        """
        await self._audit.append([AuditEvent.of(acting(), account_id, AuditAction.ACCOUNT_EXPORTED, account_id)])
        for read in (self._keys, self._set_by_users, self._contacts, self._embedded_logs, self._logs):
            async for item in read(account_id):
                yield item

    async def _keys(self, account_id: str) -> AsyncIterator[ApiKey]:
        after = ""
        while keys := await self._credentials.list(account_id, after, _PAGE):
            for key in keys:
                yield key
            after = keys[-1].key_id

    async def _set_by_users(self, account_id: str) -> AsyncIterator[User | SetPreferences]:
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

    async def _contacts(self, account_id: str) -> AsyncIterator[Contact]:
        async for page in _pages(self._embedded.contacts, account_id):
            for contact in page.contacts:
                yield contact

    async def _embedded_logs(self, account_id: str) -> AsyncIterator[EmbeddedCallLog]:
        async for page in _pages(self._embedded.call_logs, account_id):
            for log in page.call_logs:
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


async def _pages(read: Callable[[str, str], Awaitable[Page]], account_id: str) -> AsyncIterator[Page]:
    """The pages of an account's rows in the embedded CRM: the first one always, the others by their cursors."""
    page = await read(account_id, "")
    yield page
    while page.next_cursor:
        page = await read(account_id, page.next_cursor)
        yield page
