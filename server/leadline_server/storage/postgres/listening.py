"""Waking other processes by LISTEN and NOTIFY. A wake-up says that there may be news; the ledger is asked for it.

NOTIFY takes a lock that all databases of the server share until its commit, so it is never part of a transaction that
does anything else, and wake-ups that come quickly one after the other are one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.connecting import Connector

_CHANNEL: Final = "leadline"
_PAUSE_SECONDS: Final = 0.02
_AGAIN_SECONDS: Final = 1.0
_ALIVE_SECONDS: Final = 10.0

_log = structlog.get_logger(__name__)


class WakeUps:
    """A connection of its own that hears wake-ups of other processes, and sends this one's.

    A lost connection is made again. Meanwhile nothing is missed but the speed: everything is asked for from time to
    time, too.
    """

    def __init__(self, address: PostgresAddress, on_news: Callable[[], object]) -> None:
        self._connector = Connector(address, address.direct or address.url)
        self._on_news = on_news
        self._has_news = asyncio.Event()
        self._is_lost = asyncio.Event()

    def send(self) -> None:
        """Wake the others soon."""
        self._has_news.set()

    async def run(self) -> None:
        """Listen and send until cancelled."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - it connects again; watchers poll meanwhile
                _log.warning("wake-ups paused; trying again", error=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _listen(self) -> None:
        connection: Any = await self._connector.connect()
        try:
            self._is_lost.clear()
            connection.add_termination_listener(lambda _: self._is_lost.set())
            await connection.add_listener(_CHANNEL, self._hear)
            self._on_news()  # for changes from before it listened
            while not self._is_lost.is_set():
                await self._send_next(connection)
        finally:
            with suppress(Exception):
                await connection.close(timeout=_AGAIN_SECONDS)

    async def _send_next(self, connection: Any) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_ALIVE_SECONDS):
                await self._has_news.wait()
        if not self._has_news.is_set():
            await connection.execute("SELECT 1", timeout=_ALIVE_SECONDS)  # finds out whether the server is there
            return
        self._has_news.clear()
        await connection.execute(f"NOTIFY {_CHANNEL}", timeout=_ALIVE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)

    def _hear(self, connection: Any, sender: int, *_: object) -> None:
        if sender != connection.get_server_pid():
            self._on_news()
