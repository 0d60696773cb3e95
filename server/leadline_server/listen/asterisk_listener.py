"""Listens to an Asterisk: connects again and again, and reports the calls that its events tell of."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from leadline_server.listen.ami_connection import AmiConnection, AmiTarget, ConnectionLost, LoginRefused, open_ami
from leadline_server.listen.ami_frames import Frame
from leadline_server.listen.asterisk_calls import live_calls
from leadline_server.listen.asterisk_events import AsteriskEvents
from leadline_server.listen.cdr_file import ended_calls
from leadline_server.listen.reporter import CallReporter
from leadline_server.replay.records import UnusableFile
from leadline_server.replay.rules import Rules

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 15.0
_RULES_SECONDS: Final = 60.0
_OVERLAP: Final = timedelta(minutes=5)

LoadRules = Callable[[], Awaitable[Rules]]
"""Loads the account's extensions, users and numbers; waits until the server tells them."""


class AsteriskListener:
    """Reports the calls of one Asterisk.

    Args:
        target: the manager interface.
        load_rules: the account's rules; loaded at the start, and once a minute.
        reporter: gets the calls.
        say: prints a line for people.
        cdr: `Master.csv`, which completes the calls of which events were missed.
        record_seconds: until Asterisk has written the records of a call that ended.
    """

    def __init__(
        self,
        target: AmiTarget,
        load_rules: LoadRules,
        reporter: CallReporter,
        say: Callable[[str], None],
        cdr: Path | None = None,
        *,
        record_seconds: float = 3.0,
    ) -> None:
        self._record_seconds = record_seconds
        self._target = target
        self._load_rules = load_rules
        self._reporter = reporter
        self._say = say
        self._cdr = cdr
        self._events = AsteriskEvents(lambda: datetime.now(UTC))
        self._jitter = random.Random()  # noqa: S311 - spreads connections, keeps no secret
        self._rules = Rules()
        self._was_connected = False
        self._since = datetime.now(UTC)
        self._filling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Listen until it is cancelled. Raises LoginRefused if Asterisk refuses the very first login."""
        self._rules = await self._load_rules()
        refreshing = asyncio.create_task(self._keep_rules())
        try:
            await self._keep_connected()
        finally:
            refreshing.cancel()

    async def _keep_rules(self) -> None:
        """Load the rules again and again. Asterisk closes a connection that is not read, so nothing waits for it."""
        while True:
            await asyncio.sleep(_RULES_SECONDS)
            self._rules = await self._load_rules()

    async def _keep_connected(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with open_ami(self._target) as connection:
                    pause = _FIRST_PAUSE
                    await self._follow(connection)
            except LoginRefused:
                if not self._was_connected:
                    raise
                self._say("Asterisk refuses the login; trying again")
            except ConnectionLost as lost:
                self._say(f"no connection to Asterisk ({lost}); trying again")
            await asyncio.sleep(pause * self._jitter.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _follow(self, connection: AmiConnection) -> None:
        self._events.connected()
        listing = await connection.send("CoreShowChannels")
        self._say(f"listening to Asterisk at {self._target.host}:{self._target.port}")
        self._was_connected = True
        try:
            async for frames in connection.frames():
                for frame in frames:
                    self._events.apply(frame)
                await self._report_changes()
                await self._after_list(frames, listing)
        finally:
            self._since = datetime.now(UTC)

    async def _report_changes(self) -> None:
        for conversation in self._events.changed():
            for live in live_calls(conversation, self._rules):
                await self._reporter.report(live)
            if self._cdr is not None and conversation.has_gap and conversation.is_over:
                self._filling = self._filling or asyncio.create_task(self._fill_in_soon(self._cdr))

    async def _after_list(self, frames: list[Frame], listing: str) -> None:
        """When all channels are listed: fill in the calls that ended while there was no connection."""
        for frame in frames:
            if frame.get("ActionID") != listing:
                continue
            if frame.get("Response") == "Error":
                self._say("the manager user may not list channels: give it write=reporting in manager.conf")
            if frame.get("Event") == "CoreShowChannelsComplete" and self._cdr is not None:
                await self._fill_in(self._cdr)

    async def _fill_in_soon(self, path: Path) -> None:
        """Read the records of calls that have just ended, when Asterisk has written them."""
        await asyncio.sleep(self._record_seconds)
        self._filling = None
        await self._fill_in(path)

    async def _fill_in(self, path: Path) -> None:
        try:
            ended = await asyncio.to_thread(ended_calls, path, self._rules, self._since - _OVERLAP)
        except (OSError, UnusableFile) as error:
            self._say(f"{path} cannot be read ({type(error).__name__})")
            return
        for live in ended:
            if not self._events.goes_on(live.call.id):
                await self._reporter.report(live)


async def listen(listener: AsteriskListener, reporter: CallReporter, stop: asyncio.Event, grace: float) -> None:
    """Run a listener until `stop`. Reports that still wait get `grace` seconds.

    Raises:
        LoginRefused: Asterisk refuses the login.
    """
    reporting = asyncio.create_task(reporter.run())
    listening = asyncio.create_task(listener.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({reporting, listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await reporter.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(reporting, grace)
    finally:
        for task in (listening, stopping, reporting):
            task.cancel()
        await asyncio.gather(listening, stopping, reporting, return_exceptions=True)
