"""Streams that last until the caller leaves: the server has to end them itself when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from leadline_server.domain.errors import ShuttingDown


class Streams:
    """The open streams of one server."""

    def __init__(self) -> None:
        self._open: set[asyncio.Timeout] = set()
        self._is_over = False

    @asynccontextmanager
    async def lasting(self) -> AsyncIterator[None]:
        """Run the body until it ends by itself, or until `end`.

        Raises:
            ShuttingDown: the streams were ended.
        """
        try:
            async with asyncio.timeout(0 if self._is_over else None) as scope:
                self._open.add(scope)
                try:
                    yield
                finally:
                    self._open.discard(scope)
        except TimeoutError:
            if not scope.expired():
                raise
            raise ShuttingDown("The server is stopping. Watch again with the last resume_token.") from None

    def end(self) -> None:
        """End every open stream, and every later one as soon as it begins."""
        self._is_over = True
        now = asyncio.get_running_loop().time()
        for scope in self._open:
            scope.reschedule(now)
