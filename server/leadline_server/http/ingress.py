"""POST /ingress/NAME/ACCOUNT: the webhooks of phone systems."""

from typing import Final
from urllib.parse import unquote

from leadline_server.http.gate import Receive, Scope, Send, answer, singles
from leadline_server.ingress.receiver import REFUSED, TRY_AGAIN, Receiver, WebhookAnswer
from leadline_server.ingress.webhook import MAX_BODY, Webhook

PREFIX: Final = "/ingress/"
MAX_HELD: Final = 64 * 1024 * 1024
"""The most bytes of bodies in memory at once. Beyond that, senders are told to come again."""


class IngressPage:
    """Hands webhooks to a receiver.

    Args:
        receiver: takes them.
        public_url: the address at which phone systems reach leadline. Signatures may cover it.
    """

    def __init__(self, receiver: Receiver, public_url: str) -> None:
        self._receiver = receiver
        self._public_url = public_url
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        parts = bytearray()
        try:
            told = await self._answer(scope, receive, parts)
        finally:
            self._held -= len(parts)
        extra = [(name.encode(), value.encode("ascii")) for name, value in told.headers.items()]
        await answer(send, told.status, told.body, told.content_type, extra)

    async def _answer(self, scope: Scope, receive: Receive, parts: bytearray) -> WebhookAnswer:
        # The body is read first, so that the time of the answer does not tell whether there is such a route.
        refused = await self._read(receive, parts)
        if refused is not None:
            return refused
        if scope["method"] != "POST":
            return REFUSED
        name, account_id = _address(scope["path"])
        return await self._receiver.receive(name, account_id, self._webhook(scope, bytes(parts)))

    async def _read(self, receive: Receive, parts: bytearray) -> WebhookAnswer | None:
        """Read the body. Returns an answer if it is too long, does not arrive, or does not fit into memory."""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return REFUSED
            part = message.get("body", b"")
            if self._held + len(part) > MAX_HELD:
                return TRY_AGAIN
            parts += part
            self._held += len(part)
            if len(parts) > MAX_BODY:
                return REFUSED
            if not message.get("more_body", False):
                return None

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
