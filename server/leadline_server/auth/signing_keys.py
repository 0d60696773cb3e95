"""The public keys of an issuer (JWKS, RFC 7517), from a file or an address.

They are read when the first token comes, again when they are MOST_AGE old, and when a token names a key that is not
among them. Between two readings there are FETCH_SECONDS at least: otherwise each token with an invented key id would
cause a request to the issuer. If reading fails, the old keys stay in force.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeAlias

import structlog

FETCH_SECONDS: Final = 30.0
"""Seconds between two readings."""

MOST_AGE: Final = 300.0
"""Seconds after which the keys are read again, so that a key that its issuer withdrew is not used for long."""

MOST_BYTES: Final = 256 * 1024
"""The most bytes of a set of keys."""

MOST_KEYS: Final = 100
"""The most keys of a set."""

_TIMEOUT_SECONDS: Final = 5.0
_RSA_CHARACTERS: Final = 342  # a modulus of 2048 bits in base64url (RFC 8725, section 3.5, asks for keys as long)
_KINDS: Final = ("RSA", "EC", "OKP")

Read: TypeAlias = Callable[[], Awaitable[bytes]]

_log = structlog.get_logger(__name__)


class KeysUnreadable(Exception):
    """A set of keys cannot be read. The text says why."""


class SigningKeys:
    """The keys of one issuer.

    Args:
        name: the issuer's name in the settings.
        read: reads the set of keys.
        monotonic: the time in seconds, as `time.monotonic`.
    """

    def __init__(self, name: str, read: Read, monotonic: Callable[[], float]) -> None:
        self._name = name
        self._read = read
        self._monotonic = monotonic
        self._keys: Sequence[Any] = ()
        self._read_at = -MOST_AGE
        self._tried_at = -FETCH_SECONDS
        self._reading = asyncio.Lock()

    async def find(self, key_id: str, algorithm: str) -> Any:
        """The key with an id, or the only key of an algorithm where the token names none; None if there is none."""
        if self._is_old(MOST_AGE):
            await self._renew(MOST_AGE)
        key = self._known(key_id, algorithm)
        if key is None and (self._reading.locked() or self._is_old(0.0)):
            await self._renew(0.0)  # or wait for the reading in progress
            key = self._known(key_id, algorithm)
        return key

    def _known(self, key_id: str, algorithm: str) -> Any:
        fitting = [key for key in self._keys if _fits(key, algorithm)]
        if key_id:
            return next((key for key in fitting if key.kid == key_id), None)
        return fitting[0] if len(fitting) == 1 else None

    def _is_old(self, age: float) -> bool:
        now = self._monotonic()
        return now - self._read_at >= age and now - self._tried_at >= FETCH_SECONDS

    async def _renew(self, age: float) -> None:
        async with self._reading:
            if not self._is_old(age):  # another token's wait has renewed them
                return
            self._tried_at = self._monotonic()
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    self._keys = keys_in(await self._read())
            except (KeysUnreadable, OSError, TimeoutError) as error:
                _log.warning("issuer's keys not read", issuer=self._name, error=type(error).__name__, detail=str(error))
                return
            self._read_at = self._tried_at


def keys_in(data: bytes) -> Sequence[Any]:
    """The keys in a set that can verify signatures. Others are left out.

    Raises:
        KeysUnreadable: the text is not a set of keys, or too large.
    """
    if len(data) > MOST_BYTES:
        raise KeysUnreadable(f"It has more than {MOST_BYTES} bytes.")
    try:
        listed = json.loads(data)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise KeysUnreadable("It is not a JWKS.") from error
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise KeysUnreadable(f"It is not a JWKS of at most {MOST_KEYS} keys.")
    keys = [key for one in listed if (key := _key(one)) is not None]
    if not keys:
        raise KeysUnreadable("It has no key that leadline can use.")
    return keys


def _key(value: Any) -> Any:
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    if not isinstance(value, dict) or value.get("kty") not in _KINDS or value.get("use", "sig") != "sig":
        return None
    if value["kty"] == "RSA" and len(str(value.get("n", ""))) < _RSA_CHARACTERS:
        return None
    # The public part alone: a set that has a private key too must not bring it into memory.
    public = {name: value[name] for name in ("kty", "n", "e", "crv", "x", "y", "kid", "alg", "use") if name in value}
    try:
        return import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _fits(key: Any, algorithm: str) -> bool:
    """Whether a key may verify an algorithm: its kind and curve fit, and it names no other."""
    kinds: Mapping[str, tuple[str, str | None]] = {
        "RS256": ("RSA", None),
        "PS256": ("RSA", None),
        "ES256": ("EC", "P-256"),
        "Ed25519": ("OKP", "Ed25519"),
    }
    kind, curve = kinds[algorithm]
    named = key.alg or algorithm
    is_named = named == algorithm or (algorithm == "Ed25519" and named == "EdDSA")
    return key.key_type == kind and (curve is None or key.get("crv") == curve) and is_named


def from_file(path: Path) -> Read:
    """Reads a file."""

    async def read() -> bytes:
        return await asyncio.to_thread(_head, path)

    return read


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def from_address(url: str) -> Read:
    """Reads an address. Redirects are not followed: the settings name the place that is trusted."""

    async def read() -> bytes:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response,
            ):
                if response.status != HTTPStatus.OK:
                    raise KeysUnreadable(f"The address answers {response.status}.")
                return await _bounded(response.content)
        except aiohttp.ClientError as error:
            raise KeysUnreadable(f"The address cannot be read ({type(error).__name__}).") from error

    return read


async def _bounded(content: Any) -> bytes:
    data = b""
    async for chunk in content.iter_any():
        data += chunk
        if len(data) > MOST_BYTES:
            raise KeysUnreadable(f"It has more than {MOST_BYTES} bytes.")
    return data
