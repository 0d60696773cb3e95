"""How API keys change: pure functions over the keys of one rotation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from leadline_server.domain.access.principals import ApiKey
from leadline_server.domain.access_errors import KeyConflict

MOST_LIVE: Final = 2
"""Keys of one rotation that are accepted at once."""

OVERLAP: Final = timedelta(hours=24)
"""How long a rotated key is still accepted, unless the request says otherwise."""

MOST_OVERLAP: Final = timedelta(days=30)


def rotated(
    family: Sequence[ApiKey], key_id: str, new: tuple[str, bytes], creator: str, now: datetime, overlap: timedelta
) -> tuple[ApiKey, ApiKey]:
    """The key with its end, and the key that takes its place.

    Args:
        family: all keys of one rotation.
        key_id: the key to replace, which is one of them.
        new: the new key's id and digest.
        creator: the principal that rotates.
        now: the time.
        overlap: how long both are accepted.

    Raises:
        KeyConflict: the key is not accepted any more, two are accepted already, or it is a certificate's name.
    """
    old = next(key for key in family if key.key_id == key_id)
    if old.certificate_name:
        raise KeyConflict("This is a certificate's name: renew the certificate, or issue another name.")
    if not old.is_live(now):
        raise KeyConflict("This key is not accepted any more. Issue a new one.")
    live = [key.key_id for key in family if key.is_live(now)]
    if len(live) >= MOST_LIVE:
        raise KeyConflict(f"Two keys of this rotation are accepted: {' and '.join(live)}. Revoke one of them first.")
    end = now + overlap
    lifetime = None if old.expire_time is None else old.expire_time - old.create_time
    successor = replace(
        old,
        key_id=new[0],
        digest=new[1],
        create_time=now,
        creator=creator,
        expire_time=None if lifetime is None else now + lifetime,
    )
    return replace(old, expire_time=end if old.expire_time is None else min(end, old.expire_time)), successor


def revoked(family: Sequence[ApiKey], key_id: str, now: datetime) -> ApiKey:
    """The key, revoked. One that was revoked before stays as it is."""
    key = next(key for key in family if key.key_id == key_id)
    return key if key.revoke_time is not None else replace(key, revoke_time=now)
