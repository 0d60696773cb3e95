"""The synchronous client: the asynchronous one, on an event loop of its own."""

import copy
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc

from leadline._async_client import DEFAULT_TIMEOUT, AsyncClient
from leadline._connection import MetadataHook
from leadline._loop import LoopThread
from leadline._tls import Tls
from leadline._watch import CallLogWatch
from leadline.v1.call_log_pb2 import CallLog

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


def _waiting(
    method: Callable[Concatenate[AsyncClient, _Params], Coroutine[Any, Any, _Result]],
) -> Callable[Concatenate["Client", _Params], _Result]:
    """A method of AsyncClient as one that waits for its result."""

    @functools.wraps(method)
    def wait(self: "Client", /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        return self._loop.run(method(self._client, *args, **kwargs))

    return wait


def _iterating(
    method: Callable[Concatenate[AsyncClient, _Params], AsyncIterator[_Result]],
) -> Callable[Concatenate["Client", _Params], Iterator[_Result]]:
    """An asynchronous iterator of AsyncClient as a plain one."""

    @functools.wraps(method)
    def iterate(self: "Client", /, *args: _Params.args, **kwargs: _Params.kwargs) -> Iterator[_Result]:
        items = method(self._client, *args, **kwargs)

        async def step() -> tuple[_Result] | None:
            async for item in items:
                return (item,)
            return None

        while found := self._loop.run(step()):
            yield found[0]

    return iterate


class BlockingWatch(Iterator[CallLog]):
    """Call logs as they change: `CallLogWatch` as a plain iterator. Closing the client, or the watch, ends it."""

    def __init__(self, watch: CallLogWatch, loop: LoopThread) -> None:
        self._watch = watch
        self._loop = loop

    @property
    def resume_token(self) -> str:
        """Where to go on after the call log that was returned last. Empty: the watch has not begun."""
        return self._watch.resume_token

    def start(self) -> None:
        """Return once the server watches: whatever changes from then on will come. A loop does it by itself."""
        self._loop.run(self._watch.start())

    def __next__(self) -> CallLog:
        return self._loop.run(self._watch.__anext__())

    def close(self) -> None:
        """End the stream. A later step begins it again, after the last call log that was returned."""
        self._loop.run(self._watch.aclose())


class Client:
    """leadline for one account and user: `AsyncClient`, with methods that wait. Threads may share it.

    The event loop is a thread of its own, which starts with the first RPC. A process that forks makes its clients, or
    uses them first, after the fork.

    Args:
        target: where leadline serves, `host:port`.
        account: the account's id.
        user: the user whose calls and preferences these are.
        timeout: seconds for every RPC, all its tries together.
        credentials: for TLS, such as `grpc.ssl_channel_credentials()`; None connects in plain text.
        metadata: called before every RPC for the metadata to send, such as a token; on the event loop, so it must not
            block: an asynchronous one may wait.
        api_key: the API key, or a JWT, that every RPC is sent with. Empty: none.
        tls: for TLS by files that may change, such as `Tls(ca="ca.pem")`, in the place of credentials.

    Raises:
        ValueError: the timeout is not positive, or there are credentials and `tls`.
        OSError: a file of `tls` cannot be used.
    """

    def __init__(
        self,
        target: str,
        *,
        account: str,
        user: str = "",
        timeout: float = DEFAULT_TIMEOUT,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: MetadataHook | None = None,
        api_key: str = "",
        tls: Tls | None = None,
    ) -> None:
        self._client = AsyncClient(
            target,
            account=account,
            user=user,
            timeout=timeout,
            credentials=credentials,
            metadata=metadata,
            api_key=api_key,
            tls=tls,
        )
        self._loop = LoopThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and end the thread; what is under way in other threads ends with Cancelled."""
        self._loop.close(self._client.close())

    def using(self, *, account: str | None = None, user: str | None = None) -> Self:
        """The same client for another account or user. They share the connection: closing one closes all."""
        other = copy.copy(self)
        other._client = self._client.using(account=account, user=user)  # noqa: SLF001 - of its own class
        return other

    def watch_call_logs(
        self, *, user_id: str = "", resume_token: str = "", give_up_after: float = 300.0
    ) -> BlockingWatch:
        """Call logs as they change; see `AsyncClient.watch_call_logs`."""
        watch = self._client.watch_call_logs(user_id=user_id, resume_token=resume_token, give_up_after=give_up_after)
        return BlockingWatch(watch, self._loop)

    find_contact = _waiting(AsyncClient.find_contact)
    search_contacts = _iterating(AsyncClient.search_contacts)
    create_contact = _waiting(AsyncClient.create_contact)
    log_call = _waiting(AsyncClient.log_call)
    get_call_log = _waiting(AsyncClient.get_call_log)
    retry_call_log = _waiting(AsyncClient.retry_call_log)
    list_call_logs = _iterating(AsyncClient.list_call_logs)
    get_preferences = _waiting(AsyncClient.get_preferences)
    update_preferences = _waiting(AsyncClient.update_preferences)
    get_account_settings = _waiting(AsyncClient.get_account_settings)
    update_account_settings = _waiting(AsyncClient.update_account_settings)
    get_user = _waiting(AsyncClient.get_user)
    list_users = _iterating(AsyncClient.list_users)
    list_crm_users = _iterating(AsyncClient.list_crm_users)
    upsert_user = _waiting(AsyncClient.upsert_user)
    delete_user = _waiting(AsyncClient.delete_user)
    list_placeholders = _iterating(AsyncClient.list_placeholders)
    remove_placeholder = _waiting(AsyncClient.remove_placeholder)
    open_replay = _waiting(AsyncClient.open_replay)
    issue_key = _waiting(AsyncClient.issue_key)
    list_keys = _iterating(AsyncClient.list_keys)
    rotate_key = _waiting(AsyncClient.rotate_key)
    revoke_key = _waiting(AsyncClient.revoke_key)
    create_account = _waiting(AsyncClient.create_account)
    get_account = _waiting(AsyncClient.get_account)
    list_accounts = _iterating(AsyncClient.list_accounts)
    update_account = _waiting(AsyncClient.update_account)
    disable_account = _waiting(AsyncClient.disable_account)
    delete_account = _waiting(AsyncClient.delete_account)
    export_account = _iterating(AsyncClient.export_account)
    get_connection = _waiting(AsyncClient.get_connection)
    set_connection = _waiting(AsyncClient.set_connection)
    check_connection = _waiting(AsyncClient.check_connection)
    list_audit_entries = _iterating(AsyncClient.list_audit_entries)
    deny_tokens = _waiting(AsyncClient.deny_tokens)
