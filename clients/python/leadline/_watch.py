"""Watching call logs, over restarts of the server and lost connections."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import grpc

from leadline import errors
from leadline._connection import translated
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_log_service_pb2 import WatchCallLogsRequest, WatchCallLogsResponse

Stream = grpc.aio.UnaryStreamCall[WatchCallLogsRequest, WatchCallLogsResponse]

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0
_TOO_SLOW: Final = "WATCHER_TOO_SLOW"


class CallLogWatch:
    """Call logs as they change, an asynchronous iterator; it begins with the first step, or with `start`.

    Every change comes at least once, in the order in which they were stored; after a resume some come again, and
    `revision` tells. When the server cannot be reached, or ended the stream, the watch goes on by itself from the last
    token; the pauses grow from 0.2 to 10 seconds, with jitter.

    Args:
        connect: opens the stream after a resume token.
        resume_token: where to begin; empty: from now on.
        answer_seconds: how long the stream's first message may take.
        give_up_after: seconds without any message from the server, of tries that fail, after which the last error is
            raised. The watch can then be asked again, and goes on where it was.
        is_closed: whether the client was closed. A stream that ends CANCELLED without that was on a connection that
            another one replaced.
    """

    def __init__(
        self,
        connect: Callable[[str], Awaitable[Stream]],
        resume_token: str,
        answer_seconds: float,
        give_up_after: float,
        is_closed: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connect = connect
        self._resume_token = resume_token
        self._answer_seconds = answer_seconds
        self._give_up_after = give_up_after
        self._is_closed = is_closed
        self._stream: Stream | None = None
        self._pending: deque[CallLog] = deque()
        self._pending_token = ""
        self._failures = 0
        self._failing_since: float | None = None

    @property
    def resume_token(self) -> str:
        """Where to go on so that nothing is missed after the call log that was returned last.

        Several call logs may have come in one message, which has one token: until the last of them was returned, going
        on from here brings those that were returned once more. Empty: the watch has not begun.
        """
        return self._resume_token

    async def start(self) -> None:
        """Return once the server watches: whatever changes from then on will come. A loop does it by itself.

        Raises:
            LeadlineError: as a step does.
        """
        if self._stream is None and not self._pending:
            self._take(await self._next())

    def __aiter__(self) -> "CallLogWatch":
        return self

    async def __anext__(self) -> CallLog:
        """The next change.

        Raises:
            LeadlineError: the server refuses the watch, or could not be reached for too long.
        """
        while not self._pending:
            self._take(await self._next())
        log = self._pending.popleft()
        if not self._pending:
            self._resume_token = self._pending_token
        return log

    async def aclose(self) -> None:
        """End the stream. A later step begins it again, after the last call log that was returned."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()

    def _take(self, response: WatchCallLogsResponse) -> None:
        """A message's call logs wait to be returned; its token holds when the last of them was."""
        self._pending.extend(response.call_logs)
        if response.HasField("call_log"):  # from a server that knows no other way
            self._pending.append(response.call_log)
        if self._pending:
            self._pending_token = response.resume_token
        else:
            self._resume_token = response.resume_token

    async def _next(self) -> WatchCallLogsResponse:
        """The next message, over as many streams as it takes."""
        while True:
            try:
                response = await self._read()
            except (errors.Unavailable, errors.DeadlineExceeded, errors.ResourceExhausted) as error:
                await self._pause(error)
            except errors.Cancelled as error:
                if self._is_closed():
                    raise
                await self._pause(error)
            else:
                self._failures, self._failing_since = 0, None
                return response

    async def _read(self) -> WatchCallLogsResponse:
        is_first = self._stream is None
        try:
            if self._stream is None:
                self._stream = await self._connect(self._resume_token)
            async with asyncio.timeout(self._answer_seconds if is_first else None):
                return await _message(self._stream)
        except TimeoutError as error:
            await self.aclose()
            raise errors.DeadlineExceeded(
                grpc.StatusCode.DEADLINE_EXCEEDED, message="The server does not answer."
            ) from error
        except BaseException:  # a cancelled read has ended its stream, too
            await self.aclose()
            raise

    async def _pause(self, error: errors.LeadlineError) -> None:
        """Wait before the next try; raises the error if another try cannot help, or has not for too long."""
        if isinstance(error, errors.ResourceExhausted) and error.reason != _TOO_SLOW:
            raise error
        now = asyncio.get_running_loop().time()
        since = now if self._failing_since is None else self._failing_since
        grown = _FIRST_PAUSE * 2 ** min(self._failures, 10)
        pause = min(_LONGEST_PAUSE, max(grown, error.retry_delay or 0)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        if now + pause - since > self._give_up_after:
            self._failures, self._failing_since = 0, None
            raise error
        self._failures, self._failing_since = self._failures + 1, since
        await asyncio.sleep(pause)


async def _message(stream: Stream) -> WatchCallLogsResponse:
    with translated():
        response = await stream.read()
    if isinstance(response, WatchCallLogsResponse):
        return response
    # A stream of changes has no end of its own: something between here and the server ended it.
    raise errors.Unavailable(grpc.StatusCode.UNAVAILABLE, message="The stream ended.")
