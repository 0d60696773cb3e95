"""An Asterisk, as a listener follows it."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime

from leadline_server.listen.ami_connection import AmiLogin, open_ami
from leadline_server.listen.ami_frames import Frame
from leadline_server.listen.asterisk_calls import live_calls
from leadline_server.listen.asterisk_events import AsteriskEvents
from leadline_server.listen.byte_stream import Endpoint
from leadline_server.listen.listener import ChangedCalls
from leadline_server.replay.rules import Rules


class Asterisk:
    """An Asterisk's manager interface; a PhoneSystem.

    Args:
        endpoint: where it listens.
        login: who logs in.
        say: prints a line for people.
    """

    def __init__(self, endpoint: Endpoint, login: AmiLogin, say: Callable[[str], None]) -> None:
        self._endpoint, self._login, self._say = endpoint, login, say
        self._events = AsteriskEvents(lambda: datetime.now(UTC))

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return self._endpoint

    async def batches(self) -> AsyncGenerator[bool, None]:
        """Connect, log in, have the channels listed, and take events."""
        async with open_ami(self._endpoint, self._login) as connection:
            self._events.table.connected()
            listing = await connection.send("CoreShowChannels")
            async for frames in connection.frames():
                for frame in frames:
                    self._events.apply(frame)
                yield any(self._is_end(frame) for frame in frames if frame.get("ActionID") == listing)

    def changed(self, rules: Rules) -> list[ChangedCalls]:
        """The calls with news since the last time."""
        conversations = self._events.table.changed()
        return [ChangedCalls(live_calls(one, rules), one.has_gap and one.is_over) for one in conversations]

    def goes_on(self, call_id: str) -> bool:
        """Whether a call's conversation has a channel that has not ended."""
        return self._events.table.goes_on(call_id)

    def _is_end(self, frame: Frame) -> bool:
        """Whether this frame of the list of channels is its end."""
        is_refused = frame.get("Response") == "Error"
        if is_refused:
            self._say("the manager user may not list channels: give it write=reporting in manager.conf")
        return is_refused or frame.get("Event") == "CoreShowChannelsComplete"
