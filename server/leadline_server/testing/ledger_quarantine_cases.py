"""The obligations of ports.ledger.Quarantine, as tests."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from leadline_server.ports.ledger import Ledger, QuarantinedEvent
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, OpenLedger

_EVENT: Final = QuarantinedEvent(
    account_id=ACCOUNT, route="acorn", key=b"\x00key", received_at=NOW, reason="no id", document=b"\xffrequest"
)
_MANY: Final = 1_000_000


def _event(number: int, account_id: str = ACCOUNT, document: bytes = b"") -> QuarantinedEvent:
    received_at = NOW + timedelta(seconds=number)
    return replace(_EVENT, key=bytes([number]), received_at=received_at, account_id=account_id, document=document)


def _listed(event: QuarantinedEvent) -> QuarantinedEvent:
    return replace(event, document=b"")


class QuarantineCases:
    """Events of phone systems that cannot be stored."""

    async def test_an_event_is_seen_by_other_processes(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as one, open_ledger() as other:
            assert await one.quarantine.put(_EVENT, _MANY, _MANY) == 0
            assert list(await other.quarantine.list(ACCOUNT, 10)) == [_listed(_EVENT)]
            assert await other.quarantine.document(ACCOUNT, _EVENT.key) == _EVENT.document
            assert await other.quarantine.document(ACCOUNT, b"another") is None

    async def test_the_newest_come_first_and_of_one_account_or_of_all(self, ledger: Ledger) -> None:
        for event in (_event(1), _event(3), _event(2, "another")):
            await ledger.quarantine.put(event, _MANY, _MANY)
        assert list(await ledger.quarantine.list(ACCOUNT, 10)) == [_event(3), _event(1)]
        assert list(await ledger.quarantine.list("", 2)) == [_event(3), _event(2, "another")]

    async def test_the_same_event_is_kept_once_with_its_last_time(self, ledger: Ledger) -> None:
        later = replace(_EVENT, received_at=NOW + timedelta(hours=1), reason="another")
        for event in (_EVENT, later):
            await ledger.quarantine.put(event, _MANY, _MANY)
        assert list(await ledger.quarantine.list(ACCOUNT, 10)) == [_listed(later)]

    async def test_the_oldest_go_beyond_the_most_events(self, ledger: Ledger) -> None:
        await ledger.quarantine.put(_event(9, "another"), 2, _MANY)
        dropped = [await ledger.quarantine.put(_event(number), 2, _MANY) for number in range(4)]
        assert dropped == [0, 0, 1, 1]
        assert list(await ledger.quarantine.list(ACCOUNT, 10)) == [_event(3), _event(2)]
        assert len(await ledger.quarantine.list("another", 10)) == 1

    async def test_the_oldest_go_beyond_the_most_bytes(self, ledger: Ledger) -> None:
        size = 10_000  # of a document; encryption adds less than a hundred
        events = [_event(number, document=bytes(size)) for number in range(3)]
        dropped = [await ledger.quarantine.put(event, _MANY, 2 * size + 200) for event in events]
        assert dropped == [0, 0, 1]
        assert list(await ledger.quarantine.list(ACCOUNT, 10)) == [_event(2), _event(1)]

    async def test_old_events_are_pruned(self, ledger: Ledger) -> None:
        for number in range(4):
            await ledger.quarantine.put(_event(number), _MANY, _MANY)
        before = NOW + timedelta(seconds=3)
        assert await ledger.retention.prune_quarantine(before, 2) == (2, "more")
        assert await ledger.retention.prune_quarantine(before, 2) == (1, None)
        assert list(await ledger.quarantine.list(ACCOUNT, 10)) == [_event(3)]
