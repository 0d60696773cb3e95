"""KeyService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from leadline.admin.v1 import key_service_pb2 as pb
from leadline.admin.v1.key_service_pb2_grpc import KeyServiceServicer

from leadline_server.audit.acting import PRINCIPAL
from leadline_server.commands import Commands
from leadline_server.commands.keys import KeyWish
from leadline_server.ports.ledger.credentials import DenialKind
from leadline_server.transport.context import Context
from leadline_server.wire.keys import key_message, overlap_of, wish_fields
from leadline_server.wire.violations import TOKEN_LENGTH, Violations

_CLAIM_LENGTH = 512


class KeyServicer(KeyServiceServicer):
    """KeyService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def IssueKey(self, request: pb.IssueKeyRequest, context: Context) -> pb.IssueKeyResponse:
        """Issue a key."""
        check = Violations()
        fields = wish_fields(check, request)
        check.raise_any()
        await self._check_account(request.account_id)
        issued = await self._commands.keys.issue(KeyWish(**fields), PRINCIPAL.get())
        return pb.IssueKeyResponse(key=key_message(issued.key), secret=issued.secret)

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        """List an account's keys."""
        check = Violations()
        check.optional_id("account_id", request.account_id)
        page_size = check.page_size(request.page_size)
        page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
        check.raise_any()
        await self._check_account(request.account_id)
        found = await self._commands.keys.list(request.account_id, page_size, page_token)
        return pb.ListKeysResponse(keys=map(key_message, found.keys), next_page_token=found.next_page_token)

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.RotateKeyResponse:
        """Issue a key in the place of another."""
        check = Violations()
        key_id = _key_id(check, request)
        overlap = overlap_of(check, request)
        check.raise_any()
        await self._check_account(request.account_id)
        issued = await self._commands.keys.rotate(request.account_id, key_id, overlap, PRINCIPAL.get())
        replaced = None if issued.replaced is None else key_message(issued.replaced)
        return pb.RotateKeyResponse(key=key_message(issued.key), secret=issued.secret, replaced=replaced)

    async def RevokeKey(self, request: pb.RevokeKeyRequest, context: Context) -> pb.RevokeKeyResponse:
        """End a key."""
        check = Violations()
        key_id = _key_id(check, request)
        check.raise_any()
        await self._check_account(request.account_id)
        return pb.RevokeKeyResponse(key=key_message(await self._commands.keys.revoke(request.account_id, key_id)))

    async def DenyTokens(self, request: pb.DenyTokensRequest, context: Context) -> pb.DenyTokensResponse:
        """Refuse JWTs."""
        check = Violations()
        check.optional_id("account_id", request.account_id)
        issuer = check.text("issuer", request.issuer, _CLAIM_LENGTH)
        if not issuer:
            check.add("issuer", "Required.")
        denied = _denied(check, request)
        until = check.time("expire_time", request.expire_time) if request.HasField("expire_time") else None
        check.raise_any()
        await self._check_account(request.account_id)
        await self._commands.keys.deny(request.account_id, issuer, denied, until)
        return pb.DenyTokensResponse()

    async def _check_account(self, account_id: str) -> None:
        """Raise AccountNotFound if the request names an account that does not exist."""
        if account_id:
            await self._commands.accounts.get_any(account_id)


def _key_id(check: Violations, request: pb.RotateKeyRequest | pb.RevokeKeyRequest) -> str:
    check.optional_id("account_id", request.account_id)
    return check.identifier("key_id", request.key_id)


def _denied(check: Violations, request: pb.DenyTokensRequest) -> tuple[DenialKind, str]:
    subject = check.text("subject", request.subject, _CLAIM_LENGTH)
    token_id = check.text("token_id", request.token_id, _CLAIM_LENGTH)
    if bool(subject) is bool(token_id):
        check.add("subject", "Either this or `token_id` is required, and not both.")
    return (DenialKind.SUBJECT, subject) if subject else (DenialKind.TOKEN, token_id)
