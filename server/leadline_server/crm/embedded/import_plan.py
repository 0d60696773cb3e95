"""Decides about some rows of a file: created, changed, merged into another row, or left alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from leadline_server.crm.embedded.candidates import DIGEST_SIZE, UNUSABLE_NUMBERS, Candidate
from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, NewContact, contact_from, number_keys, prepare
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

KNOWN_COLUMNS: Final = f"unique_key, pk, folded_name, import_digests, {CONTACT_COLUMNS}"
"""The columns by which a plan knows a contact of the book, of a table called `c`."""

MAX_MERGED: Final = 64
"""Rows of a file that become one contact."""

_TAKEN: Final = frozenset({FileOutcome.CHANGED, FileOutcome.MERGED})
_COMPARED: Final = ("name", "phone_numbers", "email", "company", "title", "type", "create_time", "attributes")
_SINGLE: Final = ("email", "company", "title")


@dataclass(slots=True)
class Entry:
    """A contact of the book, or one that is about to be, under the key of rows of the file.

    Attributes:
        pk: its primary key; None if it is new.
        folded_name: to tell whether a row with the same id names the same person.
        digests: of the rows that it comes from; None if they were not kept.
        is_seen: an earlier row of this file has the key.
        stored: its row of CONTACT_COLUMNS in the book; None if it is new.
        contact: what it says after this import; None until that is asked for.
        row: what is to be inserted, for a new contact that one row alone makes.
    """

    pk: int | None
    folded_name: str
    digests: bytes | None
    is_seen: bool = False
    stored: Sequence[Any] | None = None
    contact: Contact | None = None
    row: NewContact | None = None

    def has(self, digest: bytes) -> bool:
        """Whether it comes from a row with this digest."""
        known = self.digests or b""
        return any(known[at : at + DIGEST_SIZE] == digest for at in range(0, len(known), DIGEST_SIZE))


@dataclass(frozen=True, slots=True)
class SeenContacts:
    """The contacts that earlier rows of the file are, as bits by primary key; all beyond `last` are new."""

    last: int
    bits: bytearray

    def __contains__(self, pk: int) -> bool:
        return pk > self.last or bool(self.bits[pk >> 3] >> (pk & 7) & 1)

    def add(self, pks: Iterable[int]) -> None:
        """Remember contacts."""
        for pk in pks:
            if pk <= self.last:
                self.bits[pk >> 3] |= 1 << (pk & 7)


@dataclass(slots=True)
class ImportPlan:
    """Decides about the rows of one chunk; it reads and writes nothing.

    The rows may come in parts, each of them written before the next one.

    Args:
        rules: how the account's numbers are read, or its region.
        is_update: whether a row that differs from an earlier import changes the contact.
        seen: the contacts of earlier chunks.

    Attributes:
        rows: that it decided about.
    """

    rules: RulesOrRegion
    is_update: bool
    seen: SeenContacts
    rows: int = 0
    _entries: dict[str, Entry] = field(default_factory=dict)
    _unwritten: dict[str, Entry] = field(default_factory=dict)
    _remarks: list[Remark] = field(default_factory=list)
    _created: int = 0
    _unchanged: int = 0
    _numbers: int = 0

    def load(self, known: Iterable[Sequence[Any]], keys: Sequence[str], planned: Mapping[str, Entry]) -> None:
        """Learn of the contacts that have one of `keys`.

        Args:
            known: those of the book, as rows of KNOWN_COLUMNS.
            keys: of the rows of the part.
            planned: those of a dry run, which the book lacks.
        """
        if planned:
            self._entries.update({key: replace(planned[key]) for key in keys if key in planned})
        for key, pk, folded_name, digests, *stored in known:
            entry = Entry(pk, folded_name, digests, is_seen=pk in self.seen, stored=stored)
            self._entries.setdefault(key, entry)

    def take(self, candidate: Candidate) -> None:
        """Decide about one row."""
        self.rows += 1
        entry = self._entries.get(candidate.key)
        if entry is None:
            row = candidate.row
            self._entries[candidate.key] = self._unwritten[candidate.key] = Entry(
                None, row.folded_name, candidate.digest, is_seen=True, contact=candidate.contact, row=row
            )
            self._created += 1
            self._numbers += len(candidate.contact.phone_numbers)
        elif entry.is_seen:
            self._take_again(entry, candidate)
        else:
            entry.is_seen = True
            self._take_known(entry, candidate)

    def new(self) -> list[NewContact]:
        """The contacts to be inserted."""
        return [self._row(key, entry) for key, entry in self._unwritten.items() if entry.pk is None]

    def changed(self) -> Mapping[int, NewContact]:
        """The contacts to be written anew, by primary key."""
        return {entry.pk: self._row(key, entry) for key, entry in self._unwritten.items() if entry.pk is not None}

    def written(self, pks: Iterable[int]) -> None:
        """Note that `changed` was written, and that `new` was inserted with these primary keys, in its order."""
        new = iter(pks)
        for entry in self._unwritten.values():
            entry.pk = next(new) if entry.pk is None else entry.pk
        self._unwritten.clear()

    def seen_contacts(self) -> Iterable[int]:
        """The contacts of the book that rows of this chunk are."""
        return (entry.pk for entry in self._entries.values() if entry.pk is not None)

    def unwritten(self) -> Mapping[str, Entry]:
        """The contacts that a dry run would have written, by their keys."""
        return self._unwritten

    def count_in(self, summary: ImportSummary) -> None:
        """Add what became of the rows to a summary."""
        summary.count_in(FileOutcome.CREATED, self._created)
        summary.count_in(FileOutcome.UNCHANGED, self._unchanged)
        summary.count_in(FileOutcome.NUMBER, self._numbers)
        for remark in self._remarks:
            summary.add(remark)

    def _row(self, key: str, entry: Entry) -> NewContact:
        if entry.row:
            return entry.row
        contact = self._contact(entry)
        return prepare(contact, key, number_keys(contact, self.rules), entry.digests)

    def _take_known(self, entry: Entry, candidate: Candidate) -> None:
        """A row whose contact was imported before."""
        if entry.has(candidate.digest):
            self._leave_unchanged(candidate)
            return
        contact = self._contact(entry)
        different = _differences(contact, candidate.contact)
        if entry.digests is None and not different:
            self._leave_unchanged(candidate)
        elif not self._is_same_person(entry, contact, candidate):
            self._say(
                FileOutcome.SKIPPED,
                candidate,
                f"its id is that of another contact, {contact.name!r}, with which it has nothing in common"
                " (--column ignore=HEADER leaves the column of ids out)",
            )
        elif not self.is_update:
            self._say(FileOutcome.LEFT, candidate, f"{contact.name}: {_listed(different)}")
        else:
            latest = _latest(contact.last_activity_time, candidate.contact.last_activity_time)
            entry.contact = replace(candidate.contact, id=contact.id, last_activity_time=latest)
            entry.folded_name, entry.digests = candidate.row.folded_name, candidate.digest
            self._change(entry, candidate)
            self._say(FileOutcome.CHANGED, candidate, f"{contact.name}: {_listed(different)}")

    def _take_again(self, entry: Entry, candidate: Candidate) -> None:
        """A row whose contact an earlier row of the file is as well: only numbers are added to that one."""
        if entry.has(candidate.digest):
            self._say(FileOutcome.MERGED, candidate, "the same as an earlier row")
        elif entry.folded_name != candidate.row.folded_name:
            self._say(FileOutcome.SKIPPED, candidate, "its id is that of an earlier row, which has another name")
        elif entry.pk is not None and entry.pk <= self.seen.last and not self.is_update:
            self._say(FileOutcome.LEFT, candidate, f"{candidate.contact.name}: another row with the same id")
        elif len(entry.digests or b"") >= MAX_MERGED * DIGEST_SIZE:
            self._say(FileOutcome.SKIPPED, candidate, f"more than {MAX_MERGED} rows have its id")
        else:
            self._merge(entry, candidate)

    def _merge(self, entry: Entry, candidate: Candidate) -> None:
        contact, other = self._contact(entry), candidate.contact
        for name in _SINGLE:
            ours, theirs = getattr(contact, name), getattr(other, name)
            if ours and theirs and ours != theirs:
                self._say(FileOutcome.VALUE, candidate, f"{name} {theirs!r}; the earlier row says {ours!r}")
        entry.contact = replace(
            contact,
            phone_numbers=tuple(dict.fromkeys((*contact.phone_numbers, *other.phone_numbers))),
            create_time=contact.create_time or other.create_time,
            last_activity_time=_latest(contact.last_activity_time, other.last_activity_time),
            attributes=_merged_attributes(contact.attributes, other.attributes),
            **{name: getattr(contact, name) or getattr(other, name) for name in _SINGLE},
        )
        entry.digests = (entry.digests or b"") + candidate.digest
        self._change(entry, candidate)
        self._say(FileOutcome.MERGED, candidate, f"{contact.name}: added to an earlier row with the same id")

    def _change(self, entry: Entry, candidate: Candidate) -> None:
        entry.row = None
        self._unwritten[candidate.key] = entry

    def _is_same_person(self, entry: Entry, contact: Contact, candidate: Candidate) -> bool:
        """Whether a row and the contact under its id share a name, a number or an e-mail address.

        Ids of two systems may be equal by chance: 51 of HubSpot's is not 51 of the phone system's.
        """
        if entry.folded_name == candidate.row.folded_name or (
            contact.email and contact.email == candidate.contact.email
        ):
            return True
        return not set(number_keys(contact, self.rules)).isdisjoint(candidate.row.keys)

    def _contact(self, entry: Entry) -> Contact:
        if entry.contact is None:
            entry.contact = contact_from(entry.stored or ())
        return entry.contact

    def _leave_unchanged(self, candidate: Candidate) -> None:
        self._unchanged += 1
        self._numbers += len(candidate.contact.phone_numbers)

    def _say(self, outcome: FileOutcome, candidate: Candidate, message: str) -> None:
        if outcome in _TAKEN:
            self._numbers += len(candidate.contact.phone_numbers)
        self._remarks.append(Remark(outcome, candidate.line, message))


def _differences(ours: Contact, theirs: Contact) -> list[str]:
    return [name for name in _COMPARED if getattr(ours, name) != getattr(theirs, name)]


def _listed(names: Sequence[str]) -> str:
    words = ", ".join(name.replace("_", " ") for name in names)
    return f"other {words}" if words else "another last activity"


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _merged_attributes(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    unusable = "\n".join(filter(None, (ours.get(UNUSABLE_NUMBERS), theirs.get(UNUSABLE_NUMBERS))))
    return {**theirs, **ours, **({UNUSABLE_NUMBERS: unusable} if unusable else {})}
