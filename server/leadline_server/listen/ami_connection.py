"""One connection to Asterisk's manager interface (AMI): login, actions, events.

Source: docs.asterisk.org, "AMI v2 Specification", and the manager actions "Challenge", "Login", "CoreShowChannels".
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from leadline_server.listen.ami_frames import Frame, FrameParser

_CHUNK: Final = 64 * 1024
_BEFORE_LOGIN: Final = 1_000  # frames that may come before the answer to an action
_CLASSES: Final = "call,dialplan,agent"


class ConnectionLost(Exception):
    """The connection cannot be made, or it ended. The message says why."""


class LoginRefused(Exception):
    """Asterisk refuses the user or the password. The message is Asterisk's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiTarget:
    """Where Asterisk is, and who logs in.

    Attributes:
        is_plain: send the password itself, for an Asterisk that has no MD5.
        connect_seconds: for the connection and the login.
        quiet_seconds: without a byte, after which a Ping is sent; after twice the time the connection is lost.
    """

    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    is_plain: bool = False
    connect_seconds: float = 10.0
    quiet_seconds: float = 20.0

    def __post_init__(self) -> None:
        if any(sign in text for text in (self.user, self.secret) for sign in "\r\n\0"):
            raise ValueError("the user and the password must be one line each")


class AmiConnection:
    """A connection after its login."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: AmiTarget) -> None:
        self._reader, self._writer, self._target = reader, writer, target
        self._parser = FrameParser()
        self._waiting: deque[Frame] = deque()
        self._ids = count(1)

    async def send(self, action: str, **fields: str) -> str:
        """Send an action. Returns its ActionID, which its response and its events have."""
        action_id = f"leadline-{next(self._ids)}"
        lines = {"Action": action, "ActionID": action_id, **fields}
        text = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
        try:
            self._writer.write(f"{text}\r\n".encode())
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLost(_reason(error)) from None
        return action_id

    async def login(self) -> None:
        """Log in. Raises LoginRefused, or ConnectionLost."""
        target = self._target
        if target.is_plain:
            proof = {"Secret": target.secret}
        else:
            answer = await self._answer(await self.send("Challenge", AuthType="MD5"))
            text = answer.get("Challenge", "") + target.secret
            digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # the protocol's own
            proof = {"AuthType": "MD5", "Key": digest}
        await self._answer(await self.send("Login", Username=target.user, Events=_CLASSES, **proof))

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
            self._waiting.extend(self._parser.feed(await self._read()))
        return self._waiting.popleft()

    async def _read(self) -> bytes:
        """The next bytes. A peer that vanished is noticed by a Ping that it does not answer."""
        for is_last in (False, True):
            try:
                async with asyncio.timeout(self._target.quiet_seconds):
                    data = await self._reader.read(_CHUNK)
            except TimeoutError:
                if not is_last:
                    await self.send("Ping")
                continue
            except OSError as error:
                raise ConnectionLost(_reason(error)) from None
            if not data:
                raise ConnectionLost("Asterisk closed the connection")
            return data
        raise ConnectionLost("Asterisk does not answer any more")


@asynccontextmanager
async def open_ami(target: AmiTarget) -> AsyncIterator[AmiConnection]:
    """A connection that is logged in, and closed afterwards.

    Raises:
        ConnectionLost: there is no Asterisk, or it does not answer.
        LoginRefused: it refuses the login.
    """
    try:
        async with asyncio.timeout(target.connect_seconds):
            reader, writer = await asyncio.open_connection(target.host, target.port)
    except (OSError, TimeoutError) as error:
        raise ConnectionLost(_reason(error)) from None
    try:
        connection = AmiConnection(reader, writer, target)
        try:
            async with asyncio.timeout(target.connect_seconds):
                await connection.login()
        except TimeoutError:
            raise ConnectionLost("Asterisk does not answer the login") from None
        yield connection
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
