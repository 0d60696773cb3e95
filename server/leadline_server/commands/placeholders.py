"""ListPlaceholders and RemovePlaceholder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from leadline_server.accounts.registry import Account
from leadline_server.audit.acting import acting
from leadline_server.clock import Clock
from leadline_server.commands.paging import PageTokens
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import ContactNotFound
from leadline_server.domain.placeholder_bounds import MAX_CALLS_OF_REMOVED
from leadline_server.domain.placeholders import Placeholder, PlaceholderCheck, PlaceholderState
from leadline_server.domain.removal import calls_check, contact_check, contact_removed
from leadline_server.ports.crm import ContactDeleter, ContactUse
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogs, Placeholders

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CHECKS: Final = {
    ContactUse.UNUSED: PlaceholderCheck(PlaceholderState.UNTOUCHED, "No one has touched it."),
    ContactUse.USED: PlaceholderCheck(
        PlaceholderState.TOUCHED, "Not removed: the CRM shows an edit or another activity."
    ),
    ContactUse.UNKNOWN: PlaceholderCheck(
        PlaceholderState.UNKNOWN, "Not removed: the CRM does not show whether it was edited or has other activity."
    ),
}
_CANNOT_DELETE: Final = PlaceholderCheck(
    PlaceholderState.UNKNOWN, "Not removed: leadline cannot delete contacts of this CRM."
)
_GONE: Final = PlaceholderCheck(PlaceholderState.GONE, "The CRM does not have it any more.")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PlaceholderList:
    """One page of placeholders, and the token of the next; empty on the last."""

    placeholders: Sequence[Placeholder]
    next_page_token: str


class ListPlaceholders:
    """Lists the placeholders that calls created, by their creation."""

    def __init__(self, placeholders: Placeholders, page_tokens: PageTokens) -> None:
        self._placeholders = placeholders
        self._page_tokens = page_tokens

    async def execute(
        self, account: Account, start_time: datetime | None, page_size: int, page_token: str
    ) -> PlaceholderList:
        """Answer a page. Raises InvalidPageToken."""
        since = start_time or _FIRST
        selection = f"{account.id} {since.isoformat()}"
        after = self._position(selection, page_token) if page_token else (since, "")
        found = await self._placeholders.list(account.id, after, page_size + 1)
        if len(found) <= page_size:
            return PlaceholderList(found, "")
        page, last = found[:page_size], found[page_size - 1]
        return PlaceholderList(
            page, self._page_tokens.make(selection, f"{last.create_time.isoformat()} {last.contact_id}")
        )

    def _position(self, selection: str, token: str) -> tuple[datetime, str]:
        time, _, contact_id = self._page_tokens.read(selection, token).partition(" ")
        return datetime.fromisoformat(time), contact_id


class RemovePlaceholder:
    """Deletes a placeholder that no one has touched, and marks the logs of its calls."""

    def __init__(self, placeholders: Placeholders, call_logs: CallLogs, clock: Clock) -> None:
        self._placeholders = placeholders
        self._call_logs = call_logs
        self._clock = clock

    async def execute(self, account: Account, contact_id: str, *, validate_only: bool) -> PlaceholderCheck:
        """Remove the placeholder if it is UNTOUCHED, and return its state. A repetition after a crash completes it.

        Raises:
            ContactNotFound: no call created a contact with this id, or it was removed before.
            CrmError: cannot tell, or the contact may have been deleted.
        """
        placeholder = await self._placeholders.get(account.id, contact_id)
        if placeholder is None:
            raise ContactNotFound(contact_id)
        check = await self._check(account, placeholder, only_check=validate_only)
        if not validate_only and check.state in (PlaceholderState.UNTOUCHED, PlaceholderState.GONE):
            await self._mark(account, placeholder)
            await self._placeholders.forget(account.id, contact_id, acting())
            _log.info("placeholder removed", account_id=account.id, contact_id=contact_id, state=check.state.name)
        return check

    async def _check(self, account: Account, placeholder: Placeholder, *, only_check: bool) -> PlaceholderCheck:
        """The state; an UNTOUCHED placeholder is deleted, unless `only_check`."""
        contact = await account.crm.get_contact(placeholder.contact_id)
        if contact is None:
            return _GONE
        logs = await self._logs(account, placeholder)
        touched = contact_check(placeholder, contact, account.rules) or calls_check(logs, MAX_CALLS_OF_REMOVED)
        if touched is not None:
            return touched
        crm = account.crm
        if not account.capabilities.deletes_contacts or not isinstance(crm, ContactDeleter):
            return _CANNOT_DELETE
        log_ids = [log.crm_log_id for log in logs if log.crm_log_id]
        return _CHECKS[await crm.delete_contact(placeholder.contact_id, log_ids, only_check=only_check)]

    async def _mark(self, account: Account, placeholder: Placeholder) -> None:
        """Say in the logs of its calls that the placeholder is gone."""
        now = self._clock.now()
        for log in await self._logs(account, placeholder):
            mark = partial(_marked, placeholder=placeholder, now=now)
            await self._call_logs.change(CallKey(account.id, log.call_id), mark)

    async def _logs(self, account: Account, placeholder: Placeholder) -> Sequence[CallLog]:
        selection = CallLogFilter(account_id=account.id, contact_id=placeholder.contact_id)
        return (await self._call_logs.list(selection, None, MAX_CALLS_OF_REMOVED + 1)).call_logs


def _marked(log: CallLog | None, *, placeholder: Placeholder, now: datetime) -> CallLog:
    if log is None:
        raise LookupError("a call log vanished while its placeholder was removed")
    return contact_removed(log, placeholder, now)
