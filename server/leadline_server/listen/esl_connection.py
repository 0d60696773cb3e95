"""One connection to FreeSWITCH's event socket (ESL): login, events, commands.

Source: "mod_event_socket" of the FreeSWITCH documentation (FreeSWITCH Explained).
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from leadline_server.domain.unshown import unshown
from leadline_server.listen.byte_stream import (
    ByteStream,
    ConnectionLost,
    Endpoint,
    LoginRefused,
    one_line,
    open_stream,
)
from leadline_server.listen.esl_frames import EslEvent, EslFrame, EslParser

_EVENTS: Final = (
    "CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE"
    " CHANNEL_UNBRIDGE CHANNEL_EXECUTE CHANNEL_HANGUP_COMPLETE CALL_UPDATE"
)
_IS_THERE: Final = "uptime"  # a command that any FreeSWITCH answers


@dataclass(frozen=True, slots=True, kw_only=True)
class EslLogin:
    """Who logs in.

    Attributes:
        user: `USER@DOMAIN` of the directory, for `userauth`; empty for the password of event_socket.conf.xml.
    """

    password: str = field(repr=False)
    user: str = ""

    def __post_init__(self) -> None:
        one_line(self.user, self.password)

    def command(self) -> str:
        """The command that logs in."""
        return f"userauth {self.user}:{self.password}" if self.user else f"auth {self.password}"


@unshown
@dataclass(frozen=True, slots=True)
class EslAnswer:
    """The answer to a command."""

    command: str
    text: str


EslNews = EslEvent | EslAnswer


class EslConnection:
    """A connection after its login."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._parser = EslParser()
        self._waiting: deque[EslFrame] = deque()
        self._asked: deque[str] = deque()

    async def login(self, login: EslLogin) -> None:
        """Log in, and ask for events. Raises LoginRefused, or ConnectionLost."""
        greeting = await self._next()
        if greeting.kind == "text/rude-rejection":
            raise LoginRefused("its access list (apply-inbound-acl) refuses this address")
        await self._command(login.command())
        if not await self._is_taken(f"event json {_EVENTS}"):  # built without JSON
            await self._command(f"event plain {_EVENTS}")

    async def ask(self, command: str) -> None:
        """Send an API command. Its answer comes among the news; answers come in the order of the questions."""
        self._asked.append(command)
        await self._stream.write(f"api {command}\n\n".encode())

    async def news(self) -> AsyncIterator[list[EslNews]]:
        """Events and answers as they come, all that are there at once. Raises ConnectionLost at the end."""
        while True:
            frames = [await self._next(), *self._waiting]
            self._waiting.clear()
            yield [news for frame in frames if (news := self._news(frame)) is not None]

    def _news(self, frame: EslFrame) -> EslNews | None:
        if frame.kind in {"api/response", "command/reply"}:
            text = frame.text or frame.headers.get("reply-text", "")
            return EslAnswer(self._asked.popleft(), text) if self._asked else None
        if frame.kind == "text/disconnect-notice":
            raise ConnectionLost("FreeSWITCH closed the connection")
        return frame.event()

    async def _command(self, command: str) -> None:
        if not await self._is_taken(command):
            raise LoginRefused("wrong password or user, or no right to events")

    async def _is_taken(self, command: str) -> bool:
        """Whether a command is taken. Nothing but its reply can come before the events are asked for."""
        await self._stream.write(f"{command}\n\n".encode())
        while (frame := await self._next()).kind != "command/reply":
            if frame.kind == "text/disconnect-notice":
                raise ConnectionLost("FreeSWITCH closed the connection")
        return frame.headers.get("reply-text", "").startswith("+OK")

    async def _next(self) -> EslFrame:
        while not self._waiting:
            self._waiting.extend(self._parser.feed(await self._stream.read(self._is_there)))
        return self._waiting.popleft()

    async def _is_there(self) -> None:
        await self.ask(_IS_THERE)


@asynccontextmanager
async def open_esl(endpoint: Endpoint, login: EslLogin) -> AsyncIterator[EslConnection]:
    """A connection that is logged in, and closed afterwards.

    Raises:
        ConnectionLost: there is no FreeSWITCH, or it does not answer.
        LoginRefused: it refuses the login.
    """
    async with open_stream(endpoint) as stream:
        connection = EslConnection(stream)
        await stream.within_time(connection.login(login))
        yield connection
