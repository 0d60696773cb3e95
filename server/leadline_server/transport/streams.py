"""Streams end when the caller leaves. When the server stops, it has to end them itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import grpc

from leadline_server.domain.errors import ShuttingDown

_MESSAGE: Final = "The server is stopping. Try again in a moment; a watch goes on from its last resume_token."


_TURN_SECONDS: Final = 0.02
_WRITES_AT_ONCE: Final = 2
"""How many stream messages are written at once. Thousands of watchers must not delay the answer to a call."""


class Streams:
    """The open streams of one server.

    Attributes:
        are_over: whether the server is stopping. Then new streams are refused.
    """

    def __init__(self) -> None:
        self._waiting: set[asyncio.Timeout] = set()
        self.are_over = False
        self._turns = asyncio.Semaphore(_WRITES_AT_ONCE)

    def refuse(self) -> NoReturn:
        """Raise ShuttingDown."""
        raise ShuttingDown(_MESSAGE)

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait for a stream's next message in the body.

        Only the wait is interrupted, never a write. gRPC cannot send a status after an interrupted write.

        Raises:
            ShuttingDown: the streams were ended.
        """
        if self.are_over:
            self.refuse()
        try:
            async with asyncio.timeout(None) as scope:
                self._waiting.add(scope)
                try:
                    yield
                finally:
                    self._waiting.discard(scope)
        except TimeoutError:
            if not scope.expired():
                raise
            raise ShuttingDown(_MESSAGE) from None

    async def write(self, context: "grpc.aio.ServicerContext[Any, Any]", message: Any) -> None:
        """Send a stream's next message when it is its turn. Raises as `write` does."""
        await self._turns.acquire()
        turn = _Turn(self._turns)
        try:
            await write(context, message)
        finally:
            turn.end()

    def end(self) -> None:
        """End all streams that wait. The others end after their message is written."""
        self.are_over = True
        now = asyncio.get_running_loop().time()
        for scope in self._waiting:
            scope.reschedule(now)


class _Turn:
    """One message's turn. It also ends after a time limit: a caller that does not read must not delay the others."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns: asyncio.Semaphore | None = turns
        self._limit = asyncio.get_running_loop().call_later(_TURN_SECONDS, self.end)

    def end(self) -> None:
        """End the turn, so that the next message is written. A second call does nothing."""
        if self._turns is not None:
            self._turns.release()
            self._turns = None
            self._limit.cancel()


async def write(context: "grpc.aio.ServicerContext[Any, Any]", message: Any) -> None:
    """Send a stream's next message.

    A failed write means that the caller is gone. gRPC cancels the RPC only after the write has failed.

    Raises:
        CancelledError: the caller is gone.
    """
    try:
        await context.write(message)
    except grpc.aio.InternalError as error:
        raise asyncio.CancelledError from error
