"""An issuer of JWTs: its keys, its tokens good and bad, and the place where it shows its public keys."""

import base64
import json
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

ISSUER: Final = "https://id.example"
AUDIENCE: Final = "leadline"

RSA: Final = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, auto_kid=False)
EC: Final = ECKey.generate_key("P-256", {"kid": "ec"}, auto_kid=False)
OKP: Final = OKPKey.generate_key("Ed25519", {"kid": "okp"}, auto_kid=False)
with warnings.catch_warnings(action="ignore"):  # joserfc warns of short keys
    SMALL: Final = RSAKey.generate_key(1024, {"kid": "small"}, auto_kid=False)
KEYS: Final = {"RS256": RSA, "PS256": RSA, "ES256": EC, "Ed25519": OKP}


def key_set(*keys: Any) -> bytes:
    """A JWKS with the public parts of keys."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys or (RSA, EC, OKP, SMALL)]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; None takes one out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 300, "leadline_account": "acme"}
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(
    said: Mapping[str, Any] | None = None, *, algorithm: str = "RS256", key: Any = None, header: Any = None
) -> str:
    """A token that is signed as it says."""
    key = key or KEYS[algorithm]
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    whole = {"alg": algorithm, "kid": key.kid, **(header or {})}
    whole = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(whole, dict(claims() if said is None else said), key, [algorithm], registry)


def signed_as_told(header: Any) -> str:
    """A token with a right signature of RSA and a header that joserfc refuses to write."""
    head = f"{encoded({'alg': 'RS256', 'kid': 'rsa', **header})}.{encoded(claims())}"
    private: Any = RSA.private_key
    return f"{head}.{encoded(private.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def encoded(value: Any) -> str:
    """A part of a token, as a forger writes it."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class KeyServer:
    """Shows a JWKS, and counts how often it is asked for."""

    def __init__(self) -> None:
        self.body = key_set()
        self.status = 200
        self.asked = 0
        self.url = ""

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status, body=self.body, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def key_server() -> AsyncIterator[KeyServer]:
    """A server of a JWKS on this machine."""
    shown = KeyServer()
    app = web.Application()
    app.router.add_get("/jwks", shown.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None  # noqa: SLF001 - aiohttp has no other way to tell the port
    shown.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/jwks"  # type: ignore[attr-defined] # noqa: SLF001
    try:
        yield shown
    finally:
        await runner.cleanup()
