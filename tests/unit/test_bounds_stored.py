"""Calls, changes, batches, remembered answers and the write-ahead log are bounded in bytes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from leadline_server.commands.watch_call_logs import MOST_BATCH_BYTES, first_changes
from leadline_server.crm.wrappers.remembered_answers import CachePolicy, RememberedLookups
from leadline_server.domain.call import Call, CallLeg, Party
from leadline_server.domain.contact import Contact
from leadline_server.domain.limits import MOST_CALL_BYTES, MOST_PAGE_BYTES
from leadline_server.domain.merge import MAX_ATTRIBUTES, MAX_CLEARED, Stamp, Stamps
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.sizes import call_bytes
from leadline_server.ledger.call_log_rows import StoredChange, within
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.storage.checkpoints import log_bytes
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, put
from leadline_server.wire.call import KEY_LENGTH, MAX_LEGS, VALUE_LENGTH

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
WIDE = "\U0001f600"  # four bytes
PARTY = Party(phone_number=WIDE * 256, name=WIDE * 256, extension=WIDE * 64, user_id=WIDE * 128)


def largest(transcript: str | None) -> tuple[Call, Stamps]:
    """The largest call that the limits of the single fields allow, but for its transcript."""
    keys = [f"{index:04}" + WIDE * (KEY_LENGTH - 4) for index in range(MAX_ATTRIBUTES + MAX_CLEARED)]
    legs = tuple(CallLeg(id=f"{index:04}" + WIDE * 124, user_id=WIDE * 128, party=PARTY) for index in range(MAX_LEGS))
    stamp = Stamp(NOW, final=True)
    call = Call(
        id=WIDE * 128,
        linked_id=WIDE * 128,
        caller=PARTY,
        callee=PARTY,
        disposition=WIDE * 256,
        subject=WIDE * 256,
        note=WIDE * 16_384,
        summary=WIDE * 16_384,
        recording_url=WIDE * 2_048,
        voicemail_url=WIDE * 2_048,
        transcript=transcript,
        legs=legs,
        attributes=dict.fromkeys(keys[:MAX_ATTRIBUTES], WIDE * VALUE_LENGTH),
    )
    fields = {f"a field of a call {index}": stamp for index in range(24)}
    of_leg = {f"a field of a leg {index}": stamp for index in range(9)}
    stamps = Stamps(fields=fields, attributes=dict.fromkeys(keys, stamp), legs={leg.id: of_leg for leg in legs})
    return call, stamps


def test_only_a_transcript_makes_a_call_larger_than_its_bound() -> None:
    without = call_bytes(*largest(None))
    assert 700_000 < without <= MOST_CALL_BYTES
    assert call_bytes(*largest(WIDE * 262_144)) > MOST_CALL_BYTES


def change(sequence: int, size: int) -> StoredChange:
    return StoredChange(sequence, "demo", "alice", f"call-{sequence}", b"x" * size)


def test_a_batch_of_a_watch_is_bounded_in_bytes_and_has_one_change_at_least() -> None:
    changes = [change(sequence, 900_000) for sequence in range(100)]
    taken = first_changes(changes, 1_000)
    assert sum(each.size for each in taken) <= MOST_BATCH_BYTES
    assert len(taken) == 4
    assert len(first_changes([change(1, 2 * MOST_BATCH_BYTES), change(2, 1)], 1_000)) == 1
    assert len(first_changes([change(sequence, 10) for sequence in range(100)], 50)) == 50


def test_rows_are_read_no_further_than_the_bound() -> None:
    read = []

    def rows() -> Iterator[tuple[int, bytes]]:
        for number in range(100):
            read.append(number)
            yield number, b"x" * 1_000_000

    assert len(within(rows(), MOST_PAGE_BYTES)) == 4
    assert len(read) == 5
    assert within([], MOST_PAGE_BYTES) == []


async def test_changes_come_in_parts_and_none_is_left_out(tmp_path: Path) -> None:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as ledger:
        for number in range(12):
            await put(ledger, call_log(f"call-{number}", explanation="x" * 900_000))
        found, parts, last = list[str](), 0, 0
        while changes := await ledger.call_logs.changes(ACCOUNT, last, 512):
            assert sum(each.size for each in changes) <= MOST_PAGE_BYTES
            last = changes[-1].sequence
            found += [each.call_id for each in changes]
            parts += 1
        assert found == [f"call-{number}" for number in range(12)]
        assert parts == 3


async def test_the_size_of_the_write_ahead_log_is_what_is_not_in_the_database(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert log_bytes(path) == 0
    async with open_sqlite_ledger(path, checkpoint_after=10_000) as ledger:
        for number in range(20):
            await put(ledger, call_log(f"call-{number}", explanation="x" * 500_000))
        assert 10_000_000 < log_bytes(path) < 15_000_000
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log("last"))
        assert log_bytes(path) < 1_000_000


@pytest.mark.parametrize("size", [100, 10_000, 400_000, 2_000_000])
async def test_remembered_answers_are_bounded_in_bytes(size: int) -> None:
    policy = CachePolicy(most_bytes=8_000_000)
    answers = RememberedLookups(policy, timedelta(0), lambda: NOW, lambda: 0.0)
    for index in range(200):
        number = parse_number(f"+1202555{index:04}", "US")
        contact = Contact(id=f"c{index}", phone_numbers=(number.e164,), email="x" * size)
        with answers.looking_up([number], "US") as lookup:
            answers.keep(lookup, await lookup.answers([contact]))
        assert answers.stored_bytes <= policy.most_bytes
    assert len(answers) == (200 if size <= 10_000 else 19 if size <= 500_000 else 0)
