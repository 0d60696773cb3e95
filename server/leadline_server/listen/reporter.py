"""Sends the news of calls to a server: the latest of each call, in order, until it is on disk there."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

from leadline import AsyncClient, LeadlineError
from leadline import errors as client_errors

from leadline_server.domain.call import Call, Party
from leadline_server.domain.call_ids import sourced_id
from leadline_server.listen.live_calls import LiveCall
from leadline_server.replay.grouping import ReplayCall
from leadline_server.replay.messages import to_request

MOST_WAITING: Final = 10_000
"""Calls that wait for the server. Beyond it the oldest is given up, and counted."""

MOST_REMEMBERED: Final = 20_000
"""Calls whose last report is remembered, so that the same news is not sent again."""

_WORKERS: Final = 8
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 15.0
_REFUSALS: Final = (client_errors.InvalidArgument, client_errors.FailedPrecondition)


@dataclass(slots=True)
class ReportCounts:
    """How many reports were sent, refused by the server, and given up."""

    sent: int = 0
    refused: int = 0
    given_up: int = 0


def with_cleared(before: Call | None, call: Call) -> Call:
    """The call, with empty texts for what earlier reports told of its parties and is not so any more.

    Example: extension 101 rang, and a mobile answered. The callee has no extension then.
    """
    if before is None:
        return call
    return replace(
        call, caller=_with_cleared(before.caller, call.caller), callee=_with_cleared(before.callee, call.callee)
    )


def _with_cleared(before: Party, party: Party) -> Party:
    names = ("phone_number", "name", "extension", "user_id")
    gone = {name: "" for name in names if getattr(before, name) is not None and getattr(party, name) is None}
    return replace(party, **gone)


class CallReporter:
    """Reports calls. A report has all that is known of its call, so a newer one replaces one that still waits.

    Args:
        client: for the account.
        account_id: whose calls they are.
        source: the source that call ids carry; empty: none.
        say: prints a line for people.
    """

    def __init__(self, client: AsyncClient, account_id: str, source: str, say: Callable[[str], None]) -> None:
        self._client = client
        self._account_id = account_id
        self._source = source
        self._say = say
        self._waiting: OrderedDict[str, LiveCall] = OrderedDict()
        self._sending: set[str] = set()
        self._last: OrderedDict[str, tuple[str, Call]] = OrderedDict()
        self._wake = asyncio.Condition()
        self._jitter = random.Random()  # noqa: S311 - spreads retries, keeps no secret
        self._is_closing = False
        self.counts = ReportCounts()

    async def report(self, live: LiveCall) -> None:
        """Send a call soon, if there is news of it."""
        call_id = live.call.id
        before = self._last.get(call_id)
        live = replace(live, call=with_cleared(before[1] if before else None, live.call))
        content = (live.user_id, replace(live.call, event_time=None))
        if before == content:
            return
        self._last[call_id] = content
        self._last.move_to_end(call_id)
        if len(self._last) > MOST_REMEMBERED:
            self._last.popitem(last=False)
        async with self._wake:
            self._waiting[call_id] = live
            self._give_up_oldest()
            self._wake.notify_all()

    async def run(self) -> None:
        """Send until `close`, and then what still waits."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_WORKERS):
                tasks.create_task(self._work())

    async def idle(self) -> None:
        """Wait until the server has all reports on disk, or refused them."""
        async with self._wake:
            await self._wake.wait_for(lambda: not self._waiting and not self._sending)

    async def close(self) -> None:
        """Let `run` end as soon as nothing waits."""
        async with self._wake:
            self._is_closing = True
            self._wake.notify_all()

    async def _work(self) -> None:
        while (live := await self._next()) is not None:
            await self._send(live)
            async with self._wake:
                self._sending.discard(live.call.id)
                self._wake.notify_all()

    async def _next(self) -> LiveCall | None:
        """The next call of which no report is under way; None at the end."""
        async with self._wake:
            while True:
                call_id = next((one for one in self._waiting if one not in self._sending), None)
                if call_id is not None:
                    self._sending.add(call_id)
                    return self._waiting.pop(call_id)
                if self._is_closing and not self._waiting:
                    return None
                await self._wake.wait()

    async def _send(self, live: LiveCall) -> None:
        """Send a report until the server has it on disk, or says that it never will."""
        pause = _FIRST_PAUSE
        while live.call.id not in self._waiting:  # newer news replaces this
            try:
                await self._log(live)
            except _REFUSALS as error:
                self.counts.refused += 1
                fields = ", ".join(violation.field for violation in error.field_violations)
                self._say(f"call {live.call.id} is refused: {error.reason or error.code.name} {fields}".rstrip())
                return
            except LeadlineError as error:
                if pause == _FIRST_PAUSE:
                    self._say(f"the server does not take reports now ({error.code.name}); trying again")
                await asyncio.sleep(pause * self._jitter.uniform(0.5, 1.0))
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self.counts.sent += 1
                return

    async def _log(self, live: LiveCall) -> None:
        call = live.call
        if self._source:
            linked_id = sourced_id(self._source, call.linked_id) if call.linked_id else None
            call = replace(call, id=sourced_id(self._source, call.id), linked_id=linked_id)
        request = to_request(self._account_id, ReplayCall(user_id=live.user_id, call=call, lines=(), size=0))
        await self._client.using(user=live.user_id).log_call(request.call)

    def _give_up_oldest(self) -> None:
        while len(self._waiting) > MOST_WAITING:
            call_id, _ = self._waiting.popitem(last=False)
            self.counts.given_up += 1
            self._last.pop(call_id, None)
            self._say(f"call {call_id} was given up: more than {MOST_WAITING:,} calls wait for the server")


class CallSource(Protocol):
    """Where calls come from. It gives them to a reporter."""

    async def run(self) -> None:
        """Go on until it is cancelled, or an error ends it."""
        ...


async def run_until(stop: asyncio.Event, source: CallSource, reporter: CallReporter, grace: float) -> None:
    """Run a source of calls until `stop`. Reports that still wait then get `grace` seconds.

    Raises:
        Exception: what ended the source.
    """
    reporting = asyncio.create_task(reporter.run())
    running = asyncio.create_task(source.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({reporting, running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await reporter.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(reporting, grace)
    finally:
        for task in (running, stopping, reporting):
            task.cancel()
        await asyncio.gather(running, stopping, reporting, return_exceptions=True)
