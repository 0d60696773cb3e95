"""Messages that are sent to many: what they say is encoded once, however many they are made for."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final, Generic, TypeVar

from leadline.v1 import call_log_service_pb2 as pb

from leadline_server.commands.watch_call_logs import WatchBatch
from leadline_server.ports.ledger import Change
from leadline_server.wire.call_log import CALL_LOG

MOST_BYTES: Final = 256 * 1024
"""How large a message of several call logs gets, unless one log alone is larger."""

_REMEMBERED_BYTES: Final = 16 * 1024 * 1024

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

    def __init__(self, most_bytes: int = MOST_BYTES, remembered_bytes: int = _REMEMBERED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._logs: _Remembered[int, bytes] = _Remembered(remembered_bytes)
        self._messages: _Remembered[WatchBatch, Sequence[Encoded]] = _Remembered(remembered_bytes)

    def of(self, batch: WatchBatch) -> Sequence[Encoded]:
        """The messages for a batch, at least one: as few as there may be."""
        if not batch.changes:
            return [_message((), batch.token(batch.position))]
        messages = self._messages.get(batch)
        if messages is None:
            made = [_message(logs, batch.token(position)) for logs, position in self._packed(batch)]
            sizes = (*(len(message.SerializeToString()) for message in made), *(each.size for each in batch.changes))
            messages = self._messages.put(batch, made, sum(sizes))
        return messages

    def _packed(self, batch: WatchBatch) -> Iterator[tuple[Sequence[bytes], int]]:
        """The encoded logs of each message, and the position after them."""
        logs: list[bytes] = []
        size = position = 0
        for change in batch.changes:
            log = self._log(change)
            if logs and size + len(log) > self._most_bytes:
                yield logs, position
                logs, size = [], 0
            logs.append(log)
            size, position = size + len(log), change.sequence
        yield logs, batch.position

    def _log(self, change: Change) -> bytes:
        """A message with this one log, and no token."""
        encoded = self._logs.get(change.sequence)
        if encoded is None:
            message = pb.WatchCallLogsResponse(call_logs=[CALL_LOG.message(change.call_log)])
            data = message.SerializeToString()
            encoded = self._logs.put(change.sequence, data, len(data))
        return encoded


def _message(logs: Sequence[bytes], token: str) -> Encoded:
    return Encoded(b"".join((*logs, pb.WatchCallLogsResponse(resume_token=token).SerializeToString())))


class _Remembered(Generic[K, V]):
    """Values by key, up to so many bytes; the least recently used go first."""

    def __init__(self, most_bytes: int) -> None:
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
