"""Exports of the audit trail: JSON lines that are verified without the ledger.

{"format": "leadline-audit-1"}
{"start": {"account_id": "acme", "sequence": 0, "hash": "0000..."}}
{"account_id": "acme", "sequence": 1, "time": "2026-11-29T06:10:11.123456+00:00", "hash": "9f3c...",
"entry": {"action": "preferences.updated", "actor": "key:4f2c", ...}}
{"anchor": {"account_id": "acme", "sequence": 1, "hash": "9f3c..."}}
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from leadline_server.domain.audit import canonical
from leadline_server.domain.audit_chain import BEGINNING, Anchor, ChainedEntry, broken

FORMAT: Final = "leadline-audit-1"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class BadExport(Exception):
    """A file that is no export; the message names the line."""


def first_line() -> str:
    """The first line of an export."""
    return json.dumps({"format": FORMAT})


def start_line(start: Anchor) -> str:
    """The line of a chain's state before its entries."""
    return json.dumps({"start": _named(start)})


def anchor_line(anchor: Anchor) -> str:
    """The line of a chain's state after its entries."""
    return json.dumps({"anchor": _named(anchor)})


def entry_line(entry: ChainedEntry) -> str:
    """The line of an entry."""
    return json.dumps(readable(entry), ensure_ascii=False)


def readable(entry: ChainedEntry) -> dict[str, Any]:
    """An entry as a dictionary for people and programs."""
    time = (_EPOCH + timedelta(microseconds=entry.time)).isoformat(timespec="microseconds")
    return {**_named(entry.anchor), "time": time, "entry": json.loads(entry.document)}


def _named(anchor: Anchor) -> dict[str, Any]:
    return {"account_id": anchor.account_id, "sequence": anchor.sequence, "hash": anchor.hash.hex()}


@dataclass(slots=True)
class _Chain:
    start: Anchor
    end: Anchor | None = None
    entries: list[ChainedEntry] = field(default_factory=list)


def problems(lines: Iterable[str], known: Mapping[str, Mapping[int, bytes]]) -> Iterator[str]:
    """A sentence for each fault of an export. `known` has earlier anchors by account and sequence. Raises BadExport."""
    chains = _read(lines)
    for account_id, chain in chains.items():
        yield from broken(chain.entries, chain.start, chain.end, known.get(account_id, {}))
        if chain.end is None:
            yield f"{account_id or 'the server'}: the export has no anchor; it is cut off"
    for account_id in known.keys() - chains.keys():
        yield f"{account_id or 'the server'}: an anchor is known, and the export has no entry"


def _read(lines: Iterable[str]) -> dict[str, _Chain]:
    chains: dict[str, _Chain] = {}
    has_format = False
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
            if not has_format:
                has_format = document["format"] == FORMAT
            elif "start" in document:
                start = _anchor(document["start"])
                chains[start.account_id] = _Chain(start)
            elif "anchor" in document:
                anchor = _anchor(document["anchor"])
                chains[anchor.account_id].end = anchor
            else:
                entry = _entry(document)
                chains[entry.account_id].entries.append(entry)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadExport(f"line {number} is not one of an audit export") from error
        if not has_format:
            raise BadExport("line 1 is not one of an audit export")
    return chains


def _entry(document: dict[str, Any]) -> ChainedEntry:
    time = (datetime.fromisoformat(document["time"]) - _EPOCH) // _MICROSECOND
    return ChainedEntry(*_anchor(document)[:2], time, canonical(document["entry"]), bytes.fromhex(document["hash"]))


def _anchor(document: dict[str, Any]) -> Anchor:
    return Anchor(str(document["account_id"]), int(document["sequence"]), bytes.fromhex(document["hash"]))


def known_anchors(lines: Iterable[str]) -> dict[str, dict[int, bytes]]:
    """The hashes in earlier exports, or in JSON lines of the server's log, by account and sequence."""
    known: dict[str, dict[int, bytes]] = {}
    for line in lines:
        try:
            document = json.loads(line)
            anchor = _anchor(document.get("anchor") or document.get("start") or document)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # another line of a log
        if anchor.hash != BEGINNING:
            known.setdefault(anchor.account_id, {})[anchor.sequence] = anchor.hash
    return known
