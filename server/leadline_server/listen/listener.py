"""Listens to a phone system: connects again and again, and reports the calls that its events tell of."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from leadline_server.listen.byte_stream import ConnectionLost, Endpoint, LoginRefused
from leadline_server.listen.live_calls import LiveCall
from leadline_server.listen.reporter import CallReporter
from leadline_server.replay.records import UnusableFile
from leadline_server.replay.rules import Rules

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 15.0
_RULES_SECONDS: Final = 60.0
_OVERLAP: Final = timedelta(minutes=5)

LoadRules = Callable[[], Awaitable[Rules]]
"""Loads the account's extensions, users and numbers; waits until the server tells them."""

ReadEnded = Callable[[Rules, datetime], list[LiveCall]]
"""Reads the records of calls that ended after a time. Raises OSError or UnusableFile."""


@dataclass(frozen=True, slots=True)
class ChangedCalls:
    """Calls of one conversation.

    Attributes:
        needs_record: it is over, and events of it may have been missed.
    """

    calls: list[LiveCall]
    needs_record: bool


class PhoneSystem(Protocol):
    """A phone system whose events are followed."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        ...

    def batches(self) -> AsyncGenerator[bool, None]:
        """Connect, log in, and take events. Yields after each batch: True when all channels have been listed.

        Raises:
            ConnectionLost: the connection cannot be made, or it ended.
            LoginRefused: the login is refused.
        """
        ...

    def changed(self, rules: Rules) -> list[ChangedCalls]:
        """The calls with news since the last time."""
        ...

    def goes_on(self, call_id: str) -> bool:
        """Whether a call's conversation has a channel that has not ended."""
        ...


class PhoneSystemListener:
    """Reports the calls of one phone system.

    Args:
        phone_system: the phone system.
        load_rules: the account's rules; loaded at the start, and once a minute.
        reporter: gets the calls.
        say: prints a line for people.
        read_ended: reads the records that complete the calls of which events were missed.
        record_seconds: until the phone system has written the records of a call that ended.
    """

    def __init__(
        self,
        phone_system: PhoneSystem,
        load_rules: LoadRules,
        reporter: CallReporter,
        say: Callable[[str], None],
        read_ended: ReadEnded | None = None,
        *,
        record_seconds: float = 3.0,
    ) -> None:
        self._record_seconds = record_seconds
        self._phone_system = phone_system
        self._load_rules = load_rules
        self._reporter = reporter
        self._say = say
        self._read_ended = read_ended
        self._jitter = random.Random()  # noqa: S311 - spreads connections, keeps no secret
        self._rules = Rules()
        self._was_connected = False
        self._since = datetime.now(UTC)
        self._filling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Listen until it is cancelled. Raises LoginRefused if the very first login is refused."""
        self._rules = await self._load_rules()
        refreshing = asyncio.create_task(self._keep_rules())
        try:
            await self._keep_connected()
        finally:
            refreshing.cancel()

    async def _keep_rules(self) -> None:
        """Load the rules again and again. Nothing waits for it: a phone system cuts a connection that is not read."""
        while True:
            await asyncio.sleep(_RULES_SECONDS)
            self._rules = await self._load_rules()

    async def _keep_connected(self) -> None:
        title, pause = self._phone_system.endpoint.title, _FIRST_PAUSE
        while True:
            try:
                async with aclosing(self._phone_system.batches()) as batches:
                    async for is_listed in batches:
                        pause = _FIRST_PAUSE
                        await self._take(is_listed=is_listed)
            except LoginRefused:
                if not self._was_connected:
                    raise
                self._say(f"{title} refuses the login; trying again")
            except ConnectionLost as lost:
                self._say(f"no connection to {title} ({lost}); trying again")
            if pause == _FIRST_PAUSE:  # there was a connection until now
                self._since = datetime.now(UTC)
            await asyncio.sleep(pause * self._jitter.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _take(self, *, is_listed: bool) -> None:
        """Report what a batch of events changed. When all channels are listed, fill in what ended meanwhile."""
        if is_listed:
            self._say(f"listening to {self._phone_system.endpoint}")
            self._was_connected = True
        await self._report_changes()
        if is_listed:
            await self._fill_in()

    async def _report_changes(self) -> None:
        for changed in self._phone_system.changed(self._rules):
            for live in changed.calls:
                await self._reporter.report(live)
            if changed.needs_record and self._read_ended is not None:
                self._filling = self._filling or asyncio.create_task(self._fill_in_soon())

    async def _fill_in_soon(self) -> None:
        """Read the records of calls that have just ended, when they are written."""
        await asyncio.sleep(self._record_seconds)
        self._filling = None
        await self._fill_in()

    async def _fill_in(self) -> None:
        if self._read_ended is None:
            return
        try:
            ended = await asyncio.to_thread(self._read_ended, self._rules, self._since - _OVERLAP)
        except (OSError, UnusableFile) as error:
            self._say(f"the call records cannot be read ({type(error).__name__})")
            return
        for live in ended:
            if not self._phone_system.goes_on(live.call.id):
                await self._reporter.report(live)
