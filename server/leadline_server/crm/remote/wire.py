"""Calls to an adapter, limited in time and size. Failures become the errors of the CRM port."""

import asyncio
from typing import Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from leadline_server.crm.remote.channel import MAX_ANSWER_BYTES
from leadline_server.crm.remote.failures import failure_of, unusable
from leadline_server.crm.remote.names import SERVICE, TOKEN_KEY
from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmTooMuch, CrmUnavailable

M = TypeVar("M", bound=Message)

_CONNECT_SHARE: Final = 0.5
"""The share of the deadline for connecting."""

_STOPPING: Final = "leadline is stopping."
_READY: Final = grpc.ChannelConnectivity.READY
_IS_HOPELESS: Final = frozenset({grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN})


class Wire:
    """Calls an adapter. Any number of tasks may use it at once, and may be cancelled.

    Args:
        channel: the gRPC channel. This class does not close it.
        settings: the deadline, the token, and the adapter's name in messages.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: RemoteSettings) -> None:
        self._channel = channel
        self._deadline = settings.deadline
        token = settings.token.get_secret_value() if settings.token else ""
        self._metadata = ((TOKEN_KEY, f"Bearer {token}"),) if token else ()
        self._secrets = (token,) if token else ()
        self.title = settings.title

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now. If not, connecting starts."""
        return self._state() is _READY

    async def connect(self) -> None:
        """Wait for a connection.

        A call without a connection can fail so that leadline cannot tell whether it was sent. So no call starts without
        one.

        Raises:
            CrmUnavailable: there is no connection, and nothing was sent.
        """
        try:
            async with asyncio.timeout(self._deadline * _CONNECT_SHARE):
                while (state := self._state()) is not _READY:
                    if state in _IS_HOPELESS:
                        raise CrmUnavailable(f"{self.title} cannot be reached.")
                    await self._channel.wait_for_state_change(state)
        except TimeoutError:
            raise CrmUnavailable(f"{self.title} cannot be reached in time.") from None

    def _state(self) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect=True)

    async def call(
        self,
        method: str,
        request: Message,
        answer: type[M],
        *,
        is_write: bool = False,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> M:
        """Call a method of the adapter, once. An answer of more than `most_bytes` is not decoded.

        Raises:
            CrmTooMuch: the answer to a read is longer.
            CrmOutcomeUnknown: a write was sent, and its outcome is unknown.
            CrmUnavailable: a read failed, or the adapter says that it wrote nothing.
            CrmRateLimited, CrmRejected, CrmAuthFailed: as the adapter says.
        """
        data = await self._exchange(method, request.SerializeToString(), is_write=is_write)
        if len(data) > most_bytes and not is_write:
            raise CrmTooMuch(f"The answer of {self.title} is longer than {most_bytes} bytes.")
        try:
            return answer.FromString(data)
        except DecodeError as error:
            raise unusable(self.title, f"is not a {answer.DESCRIPTOR.name}", is_write=is_write) from error

    async def _exchange(self, method: str, request: bytes, *, is_write: bool) -> bytes:
        # As bytes: gRPC reports an answer that it cannot decode like any other failure.
        stub: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            f"/{SERVICE.full_name}/{method}"
        )
        try:
            data = await stub(request, timeout=self._deadline, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise failure_of(error, self.title, self._secrets, is_write=is_write) from error
        except grpc.aio.UsageError as error:
            raise CrmUnavailable(_STOPPING) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # The task was not cancelled: the channel was closed.
            raise (CrmOutcomeUnknown if is_write else CrmUnavailable)(_STOPPING) from error
        if not isinstance(data, bytes):  # gRPC returns None for status OK without a message
            raise unusable(self.title, "has no message", is_write=is_write)
        return data
