"""An event loop in a thread of its own, for callers that have none."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from leadline._connection import closed

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event
    thread: threading.Thread
    process_id: int


class LoopThread:
    """Runs coroutines for any number of threads. Its own thread starts with the first one, and is a daemon."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._is_closed = False

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        """Wait for the coroutine's result; an exception here, such as KeyboardInterrupt, cancels it.

        Raises:
            Cancelled: the loop is closed, or was while it ran.
            RuntimeError: the process was forked since the loop started, or the loop itself calls.
        """
        try:
            with self._lock:
                running = self._start()
        except BaseException:
            coroutine.close()
            raise
        return _wait(asyncio.run_coroutine_threadsafe(coroutine, running.loop))

    def close(self, farewell: Coroutine[Any, Any, None]) -> None:
        """Run `farewell` as the last, then end the thread. Closing twice does nothing."""
        with self._lock:
            running, self._running = self._running, None
            self._is_closed = True
        if running is None or running.process_id != os.getpid():
            farewell.close()
            return
        _wait(asyncio.run_coroutine_threadsafe(farewell, running.loop))
        running.loop.call_soon_threadsafe(running.stopping.set)
        running.thread.join()

    def _start(self) -> _Running:
        if self._is_closed:
            raise closed()
        if self._running is None:
            started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
            thread = threading.Thread(target=_serve, args=(started,), name="leadline-client", daemon=True)
            thread.start()
            self._running = _Running(*started.result(), thread, os.getpid())
        if self._running.process_id != os.getpid():
            raise RuntimeError("This client was used before the process forked; make a new one in each process.")
        if self._running.thread is threading.current_thread():
            raise RuntimeError("A metadata hook cannot wait for the client that asks it.")
        return self._running


def _serve(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    async def until_stopped() -> None:
        stopping = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stopping))
        await stopping.wait()

    asyncio.run(until_stopped())


def _wait(future: Future[_Result]) -> _Result:
    try:
        return future.result()
    except CancelledError as error:
        raise closed() from error
    except BaseException:
        future.cancel()
        raise
