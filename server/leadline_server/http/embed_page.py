"""POST /embed/token: a program asks for a token, with which a page in a frame acts for one user.

    authorization: Bearer leadline_...
    {"origin": "https://crm.example", "account_id": "acme", "user_id": "alice"}

The answer is {"token": "leadline-embed_...", "expire_time": 1790000900}. A credential of one account can leave out
`account_id`, and one of a user `user_id`.
"""

from typing import Final

from leadline_server.auth.authenticator import Authenticator
from leadline_server.domain.access.principals import ApiKey, Principal, VerifiedToken
from leadline_server.domain.access.rules import Permission, allowed
from leadline_server.domain.access.table import BY_HAND
from leadline_server.domain.access_errors import PermissionDenied, Unauthenticated
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.http.gate import Receive, Scope, Send, answer
from leadline_server.http.json_page import read_texts, send_error, send_json
from leadline_server.http.rpcs import CallContext, context_of
from leadline_server.wire.violations import Violations

EMBED_PATH: Final = "/embed/token"

_FIELDS: Final = frozenset({"origin", "account_id", "user_id"})


class EmbedPage:
    """Issues embed tokens.

    Args:
        authenticator: finds the principals of requests.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            await answer(send, 405, b"")
            return
        try:
            await self._issue(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the text of an unexpected error must not reach the caller
            await send_error(send, "embed_token", error)

    async def _issue(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = context_of(scope, None)
        keys = [pair for pair in call.invocation_metadata() if pair[0] == "authorization"]
        who = await self._authenticator.authenticate(CallContext(None, keys, call.peer()))  # without cookies
        if not isinstance(who.credential, ApiKey | VerifiedToken):
            raise Unauthenticated("An embed token is issued for an API key or a JWT.")
        said = await read_texts(receive, _FIELDS)
        if said is None:
            await answer(send, 400, b"")
            return
        account_id, user_id = self._whom(who.principal, said)
        token, text = self._authenticator.embeds.issue(who.credential, account_id, user_id, said["origin"], who.until)
        await send_json(send, 200, {"token": text, "expire_time": round(token.expire_time)})

    def _whom(self, principal: Principal, said: dict[str, str]) -> tuple[str, str]:
        """The account and the user that the token is for. Raises what an RPC for them would raise."""
        account_id = said.get("account_id") or principal.account_id
        user_id = said.get("user_id") or principal.user_id
        check = Violations()
        check.identifier("account_id", account_id)
        check.identifier("user_id", user_id)
        if said.get("origin") not in self._authenticator.embeds.origins:
            check.add("origin", "It is not one of the setting embed_origins.")
        check.raise_any()
        verdict = allowed(principal, BY_HAND, account_id, user_id)
        if verdict is Permission.HIDDEN:
            raise AccountNotFound(account_id)
        if verdict is Permission.DENIED:
            raise PermissionDenied(
                f"The role {principal.role} may not have this token.", rpc=BY_HAND, role=principal.role
            )
        return account_id, user_id
