"""One connection to leadline: channel, retries, deadlines, and gRPC's errors as the client's own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final, TypeVar

import grpc

from leadline import errors
from leadline._retries import service_config
from leadline._tls import Tls, TlsFiles
from leadline.admin.v1.account_service_pb2_grpc import AccountServiceStub
from leadline.admin.v1.audit_service_pb2_grpc import AuditServiceStub
from leadline.admin.v1.key_service_pb2_grpc import KeyServiceStub
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.directory_service_pb2_grpc import DirectoryServiceStub
from leadline.v1.placeholder_service_pb2_grpc import PlaceholderServiceStub
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub

MetadataPairs = Iterable[tuple[str, str | bytes]]
MetadataHook = Callable[[], MetadataPairs | Awaitable[MetadataPairs]]
"""Called before every RPC; returns its metadata, such as `[("authorization", "Bearer ...")]`, with lower-case keys."""

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

_LOOK_SECONDS: Final = 1.0
_RETIRE_SECONDS: Final = 60.0


def channel_options() -> Sequence[tuple[str, str | int]]:
    """Channel arguments (gRPC's grpc_types.h)."""
    return (
        ("grpc.service_config", service_config()),
        ("grpc.enable_retries", 1),
        # A service config from a name server must not replace this one.
        ("grpc.service_config_disable_resolution", 1),
        # After an outage the connection is back soon; gRPC's own maximum is two minutes.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        # Keepalive notices a peer that vanished, also during a quiet watch.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
        # A page of call logs with their transcripts may have more than gRPC's 4 MiB.
        ("grpc.max_receive_message_length", -1),
    )


@dataclass(frozen=True, slots=True)
class Stubs:
    """The generated stubs of the services."""

    contacts: ContactServiceStub
    call_logs: CallLogServiceStub
    preferences: PreferencesServiceStub
    directory: DirectoryServiceStub
    placeholders: PlaceholderServiceStub
    keys: KeyServiceStub
    accounts: AccountServiceStub
    audit: AuditServiceStub


class Connection:
    """A channel to leadline, which is opened on first use, by the event loop that uses it.

    Args:
        target: `host:port`, or another of gRPC's names.
        timeout: seconds for every RPC that is not given its own.
        credentials: for TLS; None connects in plain text.
        metadata: called before every RPC.
        api_key: sent with every RPC; empty: none.
        tls: for TLS by files, in the place of credentials.

    Raises:
        ValueError: the timeout is not positive, or there are credentials and `tls`.
        OSError: a file of `tls` cannot be used.
    """

    def __init__(
        self,
        target: str,
        timeout: float,
        credentials: grpc.ChannelCredentials | None,
        metadata: MetadataHook | None,
        api_key: str = "",
        tls: Tls | None = None,
    ) -> None:
        if credentials is not None and tls is not None:
            raise ValueError("Give credentials or tls, not both.")
        self.timeout = _positive(timeout)
        self._target = target
        self._credentials = credentials
        self._metadata = metadata
        self._own = key_metadata(api_key)
        self._files = None if tls is None else TlsFiles(tls)
        self._looked_at = 0.0
        self._channel: grpc.aio.Channel | None = None
        self._stubs: Stubs | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the connection was closed."""
        return self._is_closed

    def stubs(self) -> Stubs:
        """The stubs, on an open channel.

        Raises:
            Cancelled: the connection was closed.
        """
        if self._is_closed:
            raise closed()
        if self._files is not None:
            self._look_at(self._files)
        if self._stubs is None:
            self._channel = channel = self._open()
            self._stubs = Stubs(
                ContactServiceStub(channel),
                CallLogServiceStub(channel),
                PreferencesServiceStub(channel),
                DirectoryServiceStub(channel),
                PlaceholderServiceStub(channel),
                KeyServiceStub(channel),
                AccountServiceStub(channel),
                AuditServiceStub(channel),
            )
        return self._stubs

    async def ask(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | None,  # noqa: ASYNC109 - it is the RPC's deadline, which the server is told
    ) -> _Response:
        """One answer to one request, within `timeout` seconds (None: the connection's own).

        Raises:
            LeadlineError: the RPC failed.
        """
        seconds = self.timeout if timeout is None else _positive(timeout)
        metadata = await self.metadata()
        with translated():
            return await method(request, timeout=seconds, metadata=metadata)

    async def metadata(self) -> Any:
        """The metadata of the next RPC: the API key, and what the hook returns."""
        if self._metadata is None:
            return grpc.aio.Metadata(*self._own) if self._own else None
        given = self._metadata()
        pairs = await given if isawaitable(given) else given
        return grpc.aio.Metadata(*self._own, *pairs)

    async def close(self) -> None:
        """Close the channel; RPCs in progress end with Cancelled. Closing twice does nothing."""
        self._is_closed = True
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close()

    def _look_at(self, files: TlsFiles) -> None:
        """Use a new channel if the files changed, once a second at most. Calls in progress end on the old one."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        if not files.have_changed() or self._channel is None:
            return
        task = asyncio.create_task(_retire(self._channel, max(_RETIRE_SECONDS, self.timeout)))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        self._channel = self._stubs = None

    def _open(self) -> grpc.aio.Channel:
        credentials, options = self._credentials, channel_options()
        if self._files is not None:
            credentials, options = self._files.credentials, (*options, *self._files.options)
        if credentials is None:
            return grpc.aio.insecure_channel(self._target, options=options)
        return grpc.aio.secure_channel(self._target, credentials, options=options)


async def _retire(channel: grpc.aio.Channel, seconds: float) -> None:
    """Close a channel that gets no new calls any more: after some seconds, or at once if cancelled."""
    try:
        await asyncio.sleep(seconds)
        await channel.close()
    except asyncio.CancelledError:
        await channel.close()
        raise


@contextmanager
def translated() -> Iterator[None]:
    """Raise a LeadlineError in place of gRPC's own exception.

    If the task was not cancelled, a CancelledError comes from the closed channel, and becomes Cancelled.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise errors.from_rpc_error(error) from error
    except grpc.aio.UsageError as error:  # the channel was closed between two steps
        raise closed() from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise closed() from error


def closed() -> errors.Cancelled:
    """The error of a client that is closed."""
    return errors.Cancelled(grpc.StatusCode.CANCELLED, message="The client is closed.")


def key_metadata(api_key: str) -> Sequence[tuple[str, str]]:
    """The metadata that an API key is sent in; none for an empty one.

    Raises:
        ValueError: it cannot be sent: it has another character than printable ASCII.
    """
    if not api_key:
        return ()
    if not api_key.isascii() or not api_key.isprintable():
        raise ValueError("An API key has printable ASCII characters only.")
    return (("authorization", f"Bearer {api_key}"),)


def _positive(seconds: float) -> float:
    if not seconds > 0:
        raise ValueError("A timeout is more than 0 seconds.")
    return seconds
