"""POST /ingress/NAME/ACCOUNT: the webhooks of phone systems."""

from typing import Final
from urllib.parse import unquote

from leadline_server.http.gate import Receive, Scope, Send, answer, singles
from leadline_server.ingress.receiver import REFUSED, TRY_AGAIN, Receiver, WebhookAnswer
from leadline_server.ingress.webhook import MAX_BODY, Webhook

PREFIX: Final = "/ingress/"
MAX_AT_ONCE: Final = 64
"""The most webhooks at once. Their bodies are in memory; more of them are told to come again."""


class IngressPage:
    """Hands webhooks to a receiver.

    Args:
        receiver: takes them.
        public_url: the address at which phone systems reach leadline. Signatures may cover it.
    """

    def __init__(self, receiver: Receiver, public_url: str) -> None:
        self._receiver = receiver
        self._public_url = public_url
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._at_once >= MAX_AT_ONCE:
            await _send(send, TRY_AGAIN)
            return
        self._at_once += 1
        try:
            await _send(send, await self._answer(scope, receive))
        finally:
            self._at_once -= 1

    async def _answer(self, scope: Scope, receive: Receive) -> WebhookAnswer:
        # The body is read first, so that the time of the answer does not tell whether there is such a route.
        body = await _body(receive)
        name, account_id = _address(scope["path"])
        if body is None or scope["method"] != "POST":
            return REFUSED
        return await self._receiver.receive(name, account_id, self._webhook(scope, body))

    def _webhook(self, scope: Scope, body: bytes) -> Webhook:
        path = scope.get("raw_path", b"").decode("ascii", errors="replace") or scope["path"]
        query = scope["query_string"].decode("ascii", errors="replace")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in singles(scope["headers"]).items()}
        url = f"{self._public_url}{path}" + (f"?{query}" if query else "")
        return Webhook(url=url, headers=headers, body=body, query=query)


def _address(path: str) -> tuple[str, str]:
    """The route's name and the account in a path."""
    name, _, account_id = path.removeprefix(PREFIX).partition("/")
    return name, unquote(account_id)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if it is too long, or if it did not arrive."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts += message.get("body", b"")
        if len(parts) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(parts)


async def _send(send: Send, told: WebhookAnswer) -> None:
    extra = [(name.encode(), value.encode("ascii")) for name, value in told.headers.items()]
    await answer(send, told.status, told.body, told.content_type, extra)
