"""A FreeSWITCH, as a listener follows it."""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Final

from leadline_server.listen.byte_stream import Endpoint
from leadline_server.listen.esl_connection import EslAnswer, EslConnection, EslLogin, open_esl
from leadline_server.listen.esl_frames import json_texts
from leadline_server.listen.freeswitch_events import FreeSwitchEvents, live_calls
from leadline_server.listen.listener import ChangedCalls
from leadline_server.replay.rules import Rules

_LIST: Final = "show channels as json"
_DUMP: Final = "uuid_dump {} json"


class FreeSwitch:
    """A FreeSWITCH's event socket; a PhoneSystem.

    Args:
        endpoint: where it listens.
        login: who logs in.
        say: prints a line for people.
    """

    def __init__(self, endpoint: Endpoint, login: EslLogin, say: Callable[[str], None]) -> None:
        self._endpoint, self._login, self._say = endpoint, login, say
        self._events = FreeSwitchEvents(lambda: datetime.now(UTC))

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return self._endpoint

    async def batches(self) -> AsyncGenerator[bool, None]:
        """Connect, log in, take events, and ask for each channel that there is."""
        async with open_esl(self._endpoint, self._login) as connection:
            self._events.table.connected()
            survey = _Survey(connection, self._events, self._say)
            await connection.ask(_LIST)
            async for batch in connection.news():
                is_listed = False
                for news in batch:
                    if isinstance(news, EslAnswer):
                        is_listed = await survey.take(news) or is_listed
                    else:
                        self._events.apply(news)
                yield is_listed

    def changed(self, rules: Rules) -> list[ChangedCalls]:
        """The calls with news since the last time."""
        conversations = self._events.table.changed()
        return [ChangedCalls(live_calls(one, rules), one.has_gap and one.is_over) for one in conversations]

    def goes_on(self, call_id: str) -> bool:
        """Whether a call's conversation has a channel that has not ended."""
        return self._events.table.goes_on(call_id)


class _Survey:
    """Asks for the channels of a new connection: for the list, and then for each, one after the other."""

    def __init__(self, connection: EslConnection, events: FreeSwitchEvents, say: Callable[[str], None]) -> None:
        self._connection, self._events, self._say = connection, events, say
        self._left: deque[str] = deque()

    async def take(self, answer: EslAnswer) -> bool:
        """Take an answer, and ask on. Whether that was the last one."""
        if answer.command == _LIST:
            if answer.text.startswith("-ERR"):
                self._say("the user may not list channels: allow the commands show and uuid_dump")
            self._left.extend(self._events.listed(answer.text))
        elif answer.command.startswith("uuid_dump"):
            self._events.apply(json_texts(answer.text.encode(errors="replace")) or {})
        else:
            return False
        if self._left:
            await self._connection.ask(_DUMP.format(self._left.popleft()))
            return False
        self._events.table.listed()
        return True
