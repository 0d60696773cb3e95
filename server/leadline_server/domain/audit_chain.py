"""The hash chain of an account's audit entries: a changed, missing or moved entry is found.

Each entry has a sequence, 1, 2, 3 ..., and a hash. It is made of the hash before, the sequence, the time, the account
and the document. A person who can write the ledger's file can also make a new chain. So the latest hash of a chain, its
anchor, belongs to a place where that person cannot write. `leadline audit verify --anchors` compares it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from leadline_server.domain.unshown import unshown

BEGINNING: Final = bytes(32)
"""The hash before the first entry."""


class Anchor(NamedTuple):
    """The state of a chain after an entry. Sequence 0 is an empty chain's."""

    account_id: str
    sequence: int
    hash: bytes


@unshown
class ChainedEntry(NamedTuple):
    """An entry in its chain.

    Attributes:
        account_id, sequence: its place.
        time: when it was committed, in microseconds since 1970.
        document: its canonical form; see `AuditEvent.document`.
        hash: the chain's hash after it.
    """

    account_id: str
    sequence: int
    time: int
    document: bytes
    hash: bytes

    @property
    def anchor(self) -> Anchor:
        """The state of the chain after it."""
        return Anchor(self.account_id, self.sequence, self.hash)


def following(after: Anchor, time: int, document: bytes) -> ChainedEntry:
    """The entry that follows `after` in its chain."""
    sequence = after.sequence + 1
    account = after.account_id.encode()
    numbers = b"".join(number.to_bytes(8, "big", signed=True) for number in (sequence, time, len(account)))
    digest = hashlib.sha256(after.hash + numbers + account + document).digest()
    return ChainedEntry(after.account_id, sequence, time, document, digest)


def broken(
    entries: Iterable[ChainedEntry], start: Anchor, end: Anchor | None, known: Mapping[int, bytes]
) -> Iterator[str]:
    """A sentence for each fault of one account's chain.

    Args:
        entries: its entries in order.
        start: the chain's state before them: the last pruned entry, or an empty chain.
        end: its state after them, as recorded elsewhere; None: not known.
        known: hashes by sequence that were exported earlier. Those of pruned entries are ignored.
    """
    name = start.account_id or "the server"
    last = start
    known = {sequence: digest for sequence, digest in known.items() if sequence >= start.sequence}
    if known.get(start.sequence, start.hash) != start.hash:
        yield f"{name}: entry {start.sequence} is not the one that was exported"
    for entry in entries:
        if entry.sequence != last.sequence + 1:
            yield f"{name}: entry {last.sequence + 1} is missing; entry {entry.sequence} follows {last.sequence}"
        elif not _follows(last, entry):
            yield f"{name}: entry {entry.sequence} was changed, or the one before it"
        if entry.sequence in known and known[entry.sequence] != entry.hash:
            yield f"{name}: entry {entry.sequence} is not the one that was exported"
        last = entry.anchor
    if end is not None and (last.sequence, last.hash) != (end.sequence, end.hash):
        yield f"{name}: the chain ends at entry {last.sequence}; entry {end.sequence} was its last"
    if known and max(known) > last.sequence:
        yield f"{name}: entry {max(known)} was exported, and is gone"


def _follows(last: Anchor, entry: ChainedEntry) -> bool:
    try:
        return following(last, entry.time, entry.document).hash == entry.hash
    except (TypeError, AttributeError, OverflowError):  # in a damaged file a column may hold anything
        return False
