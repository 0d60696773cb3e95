"""The places of encrypted documents, for every ledger."""

from typing import Final

from leadline_server.domain.ledger_errors import SecretDamaged
from leadline_server.encryption.cipher import CannotOpen, Key, Place, decrypt
from leadline_server.encryption.key_ring import KeyRing
from leadline_server.ports.ledger import ACCOUNT_PREFIX

ENVELOPE: Final = "envelope key"
"""The field of an envelope key, which is encrypted by a secrets key."""

SECRETS: Final = "secrets"
"""The field of the secrets of an account's own connection."""

TOKENS: Final = "tokens"
"""The field of a connection's OAuth tokens."""

_CONNECTION: Final = "connection:"


def event_field(key: bytes) -> str:
    """The field of an event in the quarantine."""
    return f"quarantine {key.hex()}"


def connection_name(owner: str) -> str:
    """The connection whose tokens an owner has."""
    return owner if owner.startswith(ACCOUNT_PREFIX) else owner.removeprefix(_CONNECTION)


def opened(key: Key, place: Place, encrypted: bytes) -> bytes:
    """The document. Raises SecretDamaged if it was changed, or belongs to another place."""
    try:
        return decrypt(key, place, encrypted)
    except CannotOpen:
        raise SecretDamaged(place.owner) from None


class NoKeys:
    """The keys of a command that needs none."""

    name = "this command"

    def load(self) -> KeyRing:
        """No keys."""
        return KeyRing()
