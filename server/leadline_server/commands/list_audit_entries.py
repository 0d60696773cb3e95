"""ListAuditEntries: who changed what, page by page."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from leadline_server.commands.paging import PageTokens
from leadline_server.domain.audit import AuditFilter
from leadline_server.domain.audit_chain import Anchor, ChainedEntry
from leadline_server.ports.ledger import AuditTrail


@dataclass(frozen=True, slots=True)
class AuditEntryList:
    """One page of entries.

    Attributes:
        entries: in the order of their sequences. A page before the last may have few, or none.
        start, end: the last pruned entry of the account's chain, and its last entry.
        next_page_token: empty on the last page.
    """

    entries: Sequence[ChainedEntry]
    start: Anchor
    end: Anchor
    next_page_token: str


class ListAuditEntries:
    """Lists the entries of one account.

    Args:
        trail: the ledger's audit trail.
        tokens: makes page tokens.
        chain: chains the entries that wait. It is asked for accounts that have none yet: an account that was created
            and deleted a moment ago.
    """

    def __init__(self, trail: AuditTrail, tokens: PageTokens, chain: Callable[[], Awaitable[None]]) -> None:
        self._trail = trail
        self._tokens = tokens
        self._chain = chain

    async def execute(self, account_id: str, among: AuditFilter, page_size: int, page_token: str) -> AuditEntryList:
        """A page of entries. An empty `account_id` means those of no account. Raises InvalidPageToken."""
        selection = json.dumps([account_id, str(among.start), str(among.end), among.action])
        after = int(self._tokens.read(selection, page_token)) if page_token else 0
        start, end = await self._trail.ends(account_id)
        if not end.sequence:
            await self._chain()
            start, end = await self._trail.ends(account_id)
        page = await self._trail.find(account_id, after, page_size, among)
        more = "" if page.next_after is None else self._tokens.make(selection, str(page.next_after))
        return AuditEntryList(page.entries, start, end, more)
