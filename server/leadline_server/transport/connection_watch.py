"""Hangs up on peers that open streams or send bytes, and bring no requests.

gRPC bounds what one connection may have open, but not what a peer opens and abandons, nor how long a request may take
to arrive, nor frames without a request. Each abandoned stream costs the event loop as much as half a call, and waits in
one queue with the calls of others. So the connections are looked at by gRPC's own statistics ("channelz", gRFC A14),
and the sockets of such peers are shut down. A client's library opens another connection by itself.

gRPC has no method that closes one connection. Hence the way by the socket.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from time import monotonic, thread_time
from typing import Final, NamedTuple, TypeVar

import structlog
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.transport.channelz import PAGE, Address, peer_of, socket_ids, socket_of, unmapped

LOOK_SECONDS: Final = 1.0
"""The shortest time between two looks at all connections."""

SHARE: Final = 0.01
"""The most of a processor's time that looking may take: with very many connections it is done less often, down to once
in REST_SECONDS."""

REST_SECONDS: Final = 10.0

MOST_ABANDONED: Final = 1_000
"""So many streams that ended without a request are too many, if they are most of the connection's streams."""

REQUEST_SECONDS: Final = 20.0
"""How long a connection may have a stream without a request while no request arrives on it."""

MOST_IDLE_BYTES: Final = 64 * 1024 * 1024
"""So many bytes without a whole request are too many. It is more than one account may have in flight."""

_DESCRIPTORS: Final = Path("/dev/fd")
_TCP_INFO: Final = struct.Struct("128xQ")  # tcpi_bytes_received in Linux's struct tcp_info (linux/tcp.h)

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as gRPC counts it.

    Attributes:
        peer: its other end.
        started, succeeded, failed: its streams so far, and how those that are over ended.
        messages: the requests that arrived on it, and that this process has begun to read.
    """

    peer: Address
    started: int
    succeeded: int
    failed: int
    messages: int

    @property
    def is_abandoning(self) -> bool:
        """Whether most of very many streams that are over brought no request.

        Streams that wait to be read are not over, so they do not count.
        """
        over = self.succeeded + self.failed
        abandoned = over - self.messages
        return abandoned >= MOST_ABANDONED and 2 * abandoned > over

    @property
    def waits_for_request(self) -> bool:
        """Whether a stream is open that has brought no request yet."""
        return self.started - self.messages > self.failed and self.started > self.succeeded + self.failed


class _Waiting(NamedTuple):
    """Since when a connection waits for a request, and how many had arrived on it then."""

    since: float
    messages: int


class _Quiet(NamedTuple):
    """How many requests had arrived on a connection, and how many bytes had come with the last of them."""

    messages: int
    received: int


class ConnectionWatch(Collector):
    """Looks at the connections of one gRPC server.

    Args:
        server_id: gRPC's number of the server, see `server_ids`.
        request_seconds: how long a request may take to arrive.
    """

    def __init__(self, server_id: int, request_seconds: float = REQUEST_SECONDS) -> None:
        self.server_id = server_id
        self._request_seconds = request_seconds
        self._waiting: dict[int, _Waiting] = {}
        self._quiet: dict[Address, _Quiet] = {}
        self.hung_up = 0
        """How many connections were hung up on."""

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        text = "Connections hung up on because they brought no requests."
        yield CounterMetricFamily("leadline_connections_hung_up", text, value=self.hung_up)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            seconds = await self.look()
            await asyncio.sleep(min(max(LOOK_SECONDS, seconds / SHARE), REST_SECONDS))

    async def look(self) -> float:
        """Look at all connections once, and hang up. Returns the seconds of the processor that it took."""
        seconds, now, waiting = 0.0, monotonic(), dict[int, _Waiting]()
        bad, messages = set[Address](), dict[Address, int]()
        async for page, took in self._pages():
            seconds += took
            for socket_id, connection in page:
                messages[connection.peer] = connection.messages
                if connection.is_abandoning or self._is_late(socket_id, connection, now, waiting):
                    bad.add(connection.peer)
        self._waiting = waiting
        if messages:
            received, took = await asyncio.to_thread(_timed, received_bytes)
            seconds += took  # the loop waits for it in part, since one thread at a time runs Python
            bad |= self._noisy(messages, received)
        if bad:
            await self._hang_up(bad)
        return seconds

    async def _pages(self) -> AsyncIterator[tuple[Sequence[tuple[int, Connection]], float]]:
        """The connections, some in each turn of the loop, and the seconds that the processor took to read them."""
        after = 0
        while True:
            began = thread_time()
            ids = socket_ids(self.server_id, after)
            page = [(socket_id, found) for socket_id in ids if (found := _connection(socket_id)) is not None]
            yield page, thread_time() - began
            if len(ids) < PAGE:
                return
            after = ids[-1] + 1
            await asyncio.sleep(0)

    def _is_late(self, socket_id: int, connection: Connection, now: float, waiting: dict[int, _Waiting]) -> bool:
        """Whether a request has not arrived in time. Notes in `waiting` since when one is waited for."""
        if not connection.waits_for_request:
            return False
        before = self._waiting.get(socket_id)
        if before is None or before.messages != connection.messages:
            before = _Waiting(now, connection.messages)
        waiting[socket_id] = before
        return now - before.since >= self._request_seconds

    def _noisy(self, messages: Mapping[Address, int], received: Mapping[Address, int]) -> set[Address]:
        """The peers that sent MOST_IDLE_BYTES since their last request."""
        quiet, noisy = dict[Address, _Quiet](), set[Address]()
        for peer, count in messages.items():
            now = _Quiet(count, received.get(peer, 0))
            before = self._quiet.get(peer, now)
            quiet[peer] = before if before.messages == count else now
            if now.received - quiet[peer].received >= MOST_IDLE_BYTES:
                noisy.add(peer)
        self._quiet = quiet
        return noisy

    async def _hang_up(self, peers: Collection[Address]) -> None:
        count = await asyncio.to_thread(shut_down, peers)
        self.hung_up += count
        for address, port in peers:
            _log.warning("hung up on a peer that brings no requests", peer=str(ip_address(address)), port=port)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result of `work`, and the seconds of the processor that this thread took for it."""
    began = thread_time()
    return work(), thread_time() - began


def shut_down(peers: Collection[Address]) -> int:
    """Shut down the sockets of this process with these other ends. Returns how many there were."""
    count = 0
    for opened, peer in _sockets():
        if peer in peers:
            with suppress(OSError):  # not connected any more
                opened.shutdown(socket.SHUT_RDWR)
                count += 1
    return count


def received_bytes() -> Mapping[Address, int]:
    """How many bytes came from the peers of this process's sockets. Empty if the system is not Linux."""
    if sys.platform != "linux":
        return {}
    received: dict[Address, int] = {}
    for opened, peer in _sockets():
        with suppress(OSError, struct.error):
            info = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            received[peer] = _TCP_INFO.unpack(info)[0]
    return received


def _sockets() -> Iterator[tuple[socket.socket, Address]]:
    """The connected sockets of this process. Each is usable until the next one is taken.

    A descriptor is never duplicated: to close the copy of a database's would drop the locks of the process on it.
    """
    for descriptor in _DESCRIPTORS.iterdir():
        try:
            opened = socket.socket(fileno=int(descriptor.name))
        except OSError:
            continue  # no socket, or closed meanwhile
        try:
            if opened.family in (socket.AF_INET, socket.AF_INET6):
                yield opened, _peer(opened)
        except OSError:
            continue  # not connected
        finally:
            opened.detach()


def _peer(opened: socket.socket) -> Address:
    host, port = opened.getpeername()[:2]
    return unmapped(ip_address(host.partition("%")[0]).packed), port


def _connection(socket_id: int) -> Connection | None:
    found = socket_of(socket_id)
    if not found:
        return None
    data = found["data"]
    return Connection(
        peer=peer_of(found),
        started=int(data.get("streamsStarted", 0)),
        succeeded=int(data.get("streamsSucceeded", 0)),
        failed=int(data.get("streamsFailed", 0)),
        messages=int(data.get("messagesReceived", 0)),
    )
