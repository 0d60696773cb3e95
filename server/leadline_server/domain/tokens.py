"""Opaque tokens: positions that clients carry between requests, signed so that only leadline can make or change one.

A token is good for one kind of use (`page`, `resume`) and one filter only. Its payload is signed, not hidden: the
holder of the token can read it.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

MAX_TOKEN_LENGTH: Final = 1024
"""Characters that a token never has more of; the contract says so."""

MAX_PAYLOAD_BYTES: Final = 750
"""The largest payload of such a token, in bytes of UTF-8."""

_SIGNATURE_BYTES: Final = 16  # 128 bits of HMAC-SHA-256; RFC 2104, section 5, allows truncation to half the hash


def sign(secret: bytes, kind: str, filter_: str, payload: str) -> str:
    """A token that carries `payload`, for the use `kind` with the filter `filter_`.

    Args:
        secret: the ledger's secret; every process that shares it takes the others' tokens.
        kind: what the token is used for, so that one for pages is none for watches.
        filter_: all that must be the same when the token comes back, in any text form that is always the same.
        payload: what comes back, at most MAX_PAYLOAD_BYTES in UTF-8.

    Returns:
        Letters, digits, `-` and `_`; shorter than MAX_TOKEN_LENGTH.

    Raises:
        ValueError: the payload is too long.
    """
    data = payload.encode()
    if len(data) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"A token's payload has at most {MAX_PAYLOAD_BYTES} bytes, not {len(data)}.")
    signed = _signature(secret, kind, filter_, data) + data
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def verify(secret: bytes, kind: str, filter_: str, token: str) -> str | None:
    """The payload of a token that `sign` made of the same secret, kind and filter; None for any other text."""
    if len(token) >= MAX_TOKEN_LENGTH:
        return None
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[_SIGNATURE_BYTES:]
        payload = data.decode()
        # The whole token is compared, not its signature alone: several texts decode to the same bytes.
        is_ours = hmac.compare_digest(sign(secret, kind, filter_, payload), token)
    except (binascii.Error, ValueError, TypeError):
        return None  # no base64, no UTF-8, or a character that no token has
    return payload if is_ours else None


def _signature(secret: bytes, kind: str, filter_: str, data: bytes) -> bytes:
    # Lengths go first, so that no two different sets of parts sign as the same bytes.
    parts = [part.encode("utf-8", "surrogatepass") for part in (kind, filter_)]
    message = b"".join(b"%d:%b" % (len(part), part) for part in parts) + data
    return hmac.digest(secret, message, hashlib.sha256)[:_SIGNATURE_BYTES]
