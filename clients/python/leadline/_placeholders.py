"""The part of the client for the placeholders that calls created, and for replays of past calls."""
# ruff: noqa: ASYNC109 - a timeout is the deadline of an RPC, which the server is told

from collections.abc import AsyncIterator

from leadline._connection import Connection
from leadline._messages import Time, timestamp
from leadline.v1.placeholder_service_pb2 import (
    ListPlaceholdersRequest,
    OpenReplayRequest,
    Placeholder,
    RemovePlaceholderRequest,
    RemovePlaceholderResponse,
)


class PlaceholderMethods:
    """Methods of `AsyncClient`."""

    _connection: Connection
    _account: str

    async def list_placeholders(
        self, *, start_time: Time | None = None, page_size: int = 0, timeout: float | None = None
    ) -> AsyncIterator[Placeholder]:
        """Placeholders that calls created since `start_time`, page after page as they are taken."""
        start = None if start_time is None else timestamp(start_time)
        request = ListPlaceholdersRequest(account_id=self._account, start_time=start, page_size=page_size)
        while True:
            page = await self._connection.ask(self._connection.stubs().placeholders.ListPlaceholders, request, timeout)
            for placeholder in page.placeholders:
                yield placeholder
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def remove_placeholder(
        self, contact_id: str, *, validate_only: bool = False, timeout: float | None = None
    ) -> RemovePlaceholderResponse:
        """Delete a placeholder that no one has touched; with `validate_only` only tell whether it would be deleted.

        Raises:
            NotFound: no call created a contact with this id, or it was removed before.
        """
        request = RemovePlaceholderRequest(account_id=self._account, contact_id=contact_id, validate_only=validate_only)
        return await self._connection.ask(self._connection.stubs().placeholders.RemovePlaceholder, request, timeout)

    async def open_replay(self, placeholder_limit: int, *, timeout: float | None = None) -> str:
        """Open a replay of past calls with its own limit of placeholders; returns the `replay_id` for its calls."""
        request = OpenReplayRequest(account_id=self._account, placeholder_limit=placeholder_limit)
        return (
            await self._connection.ask(self._connection.stubs().placeholders.OpenReplay, request, timeout)
        ).replay_id
