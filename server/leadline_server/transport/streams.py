"""Streams end when the caller leaves. When the server stops, it has to end them itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import grpc

from leadline_server.auth.call_head import Authenticated
from leadline_server.domain.errors import LeadlineError, ShuttingDown

_MESSAGE: Final = "The server is stopping. Try again in a moment; a watch continues from its last resume_token."


_TURN_SECONDS: Final = 0.02
_WRITES_AT_ONCE: Final = 2
"""How many stream messages are written at once. Thousands of watchers must not delay the answer to a call."""


CHECK_SECONDS: Final = 0.5
"""How often the credentials of open streams are checked again."""


class OpenStream:
    """A stream that is open.

    Args:
        who: the principal that opened it, with the credential; None while authentication is off.

    Attributes:
        error: why it has to end; None: it need not.
    """

    __slots__ = ("_scope", "error", "who")

    def __init__(self, who: Authenticated | None) -> None:
        self.who = who
        self.error: Exception | None = None
        self._scope: asyncio.Timeout | None = None

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait for the stream's next message in the body.

        Only the wait is interrupted, never a write. gRPC cannot send a status after an interrupted write.

        Raises:
            LeadlineError: the stream was ended, for this reason.
        """
        self._raise_error()
        try:
            async with asyncio.timeout(None) as scope:
                self._scope = scope
                try:
                    yield
                finally:
                    self._scope = None
        except TimeoutError:
            if scope.expired():
                self._raise_error()
            raise

    def _raise_error(self) -> None:
        if self.error is not None:
            raise self.error.with_traceback(None) from None  # many streams may share it

    def end(self, error: Exception) -> None:
        """End the stream with an error: now if it waits, else after its message is written."""
        if self.error is None:
            self.error = error
            if self._scope is not None:
                self._scope.reschedule(asyncio.get_running_loop().time())


class Streams:
    """The open streams of one server.

    Attributes:
        are_over: whether the server is stopping. Then new streams are refused.
    """

    def __init__(self) -> None:
        self._open: set[OpenStream] = set()
        self.are_over = False
        self._turns = asyncio.Semaphore(_WRITES_AT_ONCE)

    def refuse(self) -> NoReturn:
        """Raise ShuttingDown."""
        raise ShuttingDown(_MESSAGE)

    @asynccontextmanager
    async def opened(self, who: Authenticated | None) -> AsyncIterator[OpenStream]:
        """A new stream, which is open while the body runs. Raises ShuttingDown."""
        if self.are_over:
            self.refuse()
        stream = OpenStream(who)
        self._open.add(stream)
        try:
            yield stream
        finally:
            self._open.discard(stream)

    async def check(self, still: Callable[[Authenticated], Awaitable[None]]) -> None:
        """Check the credentials of all open streams twice a second, until cancelled. Streams are ended if it fails.

        Args:
            still: returns if a credential is still accepted. It is asked once for all streams of a credential.
        """
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            by_credential: dict[int, list[OpenStream]] = {}
            for stream in self._open:
                by_credential.setdefault(id(stream.who), []).append(stream)
            for streams in by_credential.values():
                await _check(streams, still)

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
        for stream in self._open:
            stream.end(ShuttingDown(_MESSAGE))


async def _check(streams: Sequence[OpenStream], still: Callable[[Authenticated], Awaitable[None]]) -> None:
    """Check the one credential of some streams. End them if it is refused now, or if the ledger cannot tell."""
    who = streams[0].who
    if who is None:
        return
    try:
        await still(who)
    except LeadlineError as error:
        for stream in streams:
            stream.end(error)


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
