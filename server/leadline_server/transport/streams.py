"""Streams that last until the caller leaves: the server has to end them itself when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import grpc

from leadline_server.domain.errors import ShuttingDown

_MESSAGE: Final = "The server is stopping. Try again in a moment; a watch goes on from its last resume_token."


_TURN_SECONDS: Final = 0.02
_WRITES_AT_ONCE: Final = 2
"""Messages of streams under way at once. Thousands of watchers must not keep a call waiting that is to be answered."""


class Streams:
    """The open streams of one server.

    Attributes:
        are_over: whether the server is stopping. It takes nothing new then.
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

        Only waiting is interrupted, never a write: gRPC cannot send a status after a write that was given up.

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
        """End every stream that waits; the others end once their message is written."""
        self.are_over = True
        now = asyncio.get_running_loop().time()
        for scope in self._waiting:
            scope.reschedule(now)


class _Turn:
    """One message's turn. It ends by itself when the caller does not read: the others must not wait for that."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns: asyncio.Semaphore | None = turns
        self._limit = asyncio.get_running_loop().call_later(_TURN_SECONDS, self.end)

    def end(self) -> None:
        """Let the next message go, once."""
        if self._turns is not None:
            self._turns.release()
            self._turns = None
            self._limit.cancel()


async def write(context: "grpc.aio.ServicerContext[Any, Any]", message: Any) -> None:
    """Send a stream's next message.

    A write that fails means that the caller is gone. gRPC cancels the RPC then, but only after the write has failed.

    Raises:
        CancelledError: the caller is gone.
    """
    try:
        await context.write(message)
    except grpc.aio.InternalError as error:
        raise asyncio.CancelledError from error
