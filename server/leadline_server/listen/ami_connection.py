"""One connection to Asterisk's manager interface (AMI): login, actions, events.

Source: docs.asterisk.org, "AMI v2 Specification", and the manager actions "Challenge", "Login", "CoreShowChannels".
"""

import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from leadline_server.listen.ami_frames import Frame, FrameParser
from leadline_server.listen.byte_stream import (
    ByteStream,
    ConnectionLost,
    Endpoint,
    LoginRefused,
    one_line,
    open_stream,
)

_BEFORE_LOGIN: Final = 1_000  # frames that may come before the answer to an action
_CLASSES: Final = "call,dialplan,agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiLogin:
    """Who logs in.

    Attributes:
        is_plain: send the password itself, for an Asterisk that has no MD5.
    """

    user: str
    secret: str = field(repr=False)
    is_plain: bool = False

    def __post_init__(self) -> None:
        one_line(self.user, self.secret)


class AmiConnection:
    """A connection after its login."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._parser = FrameParser()
        self._waiting: deque[Frame] = deque()
        self._ids = count(1)

    async def send(self, action: str, **fields: str) -> str:
        """Send an action. Returns its ActionID, which its response and its events have."""
        action_id = f"leadline-{next(self._ids)}"
        lines = {"Action": action, "ActionID": action_id, **fields}
        text = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
        await self._stream.write(f"{text}\r\n".encode())
        return action_id

    async def login(self, login: AmiLogin) -> None:
        """Log in. Raises LoginRefused, or ConnectionLost."""
        if login.is_plain:
            proof = {"Secret": login.secret}
        else:
            answer = await self._answer(await self.send("Challenge", AuthType="MD5"))
            text = answer.get("Challenge", "") + login.secret
            digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # the protocol's own
            proof = {"AuthType": "MD5", "Key": digest}
        await self._answer(await self.send("Login", Username=login.user, Events=_CLASSES, **proof))

    async def _answer(self, action_id: str) -> Frame:
        """The response to an action. Events that come before it are kept."""
        kept: deque[Frame] = deque()
        while len(kept) < _BEFORE_LOGIN:
            frame = await self._next()
            if frame.get("ActionID") == action_id and "Response" in frame:
                self._waiting.extendleft(reversed(kept))
                if frame["Response"] != "Success":
                    raise LoginRefused(frame.get("Message", "no reason given")[:200])
                return frame
            kept.append(frame)
        raise ConnectionLost("Asterisk does not answer the login")

    async def frames(self) -> AsyncIterator[list[Frame]]:
        """Frames as they come, all that are there at once. Raises ConnectionLost at the end of the connection."""
        while True:
            yield [await self._next(), *self._taken()]

    def _taken(self) -> list[Frame]:
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def _next(self) -> Frame:
        while not self._waiting:
            self._waiting.extend(self._parser.feed(await self._stream.read(self._ping)))
        return self._waiting.popleft()

    async def _ping(self) -> None:
        await self.send("Ping")


@asynccontextmanager
async def open_ami(endpoint: Endpoint, login: AmiLogin) -> AsyncIterator[AmiConnection]:
    """A connection that is logged in, and closed afterwards.

    Raises:
        ConnectionLost: there is no Asterisk, or it does not answer.
        LoginRefused: it refuses the login.
    """
    async with open_stream(endpoint) as stream:
        connection = AmiConnection(stream)
        await stream.within_time(connection.login(login))
        yield connection
