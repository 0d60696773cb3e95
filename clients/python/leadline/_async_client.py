"""The asynchronous client, which the synchronous one uses."""
# ruff: noqa: ASYNC109 - a timeout is the deadline of an RPC, which the server is told

import copy
import uuid
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Final, Self, Unpack

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from leadline._accounts import AccountMethods
from leadline._audit import AuditMethods
from leadline._connection import Connection, MetadataHook
from leadline._keys import KeyMethods
from leadline._messages import CallFields, CallLogFilter, ContactFields, call_message, enum_number, list_request
from leadline._placeholders import PlaceholderMethods
from leadline._tls import Tls
from leadline._users import UserMethods
from leadline._watch import CallLogWatch, Stream
from leadline.v1.call_log_pb2 import LOG_TRIGGER_UNSPECIFIED, CallLog, LogTrigger
from leadline.v1.call_log_service_pb2 import (
    GetCallLogRequest,
    LogCallRequest,
    RetryCallLogRequest,
    WatchCallLogsRequest,
)
from leadline.v1.call_pb2 import Call
from leadline.v1.contact_pb2 import Contact
from leadline.v1.contact_service_pb2 import (
    CreateContactRequest,
    FindContactRequest,
    FindContactResponse,
    SearchContactsRequest,
)
from leadline.v1.preferences_pb2 import AccountSettings, Preferences
from leadline.v1.preferences_service_pb2 import (
    GetAccountSettingsRequest,
    GetPreferencesRequest,
    GetPreferencesResponse,
    UpdateAccountSettingsRequest,
    UpdatePreferencesRequest,
    UpdatePreferencesResponse,
)

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds; a LogCall gives leadline this long to reach the CRM before it answers PENDING."""

_WATCHED_AT_ONCE: Final = 1000  # the most call logs that the server sends in one message


class AsyncClient(UserMethods, PlaceholderMethods, KeyMethods, AccountMethods, AuditMethods):
    """leadline for one account and user.

    Every method is one RPC, raises `leadline.errors.LeadlineError`, and takes `timeout` in seconds for itself alone.
    UNAVAILABLE, and CANCELLED by the server, are tried up to four times within the deadline where repeating is safe:
    reads, `log_call` and `create_contact`.

    Args:
        target: where leadline serves, `host:port`.
        account: the account's id.
        user: the user whose calls and preferences these are.
        timeout: seconds for every RPC, all its tries together.
        credentials: for TLS, such as `grpc.ssl_channel_credentials()`; None connects in plain text.
        metadata: called before every RPC for the metadata to send, such as a token; plain or asynchronous.
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
        self._connection = Connection(target, timeout, credentials, metadata, api_key, tls)
        self._account = account
        self._user = user

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; RPCs in progress end with Cancelled."""
        await self._connection.close()

    def using(self, *, account: str | None = None, user: str | None = None) -> Self:
        """The same client for another account or user. They share the connection: closing one closes all."""
        other = copy.copy(self)
        other._account = self._account if account is None else account  # noqa: SLF001 - of its own class
        other._user = self._user if user is None else user  # noqa: SLF001 - of its own class
        return other

    async def find_contact(
        self, *phone_numbers: str, skip_cache: bool = False, timeout: float | None = None
    ) -> FindContactResponse:
        """Find the contacts of phone numbers. If leadline cannot tell, it raises Unavailable or DeadlineExceeded."""
        request = FindContactRequest(
            account_id=self._account, user_id=self._user, phone_numbers=phone_numbers, skip_cache=skip_cache
        )
        return await self._connection.ask(self._connection.stubs().contacts.FindContact, request, timeout)

    async def search_contacts(
        self, query: str, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncIterator[Contact]:
        """Search contacts by name. Pages are requested as they are needed, each with this `timeout`."""
        request = SearchContactsRequest(account_id=self._account, user_id=self._user, query=query, page_size=page_size)
        while True:
            page = await self._connection.ask(self._connection.stubs().contacts.SearchContacts, request, timeout)
            for contact in page.contacts:
                yield contact
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def create_contact(
        self, name: str, phone_number: str, *, timeout: float | None = None, **fields: Unpack[ContactFields]
    ) -> Contact:
        """Create a contact. Without a `request_id` each call gets a new one, so that its tries create only one.

        Raises:
            AlreadyExists: the number has contacts, and `allow_duplicate` is not set.
        """
        fields.setdefault("request_id", str(uuid.uuid4()))
        request = CreateContactRequest(
            account_id=self._account, user_id=self._user, name=name, phone_number=phone_number, **fields
        )
        answer = await self._connection.ask(self._connection.stubs().contacts.CreateContact, request, timeout)
        return answer.contact

    async def log_call(
        self,
        call: Call | None = None,
        *,
        contact_id: str = "",
        trigger: LogTrigger.ValueType | str = LOG_TRIGGER_UNSPECIFIED,
        validate_only: bool = False,
        replay_id: str = "",
        timeout: float | None = None,
        **fields: Unpack[CallFields],
    ) -> CallLog:
        """Report a call, or news of one, as a Call or as keywords. Sending the same report again changes nothing.

        The deadline is a budget: leadline answers with the final state, or with PENDING shortly before the deadline.

        Args:
            call: the report.
            contact_id: the contact that a person chose.
            trigger: `"MANUAL"` if a person asks.
            validate_only: return what would happen, and write nothing.
            replay_id: of `open_replay`, for a past call.
            timeout: seconds.
            fields: the report by keyword, instead of `call`.

        Raises:
            TypeError: both `call` and fields are given.
            UnknownEnumValue: an enum has no value of this name.
            ValueError: a field cannot have the given value.
        """
        if call is not None and fields:
            raise TypeError("Give a Call or its fields, not both.")
        request = LogCallRequest(
            account_id=self._account,
            user_id=self._user,
            call=call_message(fields) if call is None else call,
            contact_id=contact_id,
            trigger=enum_number(LogTrigger, trigger),
            validate_only=validate_only,
            replay_id=replay_id,
        )
        return (await self._connection.ask(self._connection.stubs().call_logs.LogCall, request, timeout)).call_log

    async def get_call_log(self, call_id: str, *, timeout: float | None = None) -> CallLog:
        """Get a call with its state and reason."""
        request = GetCallLogRequest(account_id=self._account, call_id=call_id)
        return (await self._connection.ask(self._connection.stubs().call_logs.GetCallLog, request, timeout)).call_log

    async def retry_call_log(self, call_id: str, *, timeout: float | None = None) -> CallLog:
        """Decide or deliver a call again, now."""
        request = RetryCallLogRequest(account_id=self._account, call_id=call_id)
        return (await self._connection.ask(self._connection.stubs().call_logs.RetryCallLog, request, timeout)).call_log

    async def list_call_logs(
        self, *, timeout: float | None = None, **filters: Unpack[CallLogFilter]
    ) -> AsyncIterator[CallLog]:
        """List call logs of the account, newest call first. Pages are requested as they are needed.

        `timeout` is that of each page. Without `user_id` the logs of all users are listed.

        Raises:
            UnknownEnumValue: an enum has no value of this name.
            ValueError: a filter cannot have the given value.
        """
        request = list_request(self._account, **filters)
        while True:
            page = await self._connection.ask(self._connection.stubs().call_logs.ListCallLogs, request, timeout)
            for call_log in page.call_logs:
                yield call_log
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def watch_call_logs(
        self, *, user_id: str = "", resume_token: str = "", give_up_after: float = 300.0
    ) -> CallLogWatch:
        """Watch call logs as they change. There is no deadline. Without `user_id` all users are watched.

        Args:
            user_id: the user whose logs to watch.
            resume_token: `resume_token` of a watch before, with the same `user_id`; empty: from now on.
            give_up_after: seconds without the server after which the watch raises; `math.inf`: never.
        """

        async def connect(token: str) -> Stream:
            request = WatchCallLogsRequest(
                account_id=self._account, user_id=user_id, resume_token=token, max_call_logs=_WATCHED_AT_ONCE
            )
            metadata = await self._connection.metadata()
            return self._connection.stubs().call_logs.WatchCallLogs(request, metadata=metadata)

        connection = self._connection
        return CallLogWatch(
            connect, resume_token, connection.timeout, give_up_after, is_closed=lambda: connection.is_closed
        )

    async def get_preferences(self, *, timeout: float | None = None) -> GetPreferencesResponse:
        """Get the user's preferences: effective values, own values, and the level of each value."""
        request = GetPreferencesRequest(account_id=self._account, user_id=self._user)
        return await self._connection.ask(self._connection.stubs().preferences.GetPreferences, request, timeout)

    async def update_preferences(
        self, preferences: Preferences, *, update_mask: Sequence[str] = (), timeout: float | None = None
    ) -> UpdatePreferencesResponse:
        """Write the user's own preferences: the fields named in `update_mask`, or else those that are set."""
        request = UpdatePreferencesRequest(
            account_id=self._account,
            user_id=self._user,
            preferences=preferences,
            update_mask=FieldMask(paths=update_mask),
        )
        return await self._connection.ask(self._connection.stubs().preferences.UpdatePreferences, request, timeout)

    async def get_account_settings(self, *, timeout: float | None = None) -> AccountSettings:
        """The account's settings."""
        request = GetAccountSettingsRequest(account_id=self._account)
        ask = self._connection.stubs().preferences.GetAccountSettings
        return (await self._connection.ask(ask, request, timeout)).settings

    async def update_account_settings(
        self, settings: AccountSettings, *, update_mask: Sequence[str] = (), timeout: float | None = None
    ) -> AccountSettings:
        """Write the account's settings: the fields named in `update_mask`, or else those that are set."""
        request = UpdateAccountSettingsRequest(
            account_id=self._account, settings=settings, update_mask=FieldMask(paths=update_mask)
        )
        ask = self._connection.stubs().preferences.UpdateAccountSettings
        return (await self._connection.ask(ask, request, timeout)).settings
