"""Signs the requests of a test call, as the phone system would: the reverse of `authentication`."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from leadline_server.ingress.authentication import TWILIO_HEADER, signed_bytes
from leadline_server.ingress.routes import Route
from leadline_server.ingress.schemes import (
    BasicScheme,
    BearerScheme,
    Ed25519Scheme,
    HmacScheme,
    JwtScheme,
    TokenScheme,
    TwilioScheme,
)

_JWT_HEADER: Final = {"alg": "HS256", "typ": "JWT"}


class CannotSign(Exception):
    """Only the phone system itself can sign its requests. The message says why."""


def signature(route: Route, url: str, body: bytes, claims: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The headers that authenticate a request.

    Args:
        route: the route, with its secret.
        url: the public address of the route, which Twilio signs.
        body: the body. For Twilio it is a form.
        claims: further claims of a JWT.
        now: the time, for signatures that sign a time.

    Raises:
        CannotSign: the phone system signs with a private key that it keeps.
    """
    secret, timestamp = route.secret, str(int(now.timestamp()))
    match route.scheme:
        case HmacScheme() as scheme:
            return _hmac(scheme, secret, body, timestamp)
        case TwilioScheme():
            return {TWILIO_HEADER: _twilio(secret, url, body)}
        case JwtScheme(hash_claim=claim):
            hashed = {claim: hashlib.sha256(body).hexdigest()}
            return {"authorization": f"Bearer {_jwt(secret, {**claims, 'iat': int(timestamp), **hashed})}"}
        case TokenScheme(header=header):
            return {header: secret}
        case BearerScheme():
            return {"authorization": f"Bearer {secret}"}
        case BasicScheme():
            return {"authorization": f"Basic {base64.b64encode(f'{route.user}:{secret}'.encode()).decode()}"}
        case Ed25519Scheme():
            title = route.definition.definition.title
            raise CannotSign(f"{title} signs with a private key that only {title} has; make a call through it instead")


def _hmac(scheme: HmacScheme, secret: str, body: bytes, timestamp: str) -> dict[str, str]:
    mac = hmac.new(secret.encode(), signed_bytes(scheme.signed, timestamp, body), scheme.algorithm).digest()
    written = mac.hex() if scheme.encoding == "hex" else base64.b64encode(mac).decode()
    time_header = {} if scheme.timestamp_header is None else {scheme.timestamp_header: timestamp}
    return {scheme.header: f"{scheme.prefix}{written}", **time_header}


def _twilio(secret: str, url: str, body: bytes) -> str:
    fields = sorted(set(parse_qsl(body.decode(), keep_blank_values=True)))
    text = url + "".join(name + value for name, value in fields)
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _jwt(secret: str, claims: Mapping[str, object]) -> str:
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in (_JWT_HEADER, claims))
    return f"{signed}.{_base64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
