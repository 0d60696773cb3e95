"""The chain of the audit trail: whatever is done to its entries is found; and exports of it."""

from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.audit.export import (
    BadExport,
    anchor_line,
    entry_line,
    first_line,
    known_anchors,
    problems,
    start_line,
)
from leadline_server.domain.audit import LEADLINE, AuditAction, AuditEvent, canonical, changed_fields
from leadline_server.domain.audit_chain import BEGINNING, Anchor, ChainedEntry, broken, following
from leadline_server.domain.preferences import AccountSettings, Preferences

START = Anchor("acme", 0, BEGINNING)

_texts = st.text(st.characters(exclude_categories=["Cs"]))


def chain(length: int = 6, start: Anchor = START) -> list[ChainedEntry]:
    entries: list[ChainedEntry] = []
    for number in range(length):
        document = AuditEvent.of(LEADLINE, "acme", AuditAction.KEY_ISSUED, f"ключ {number}").document
        last = entries[-1].anchor if entries else start
        entries.append(following(last, 1_790_000_000_000_000 + number, document))
    return entries


def faults(
    entries: Sequence[ChainedEntry], end: Anchor | None = None, known: dict[int, bytes] | None = None
) -> list[str]:
    return list(broken(entries, START, end, known or {}))


@given(
    st.builds(
        AuditEvent,
        account_id=_texts,
        action=st.sampled_from(AuditAction),
        actor=_texts,
        on_behalf_of=_texts,
        subject=_texts,
        fields=st.lists(_texts).map(tuple),
        reason=_texts,
        call_id=_texts,
        count=st.integers(0, 2**63),
    )
)
def test_a_document_is_canonical(event: AuditEvent) -> None:
    named = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "account_id"}
    assert event.document == canonical({name: value for name, value in named.items() if value})


def test_a_whole_chain_has_no_fault() -> None:
    entries = chain()
    assert faults(entries, entries[-1].anchor, {3: entries[2].hash, 6: entries[5].hash}) == []
    assert list(broken(entries[3:], entries[2].anchor, entries[-1].anchor, {2: b"pruned"})) == []


def _swap(entries: list[ChainedEntry], at: int) -> None:
    other = (at + 1) % len(entries)
    one, two = entries[at], entries[other]
    entries[at] = one._replace(document=two.document, time=two.time)
    entries[other] = two._replace(document=one.document, time=one.time)


Tamper = Callable[[list[ChainedEntry], int], object]

TAMPERING: dict[str, Tamper] = {
    "document": lambda entries, at: entries.__setitem__(at, entries[at]._replace(document=b"{}")),
    "a text": lambda entries, at: entries.__setitem__(at, entries[at]._replace(document="x")),  # type: ignore[arg-type] # SQLite keeps any type
    "time": lambda entries, at: entries.__setitem__(at, entries[at]._replace(time=entries[at].time + 1)),
    "huge time": lambda entries, at: entries.__setitem__(at, entries[at]._replace(time=2**70)),
    "hash": lambda entries, at: entries.__setitem__(at, entries[at]._replace(hash=bytes(32))),
    "sequence": lambda entries, at: entries.__setitem__(at, entries[at]._replace(sequence=entries[at].sequence + 1)),
    "deleted": lambda entries, at: entries.pop(at),
    "twice": lambda entries, at: entries.insert(at, entries[at]),
    "moved": lambda entries, at: entries.insert((at + 2) % len(entries), entries.pop(at)),
    "swapped documents": _swap,
}


@pytest.mark.parametrize("kind", TAMPERING)
@pytest.mark.parametrize("at", range(6))
def test_every_change_of_a_row_is_found(kind: str, at: int) -> None:
    entries = chain()
    end = entries[-1].anchor
    TAMPERING[kind](entries, at)
    assert faults(entries, end) != []


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_any_other_selection_or_order_is_found(order: list[int]) -> None:
    entries = chain()
    chosen = [entries[at] for at in order]
    assert (faults(chosen, entries[-1].anchor) == []) == (order == list(range(6)))


def test_a_whole_new_chain_is_found_by_an_exported_anchor_alone() -> None:
    old, new = chain(), chain(5)
    forged = [*new, following(new[-1].anchor, 5, b'{"action":"forged"}')]
    assert faults(forged, forged[-1].anchor) == []
    assert faults(forged, forged[-1].anchor, {6: old[5].hash}) == ["acme: entry 6 is not the one that was exported"]


def test_a_cut_end_is_found_by_the_anchor() -> None:
    entries = chain()
    cut = entries[:4]
    assert faults(cut, cut[-1].anchor) == []
    assert faults(cut, cut[-1].anchor, {6: entries[5].hash}) == ["acme: entry 6 was exported, and is gone"]


def export(entries: Sequence[ChainedEntry], start: Anchor = START) -> list[str]:
    return [first_line(), start_line(start), *map(entry_line, entries), anchor_line(entries[-1].anchor)]


def test_an_export_is_verified_without_a_ledger() -> None:
    lines = export(chain())
    assert list(problems(lines, {})) == []
    assert list(problems(lines, known_anchors(export(chain(4))))) == []


@pytest.mark.parametrize("at", range(2, 8))
def test_a_changed_or_missing_line_of_an_export_is_found(at: int) -> None:
    lines = export(chain())
    changed = [*lines[:at], lines[at].replace("key.issued", "key.revoked"), *lines[at + 1 :]]
    assert list(problems(changed, {})) != []
    assert list(problems([*lines[:at], *lines[at + 1 :]], {})) != []
    assert list(problems(lines[:at], {})) != []


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", '{"format": "other"}'])
def test_another_file_is_no_export(text: str) -> None:
    with pytest.raises(BadExport, match="line 1"):
        list(problems([text], {}))


def test_anchors_are_read_from_a_log_too() -> None:
    log = ['{"event": "audit anchor", "account_id": "acme", "sequence": 3, "hash": "ab"}', "no JSON", "[]", '{"a": 1}']
    assert known_anchors(log) == {"acme": {3: b"\xab"}}
    assert list(problems(export(chain()), known_anchors(log))) == ["acme: entry 3 is not the one that was exported"]


def test_an_entry_has_the_names_of_changed_fields_and_no_values() -> None:
    before = AccountSettings()
    after = AccountSettings(default_region="GB", defaults=Preferences(placeholder_name="Nobody"))
    assert changed_fields(before, after) == ("default_region", "defaults.placeholder_name") or changed_fields(
        before, after
    ) == ("defaults.placeholder_name", "default_region")
    event = AuditEvent.of(LEADLINE, "acme", AuditAction.SETTINGS_UPDATED, "acme", fields=changed_fields(before, after))
    assert b"GB" not in event.document
    with pytest.raises(FrozenInstanceError):
        event.count = 2  # type: ignore[misc] # that is the point
