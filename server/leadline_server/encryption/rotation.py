"""Rotation of secrets keys while servers run, in steps that may be interrupted at any instant.

1. A new key is put first into the file. Servers read it when they meet its id.
2. The ledger names it as the key for new envelope keys.
3. Each owner gets another envelope key, and its documents are encrypted again: one transaction for each owner.

The old keys stay in the file, for backups and for other ledgers that use it. A rotation that was interrupted goes on
with the same new key.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from leadline_server.domain.ledger_errors import SecretDamaged
from leadline_server.encryption.cipher import new_key
from leadline_server.encryption.key_ring import KeyRing
from leadline_server.encryption.key_sources import KeyFile, KeySource
from leadline_server.ports.ledger.secrets import Secrets, SecretsState


class CannotRotate(Exception):
    """A rotation that cannot begin; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that is done: a sentence. `is_problem`: it says what was left as it is."""

    text: str
    is_problem: bool = False


async def rotate(secrets: Secrets, source: KeySource) -> AsyncIterator[Step]:
    """Rotate the keys; yields each step once it is done.

    Raises:
        CannotRotate: the keys come from a text or a command that has no new key first.
        LedgerUnavailable: the keys or the ledger cannot be used. Run it again: it goes on.
    """
    state = await secrets.state()
    ring = await asyncio.to_thread(source.load)
    if not ring and not state.current:
        raise CannotRotate("Nothing is encrypted yet.")
    if is_complete(state, ring):
        ring = await asyncio.to_thread(_with_new_key, source, ring)
        yield Step(f"Added the key {ring.first.id} to {source.name}.")
    key_id = ring.first.id
    if state.current != key_id:
        await secrets.use(key_id)
        yield Step(f"The key {key_id} is in use.")
    for owner in await secrets.owners(other_than=key_id):
        yield await _renewed(secrets, owner)


def is_complete(state: SecretsState, ring: KeyRing) -> bool:
    """Whether everything in the ledger is encrypted with the first key of the ring."""
    return bool(ring) and {state.current, *state.needed} == {ring.first.id}


def _with_new_key(source: KeySource, ring: KeyRing) -> KeyRing:
    if not isinstance(source, KeyFile):
        raise CannotRotate(
            f"Everything is encrypted with the first key of {source.name}. Put a new key before it there, restart the"
            " servers, and run this again. A new key: leadline secrets generate"
        )
    rotated = KeyRing((new_key(),)).joined(ring)
    source.replace(rotated)
    return rotated


async def _renewed(secrets: Secrets, owner: str) -> Step:
    try:
        count = await secrets.renew(owner)
    except SecretDamaged as error:
        return Step(error.message, is_problem=True)
    return Step(f"Encrypted {owner} again ({count}).")
