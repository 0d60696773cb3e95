"""ListCallLogs: the call logs of an account, newest first."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from leadline_server.commands.paging import DEFAULT_PAGE_SIZE, PageTokens
from leadline_server.domain.call_log import CallLog
from leadline_server.ports.ledger import CallLogFilter, CallLogs


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLogQuery:
    """Which call logs, and which page of them."""

    selection: CallLogFilter
    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class CallLogList:
    """One page of call logs, and the token of the next; empty on the last."""

    call_logs: Sequence[CallLog]
    next_page_token: str


class ListCallLogs:
    """Lists call logs."""

    def __init__(self, call_logs: CallLogs, page_tokens: PageTokens) -> None:
        self._call_logs = call_logs
        self._page_tokens = page_tokens

    async def execute(self, query: CallLogQuery) -> CallLogList:
        """Answer the query.

        Raises:
            InvalidPageToken: the token is of another query.
        """
        selection = repr(astuple(query.selection))
        after = self._position(selection, query.page_token)
        page = await self._call_logs.list(query.selection, after, query.page_size or DEFAULT_PAGE_SIZE)
        if page.next_position is None:
            return CallLogList(page.call_logs, "")
        time, call_id = page.next_position
        return CallLogList(page.call_logs, self._page_tokens.make(selection, f"{time}:{call_id}"))

    def _position(self, selection: str, token: str) -> tuple[int, str] | None:
        if not token:
            return None
        time, _, call_id = self._page_tokens.read(selection, token).partition(":")
        return int(time), call_id
