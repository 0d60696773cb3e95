"""Reads JWTs strictly, by RFC 8725 (JSON Web Token Best Current Practices). Pure functions over texts and claims.

A token is read twice: its header and its issuer before the signature is verified, to know which keys may have signed;
and its claims after that. There is no leeway for clocks.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from leadline_server.auth.issuers import IssuerConfig
from leadline_server.domain.access.principals import WITHOUT_ACCOUNT, Role, VerifiedToken
from leadline_server.domain.clean_text import is_safe_id

MOST_CHARACTERS: Final = 8_192
"""The most characters of a token."""

MOST_CLAIM: Final = 512
"""The most characters of the claims that are read."""

MOST_KEY_ID: Final = 256

_MOST_ID: Final = 128
_PARTS: Final = 3
_TYPES: Final = ("jwt", "at+jwt", "application/at+jwt")
# A header that names its own keys, or asks for rules that leadline does not know, is refused.
_FORBIDDEN: Final = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"})


class BadToken(Exception):
    """A token that is not accepted. The text says why, and has nothing of the token."""


def parts_of(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The header and the claims of a token whose signature is not verified.

    Raises:
        BadToken: it is not a signed JWT in compact form.
    """
    parts = token.split(".", _PARTS) if len(token) <= MOST_CHARACTERS and token.isascii() else []
    if len(parts) != _PARTS or not all(parts):
        raise BadToken("It is not a signed JWT.")
    return _object(parts[0]), _object(parts[1])


def check_header(header: Mapping[str, Any], algorithms: Sequence[str]) -> str:
    """The key id of a header; empty without one.

    Raises:
        BadToken: another algorithm or type, or a header that names its own keys.
    """
    if header.get("alg") not in algorithms:
        raise BadToken("Its algorithm is not accepted.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise BadToken("Its type is not JWT.")
    if _FORBIDDEN & header.keys():
        raise BadToken("Its header has what a token may not have.")
    key_id = header.get("kid", "")
    if not isinstance(key_id, str) or len(key_id) > MOST_KEY_ID:
        raise BadToken("Its key id is not a text.")
    return key_id


def verified_token(claims: Mapping[str, Any], issuer: IssuerConfig, now: float) -> VerifiedToken:
    """The token with these claims, whose signature was verified.

    Args:
        claims: the claims.
        issuer: the settings of its issuer, which the caller found by the whole claim `iss`.
        now: seconds since 1970.

    Raises:
        BadToken: a claim is missing, malformed, or not accepted.
    """
    _check_times(claims, now)
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise BadToken("Its audience is malformed.")
    if not set(audiences) & set(issuer.audiences):
        raise BadToken("It is for another audience.")
    role = _role(claims, issuer)
    return VerifiedToken(
        issuer=issuer.issuer,
        subject=_text(claims, "sub", MOST_CLAIM),
        token_id=_text(claims, "jti", MOST_CLAIM) if "jti" in claims else "",
        expire_time=float(claims["exp"]),
        role=role,
        account_id="" if role in WITHOUT_ACCOUNT else issuer.account or _text(claims, issuer.account_claim, _MOST_ID),
        user_id=_text(claims, issuer.user_claim, _MOST_ID) if role is Role.USER else "",
    )


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(_is_time(value) for value in times.values()) or "exp" not in times:
        raise BadToken("Its times are malformed, or it has no end.")
    if times["exp"] <= now:
        raise BadToken("It has expired.")
    if times.get("nbf", now) > now or times.get("iat", now) > now:
        raise BadToken("It is not valid yet.")


def _is_time(value: object) -> bool:
    """Whether a value is a NumericDate (RFC 7519, section 2). JSON's numbers have no bounds, so they need some."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53


def _role(claims: Mapping[str, Any], issuer: IssuerConfig) -> Role:
    name = claims.get(issuer.role_claim, issuer.roles[0].value)
    for role in issuer.roles:
        if name == role.value:
            return role
    raise BadToken("Its issuer may not give this role.")


def _text(claims: Mapping[str, Any], name: str, most: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most or not (value.isprintable() or is_safe_id(value)):
        raise BadToken(f"Its claim {name} is missing or malformed.")
    return value


def _object(part: str) -> Mapping[str, Any]:
    """The JSON object in a part of a token, each of whose names comes once (RFC 8725, section 2.4)."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadToken("It is not a signed JWT.") from error
    if not isinstance(value, dict):
        raise BadToken("It is not a signed JWT.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
