"""Messages that are sent to many: what they say is encoded once, however many they are made for."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Generic, TypeAlias, TypeVar

from leadline.v1 import call_log_service_pb2 as pb

from leadline_server.commands.watch_call_logs import WatchItem
from leadline_server.domain.call_log import CallLog
from leadline_server.transport.mapping.call_log import call_log_message

MOST_BYTES: Final = 256 * 1024
"""How large a message of several call logs gets, unless one log alone is larger."""

_REMEMBERED_BYTES: Final = 16 * 1024 * 1024

_State: TypeAlias = tuple[str, str, int, datetime]
_Place: TypeAlias = tuple[str, str, int]
K = TypeVar("K")
V = TypeVar("V")


class Encoded:
    """A message as it is on the wire. It stands where a message of protobuf would."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """The bytes."""
        return self._data


class BatchMessages:
    """Makes the messages of watchers that take several call logs at once.

    Encoded messages that stand one behind the other are the message that has all their fields ("Protocol Buffers
    Encoding", section "Last One Wins"): so a log is encoded once, and a message is put together of what it says.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._logs: _Remembered[_State, bytes] = _Remembered()
        self._messages: _Remembered[_Place, Sequence[Encoded]] = _Remembered()

    def of(self, items: Sequence[WatchItem]) -> Sequence[Encoded]:
        """The messages for some items, at least one: as few as there may be."""
        # What begins and ends at the same changes of the same calls may differ in what was changed again since: that is
        # left out, and the rest is shorter. A position alone has no logs.
        logs = len(items) if items[0].call_log is not None else 0
        place = (items[0].resume_token, items[-1].resume_token, logs)
        messages = self._messages.get(place)
        if messages is None:
            made = [_message(parts, token) for parts, token in self._packed(items)]
            messages = self._messages.put(place, made, sum(len(message.SerializeToString()) for message in made))
        return messages

    def _packed(self, items: Sequence[WatchItem]) -> Iterator[tuple[Sequence[bytes], str]]:
        """The encoded logs of each message, and its token."""
        parts: list[bytes] = []
        size, token = 0, ""
        for item in items:
            data = b"" if item.call_log is None else self._log(item.call_log)
            if parts and size + len(data) > self._most_bytes:
                yield parts, token
                parts, size = [], 0
            parts.append(data)
            size, token = size + len(data), item.resume_token
        yield parts, token

    def _log(self, log: CallLog) -> bytes:
        """A message with this one log, and no token."""
        state = (log.account_id, log.call_id, log.revision, log.update_time)
        encoded = self._logs.get(state)
        if encoded is None:
            message = pb.WatchCallLogsResponse(call_logs=[call_log_message(log)])
            data = message.SerializeToString()
            encoded = self._logs.put(state, data, len(data))
        return encoded


def _message(logs: Sequence[bytes], token: str) -> Encoded:
    return Encoded(b"".join((*logs, pb.WatchCallLogsResponse(resume_token=token).SerializeToString())))


class _Remembered(Generic[K, V]):
    """Values by key, up to so many bytes; the least recently used go first."""

    def __init__(self, most_bytes: int = _REMEMBERED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: K) -> V | None:
        entry = self._values.get(key)
        if entry is None:
            return None
        self._values.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> V:
        """Remember a value that is not known yet; returns it."""
        self._values[key] = value, size
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, (_, least) = self._values.popitem(last=False)
            self._bytes -= least
        return value
