"""The audit trail of a ledger at one moment, to export and to verify it. Both kinds of ledgers make it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from leadline_server.domain.audit_chain import Anchor, ChainedEntry, broken


class AuditSnapshot:
    """The audit trail at one moment. New entries, which are younger than a second, are left out.

    Args:
        starts: the last pruned entry of every chain; sequence 0: none was.
        anchors: the state of every chain.
        entries: the chained entries of an account, in order.
        stray: the accounts that have entries in a chain that is not recorded.
    """

    def __init__(
        self,
        starts: Iterable[Anchor],
        anchors: Iterable[Anchor],
        entries: Callable[[str], Iterator[ChainedEntry]],
        stray: Callable[[], Iterable[str]],
    ) -> None:
        self.starts = {start.account_id: start for start in starts}
        self.anchors = {anchor.account_id: anchor for anchor in anchors}
        self.entries = entries
        self._stray = stray

    def problems(self, known: Mapping[str, Mapping[int, bytes]]) -> Iterator[str]:
        """A sentence for each fault of a chain. `known` has earlier anchors, by account and sequence."""
        for account_id, start in self.starts.items():
            entries, end = self.entries(account_id), self.anchors[account_id]
            yield from broken(entries, start, end, known.get(account_id, {}))
        for account_id in known.keys() - self.starts.keys():
            yield f"{account_id or 'the server'}: an anchor is known, and the ledger has no chain"
        for account_id in self._stray():
            yield f"{account_id or 'the server'}: it has entries and no chain"
