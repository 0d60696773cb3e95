"""How the faulty CRM goes wrong: what can be switched on, and when it strikes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

GOOD_TOKEN: Final = "faulty-crm"


class Mode(StrEnum):
    """What happens to a request that is struck."""

    OK = "ok"
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After; nothing was done
    ERROR = "error"  # 500; nothing was done
    HANG = "hang"  # accepted, never answered; nothing was done
    ERROR_AFTER_COMMIT = "error_after_commit"  # 500; the write was done
    DROP_AFTER_COMMIT = "drop_after_commit"  # the connection is reset; the write was done
    HANG_AFTER_COMMIT = "hang_after_commit"  # never answered; the write was done


AFTER_COMMIT: Final = {Mode.ERROR_AFTER_COMMIT, Mode.DROP_AFTER_COMMIT, Mode.HANG_AFTER_COMMIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is switched on.

    Attributes:
        mode: what goes wrong: of writes for the modes after the commit, else of all requests.
        every: strikes each so-manieth of them.
        latency: seconds until a request is worked on; work goes on when the client is gone.
        write_latency: as many more until a write is.
        retry_after: seconds that a 429 asks for.
        index_lag: seconds until a search shows a new contact.
        refuses: nobody listens, and connections are cut.
        token: the bearer token that is good; with any other the answer is 401.
        unique_keys: a second write with one key makes nothing new.
        finds_logs: logs can be asked for by their key.
    """

    mode: Mode = Mode.OK
    every: int = 1
    latency: float = 0.0
    write_latency: float = 0.0
    retry_after: int = 1
    index_lag: float = 0.0
    refuses: bool = False
    token: str = GOOD_TOKEN
    unique_keys: bool = False
    finds_logs: bool = True


class Misbehaviour:
    """The faults in force, who is struck by them, and how many requests are under way, their clients gone or not."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.under_way = 0
        self._asked = 0
        self._changed = asyncio.Event()

    def change(self, faults: Faults) -> None:
        """From now on, `faults`; whoever hangs is let go, without an answer."""
        self.faults = faults
        self._asked = 0
        self._changed.set()
        self._changed = asyncio.Event()

    def strike(self, *, is_write: bool) -> Mode:
        """What happens to the request that came in just now."""
        mode = self.faults.mode
        if mode is Mode.OK or (mode in AFTER_COMMIT and not is_write):
            return Mode.OK
        self._asked += 1
        return mode if self._asked % self.faults.every == 0 else Mode.OK

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a request while it is worked on."""
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    async def hang(self) -> None:
        """Wait until other faults are in force. Nothing comes of a request that hangs: it is not under way."""
        self.under_way -= 1
        try:
            await self._changed.wait()
        finally:
            self.under_way += 1
