"""How a fake CRM goes wrong: what can be switched on, and when it strikes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

GOOD_TOKEN: Final = "good-token"


class Mode(StrEnum):
    """The fate of an affected request."""

    OK = "ok"
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After; nothing was done
    ERROR = "error"  # 500; nothing was done
    UNAVAILABLE = "unavailable"  # 503; nothing was done
    UNAUTHORIZED = "unauthorized"  # 401; nothing was done
    FORBIDDEN = "forbidden"  # 403; nothing was done
    NOT_FOUND = "not_found"  # 404; nothing was done
    CONFLICT = "conflict"  # 409; nothing was done
    UNPROCESSABLE = "unprocessable"  # 422; nothing was done
    TELLTALE = "telltale"  # 422, in words that repeat the request and its token; nothing was done
    HANG = "hang"  # accepted, never answered; nothing was done
    HTML = "html"  # 200 with a page for people, as a proxy or a portal shows; nothing was done
    REDIRECT = "redirect"  # 302 to another host; nothing was done
    GARBAGE = "garbage"  # 200 with bytes that are no JSON; the request was done
    TRUNCATED = "truncated"  # 200, cut off before its Content-Length; the request was done
    ERROR_AFTER_COMMIT = "error_after_commit"  # 500; the write was done
    DROP_AFTER_COMMIT = "drop_after_commit"  # the connection is reset; the write was done
    HANG_AFTER_COMMIT = "hang_after_commit"  # never answered; the write was done


AFTER_COMMIT: Final = frozenset({Mode.ERROR_AFTER_COMMIT, Mode.DROP_AFTER_COMMIT, Mode.HANG_AFTER_COMMIT})
"""Faults of writes only."""

DONE: Final = AFTER_COMMIT | {Mode.OK, Mode.GARBAGE, Mode.TRUNCATED}
"""Where the request is carried out, whatever the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The faults that are switched on. A vendor's fake may have a subclass with switches of its own.

    Attributes:
        mode: what goes wrong: of writes for the modes after the commit, else of all requests.
        every: strikes each so-manieth of them.
        after: lets so many of them through first.
        only: strikes nothing but reads, or writes.
        path: strikes nothing but requests with this in their path.
        latency: seconds until a request is worked on; work goes on when the client is gone.
        write_latency: as many more until a write is.
        retry_after: seconds that a 429 asks for.
        index_lag: seconds until a search shows a new contact.
        refuses: the server does not listen, and connections are cut.
        token: the token that is good; with any other the answer is 401.
        budget: how much requests may cost in all, as the vendor counts a day's; 0: there is no limit.
    """

    mode: Mode = Mode.OK
    every: int = 1
    after: int = 0
    only: Literal["", "reads", "writes"] = ""
    path: str = ""
    latency: float = 0.0
    write_latency: float = 0.0
    retry_after: int = 1
    index_lag: float = 0.0
    refuses: bool = False
    token: str = GOOD_TOKEN
    budget: int = 0

    def strikes(self, path: str, *, is_write: bool) -> bool:
        """Whether a request is one of those that this goes wrong with."""
        if self.mode is Mode.OK or self.path not in path:
            return False
        if is_write:
            return self.only != "reads"
        return self.only != "writes" and self.mode not in AFTER_COMMIT


class Misbehaviour:
    """The faults in force, who is struck by them, and what became of requests.

    Attributes:
        faults: the faults in force.
        under_way: how many requests are being worked on, their clients gone or not.
        struck: how many requests were struck since the faults changed.
        followed: how many redirects were ever followed.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.under_way = 0
        self.struck = 0
        self.followed = 0
        self._asked = 0
        self._changed = asyncio.Event()

    def change(self, faults: Faults) -> None:
        """From now on, `faults`. Hanging requests end without an answer."""
        self.faults = faults
        self.struck = 0
        self._asked = 0
        self._changed.set()
        self._changed = asyncio.Event()

    def strike(self, path: str, *, is_write: bool) -> Mode:
        """The fate of the current request."""
        if not self.faults.strikes(path, is_write=is_write):
            return Mode.OK
        self._asked += 1
        late = self._asked - self.faults.after
        if late <= 0 or late % self.faults.every:
            return Mode.OK
        self.struck += 1
        return self.faults.mode

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
