"""The ledger's envelope keys, which encrypt the documents of one owner each, and are encrypted by secrets keys."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SecretsState:
    """The secrets keys that a ledger uses.

    Attributes:
        current: the id of the key for new envelope keys; empty: nothing is encrypted yet.
        needed: the ids of the keys that envelope keys are encrypted with.
    """

    current: str
    needed: AbstractSet[str]


class Secrets(Protocol):
    """The envelope keys. The obligations of `ports.ledger` hold. Each change is one transaction."""

    async def state(self) -> SecretsState:
        """The secrets keys that are in use."""
        ...

    async def use(self, key_id: str) -> None:
        """Encrypt new envelope keys with this secrets key from now on, in every process."""
        ...

    async def owners(self, *, other_than: str) -> Sequence[str]:
        """The owners whose envelope keys another secrets key than this one encrypts."""
        ...

    async def renew(self, owner: str) -> int:
        """Give an owner another envelope key, and encrypt its documents again. Returns how many there are.

        Raises:
            SecretDamaged: a document cannot be opened; nothing changed.
            KeyMissing: a secrets key is missing.
        """
        ...
