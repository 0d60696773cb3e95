"""Verifies that a webhook is the phone system's own: one small pure function for each scheme.

Each returns why a request is refused, or None if it is authentic. The reason is for metrics and logs only: the sender
gets the same answer to every refusal. Secrets and signatures are compared in constant time.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from leadline_server.ingress.schemes import (
    BasicScheme,
    BearerScheme,
    Ed25519Scheme,
    HmacScheme,
    JwtScheme,
    Scheme,
    TokenScheme,
    TwilioScheme,
)
from leadline_server.ingress.webhook import UnreadableBody, Webhook

TWILIO_HEADER: Final = "x-twilio-signature"
TWILIO_SETTINGS_HEADER: Final = "x-twilio-webhooks-signature-settings"
_TWILIO_HASHES: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_MAX_SIGNATURE: Final = 8_192  # characters of a signature or a token
_KEY_BYTES: Final = 32  # of an Ed25519 public key
_SHA256_HEX: Final = 64


class Refused(StrEnum):
    """Why a request is refused."""

    UNKNOWN = "unknown"  # there is no such route
    FORGED = "forged"  # the signature or the secret is missing or wrong
    STALE = "stale"  # the signed time is too far from now
    FOREIGN = "foreign"  # it is another account's, by what the route expects


def refusal(scheme: Scheme, secret: str, user: str, request: Webhook, now: datetime) -> Refused | None:
    """Why a request is refused; None if it is authentic.

    Args:
        scheme: how requests are authenticated.
        secret: the route's secret. An empty one authenticates nothing.
        user: the user of Basic authentication.
        request: the request.
        now: the time, for signatures that sign a time.
    """
    if not secret:
        return Refused.FORGED
    match scheme:
        case HmacScheme():
            found = hmac_refusal(scheme, secret, request, now)
        case Ed25519Scheme():
            found = ed25519_refusal(scheme, secret, request, now)
        case JwtScheme():
            found = jwt_refusal(scheme, secret, request, now)
        case TwilioScheme():
            found = twilio_refusal(secret, request)
        case BasicScheme():
            found = basic_refusal(user, secret, request)
        case _:
            found = token_refusal(scheme, secret, request)
    return found


def token_refusal(scheme: TokenScheme | BearerScheme, secret: str, request: Webhook) -> Refused | None:
    """The secret itself in a header."""
    given = _bearer(request) if isinstance(scheme, BearerScheme) else request.headers.get(scheme.header.lower(), "")
    return _unless(equal(given, secret))


def hmac_refusal(scheme: HmacScheme, secret: str, request: Webhook, now: datetime) -> Refused | None:
    """HMAC over the body, or over a time and the body."""
    written = request.headers.get(scheme.header.lower(), "")
    timestamp = request.headers.get((scheme.timestamp_header or "").lower(), "")
    if not written.startswith(scheme.prefix) or len(written) > _MAX_SIGNATURE:
        return Refused.FORGED
    mac = hmac.new(secret.encode(), signed_bytes(scheme.signed, timestamp, request.body), scheme.algorithm).digest()
    expected = mac.hex() if scheme.encoding == "hex" else base64.b64encode(mac).decode()
    found = written.removeprefix(scheme.prefix)
    if not equal(found.lower() if scheme.encoding == "hex" else found, expected):
        return Refused.FORGED
    return None if scheme.timestamp_header is None else staleness(timestamp, now, scheme.tolerance)


def twilio_refusal(secret: str, request: Webhook) -> Refused | None:
    """Twilio's signature of the address and the form's fields (twilio.com, "Webhooks security").

    A request whose body is not a form has the body's SHA-256 in the query: `bodySHA256`. Twilio sometimes signs the
    address with its port and sometimes without, so both are right.
    """
    hashed = _TWILIO_HASHES.get(_twilio_algorithm(request.headers.get(TWILIO_SETTINGS_HEADER, "")))
    signature = request.headers.get(TWILIO_HEADER, "")
    if hashed is None or not signature:
        return Refused.FORGED
    fields = ""
    if request.is_form:
        try:
            fields = "".join(name + value for name, value in sorted(set(request.fields)))
        except UnreadableBody:
            return Refused.FORGED
    elif not _has_body_hash(request):
        return Refused.FORGED
    found = False
    for url in _with_and_without_port(request.url):
        mac = hmac.new(secret.encode(), (url + fields).encode(errors="surrogateescape"), hashed).digest()
        found |= equal(signature, base64.b64encode(mac).decode())
    return _unless(found)


def ed25519_refusal(scheme: Ed25519Scheme, secret: str, request: Webhook, now: datetime) -> Refused | None:
    """An Ed25519 signature of a time and the body. `secret` is the public key."""
    timestamp = request.headers.get(scheme.timestamp_header.lower(), "")
    signature = _base64(request.headers.get(scheme.header.lower(), ""))
    try:
        key = Ed25519PublicKey.from_public_bytes(_base64(secret) or b"")
        key.verify(signature or b"", signed_bytes(scheme.signed, timestamp, request.body))
    except (InvalidSignature, ValueError):
        return Refused.FORGED
    return staleness(timestamp, now, scheme.tolerance)


def jwt_refusal(scheme: JwtScheme, secret: str, request: Webhook, now: datetime) -> Refused | None:
    """A JWT with HS256 and the body's hash. Any other algorithm is refused, whatever the token says."""
    claims = _claims(_bearer(request), secret)
    if claims is None:
        return Refused.FORGED
    digest = hashlib.sha256(request.body).hexdigest()
    if not equal(str(claims.get(scheme.hash_claim, "")).lower(), digest):
        return Refused.FORGED
    for name, sign in (("exp", 1), ("nbf", -1)):
        if name in claims and not _is_before(now.timestamp(), claims[name], sign):
            return Refused.STALE
    return staleness(str(claims.get("iat", "")), now, scheme.tolerance)


def claims_of(scheme: Scheme, secret: str, request: Webhook) -> Mapping[str, Any]:
    """The claims of an authentic request's JWT; none for other schemes."""
    return (_claims(_bearer(request), secret) or {}) if isinstance(scheme, JwtScheme) else {}


def basic_refusal(user: str, secret: str, request: Webhook) -> Refused | None:
    """HTTP Basic (RFC 7617)."""
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    given = _base64(written.strip()) if scheme.lower() == "basic" else None
    return _unless(given is not None and hmac.compare_digest(given, f"{user}:{secret}".encode()))


def staleness(timestamp: str, now: datetime, tolerance: int) -> Refused | None:
    """Whether a signed time, in seconds since 1970, is too far from now."""
    if not 0 < len(timestamp) <= 20 or not timestamp.isascii() or not timestamp.isdigit():  # noqa: PLR2004 - digits
        return Refused.STALE
    return Refused.STALE if abs(now.timestamp() - int(timestamp)) > tolerance else None


def signed_bytes(form: str, timestamp: str, body: bytes) -> bytes:
    """The bytes that are signed: `{timestamp}|{body}` with both put in. The body's bytes stay as they are."""
    before, found, after = form.partition("{body}")
    text = [part.replace("{timestamp}", timestamp).encode() for part in (before, after)]
    return text[0] + (body if found else b"") + text[1]


def equal(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def is_public_key(text: str) -> bool:
    """Whether a text is an Ed25519 public key in Base64."""
    key = _base64(text)
    return key is not None and len(key) == _KEY_BYTES


def _unless(is_authentic: bool) -> Refused | None:  # noqa: FBT001 - the name says it
    return None if is_authentic else Refused.FORGED


def _bearer(request: Webhook) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and len(token) <= _MAX_SIGNATURE else ""


def _twilio_algorithm(settings: str) -> str:
    """The algorithm in `key=...,algorithm=HMAC_SHA256`; without one it is SHA-1."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _has_body_hash(request: Webhook) -> bool:
    """Whether the signed address has the hash of the body. A body without a hash must be empty."""
    try:
        found = parse_qs(urlsplit(request.url).query, max_num_fields=1_000).get("bodySHA256")
    except ValueError:
        return False
    if found is None:
        return not request.body
    return len(found[0]) == _SHA256_HEX and equal(found[0], hashlib.sha256(request.body).hexdigest())


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()


def _claims(token: str, secret: str) -> Mapping[str, Any] | None:
    """The claims of a JWT that is signed with HS256 (RFC 7515, 7518); None if it is not."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    header, signature = _object(parts[0]), _base64url(parts[2])
    if header is None or header.get("alg") != "HS256" or "crit" in header or signature is None:
        return None
    expected = hmac.new(secret.encode(), f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
    return _object(parts[1]) if hmac.compare_digest(signature, expected) else None


def _is_before(now: float, limit: Any, sign: int) -> bool:
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    return is_number and sign * now <= sign * limit


def _object(text: str) -> Mapping[str, Any] | None:
    data = _base64url(text)
    try:
        found = None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _base64(text: str) -> bytes | None:
    if not text or len(text) > _MAX_SIGNATURE:
        return None
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _base64url(text: str) -> bytes | None:
    """The bytes of a part of a JWT; None for any spelling but the one that RFC 7515 writes."""
    data = _base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    is_canonical = data is not None and base64.urlsafe_b64encode(data).decode().rstrip("=") == text
    return data if is_canonical else None
