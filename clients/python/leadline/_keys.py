"""The part of the client for API keys."""
# ruff: noqa: ASYNC109 - a timeout is the deadline of an RPC, which the server is told

from collections.abc import AsyncIterator, Sequence

from leadline._connection import Connection
from leadline._messages import Time, timestamp
from leadline.admin.v1.key_pb2 import Grant, Key, Role
from leadline.admin.v1.key_service_pb2 import (
    DenyTokensRequest,
    IssueKeyRequest,
    IssueKeyResponse,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
    RotateKeyResponse,
)


class KeyMethods:
    """Methods of `AsyncClient`."""

    _connection: Connection
    _account: str

    async def issue_key(
        self,
        role: "Role.ValueType | str",
        *,
        user_id: str = "",
        grants: "Sequence[Grant.ValueType | str]" = (),
        label: str = "",
        certificate_name: str = "",
        expire_time: Time | None = None,
        timeout: float | None = None,
    ) -> IssueKeyResponse:
        """Issue a key of the client's account; `secret` of the answer is the key, and is never shown again.

        Example: `await client.issue_key("ROLE_REPORTER", label="office PBX")`. With an empty account it is a key of the
        platform or of a monitor.
        """
        request = IssueKeyRequest(
            account_id=self._account,
            user_id=user_id,
            role=Role.Value(role) if isinstance(role, str) else role,
            grants=[Grant.Value(grant) if isinstance(grant, str) else grant for grant in grants],
            label=label,
            certificate_name=certificate_name,
            expire_time=None if expire_time is None else timestamp(expire_time),
        )
        return await self._connection.ask(self._connection.stubs().keys.IssueKey, request, timeout)

    async def list_keys(self, *, page_size: int = 0, timeout: float | None = None) -> AsyncIterator[Key]:
        """The account's keys, page after page as they are taken, also those that are not accepted any more."""
        request = ListKeysRequest(account_id=self._account, page_size=page_size)
        while True:
            page = await self._connection.ask(self._connection.stubs().keys.ListKeys, request, timeout)
            for key in page.keys:
                yield key
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def rotate_key(
        self, key_id: str, *, overlap_seconds: int | None = None, timeout: float | None = None
    ) -> RotateKeyResponse:
        """Issue a key in the place of another; both are accepted for a while, 24 hours by default."""
        request = RotateKeyRequest(account_id=self._account, key_id=key_id)
        if overlap_seconds is not None:
            request.overlap.seconds = overlap_seconds
            request.overlap.SetInParent()
        return await self._connection.ask(self._connection.stubs().keys.RotateKey, request, timeout)

    async def revoke_key(self, key_id: str, *, timeout: float | None = None) -> Key:
        """End a key at once, for new requests and for open watches."""
        request = RevokeKeyRequest(account_id=self._account, key_id=key_id)
        return (await self._connection.ask(self._connection.stubs().keys.RevokeKey, request, timeout)).key

    async def deny_tokens(
        self,
        issuer: str,
        *,
        subject: str = "",
        token_id: str = "",
        expire_time: Time | None = None,
        timeout: float | None = None,
    ) -> None:
        """Refuse JWTs of an issuer from now on: all of a subject (`sub`), or one (`jti`)."""
        request = DenyTokensRequest(
            account_id=self._account,
            issuer=issuer,
            subject=subject,
            token_id=token_id,
            expire_time=None if expire_time is None else timestamp(expire_time),
        )
        await self._connection.ask(self._connection.stubs().keys.DenyTokens, request, timeout)
