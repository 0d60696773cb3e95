"""The records of a fake CRM: tables in memory, and a file of every change that outlives the process."""

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Fields = dict[str, Any]
Operation = Literal["add", "change", "remove"]


class NoSuchRecord(Exception):
    """A write refers to what is not there."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its fields in whatever form the vendor's fake likes, and when it came and changed (epoch seconds)."""

    id: str
    fields: Fields
    created: float
    changed: float


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was committed: the record as it was after it, or before it was removed."""

    operation: Operation
    table: str
    record: Record
    by_people: bool


class Records:
    """Tables by name. A change is on disk, as far as the operating system goes, once its method returns.

    Args:
        path: the file of the changes; what it holds already is taken over. None keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.changes = list[Change]()
        self._tables = defaultdict[str, dict[str, Record]](dict)
        self._indexes = dict[tuple[str, str], _Index]()
        for change in _read(path) if path else ():
            self._apply(change)
        self._ids = itertools.count(1 + sum(change.operation == "add" for change in self.changes))
        self._file = path.open("a", encoding="utf-8") if path else None

    def close(self) -> None:
        if self._file:
            self._file.close()

    def next_id(self) -> int:
        """A number that no record of this file has, or had, in its id."""
        return next(self._ids)

    def add(self, table: str, fields: Mapping[str, Any], *, record_id: str = "", by_people: bool = False) -> Record:
        """Add a record; its id is the next number of this file where none is given."""
        now = time.time()
        record = Record(record_id or str(self.next_id()), dict(fields), now, now)
        return self._commit(Change("add", table, record, by_people))

    def change(self, table: str, record_id: str, fields: Mapping[str, Any], *, by_people: bool = False) -> Record:
        """Set some fields of a record, and leave the others. Raises NoSuchRecord."""
        before = self.require(table, record_id)
        record = Record(record_id, before.fields | dict(fields), before.created, time.time())
        return self._commit(Change("change", table, record, by_people))

    def remove(self, table: str, record_id: str, *, by_people: bool = False) -> None:
        """Delete a record. Raises NoSuchRecord."""
        self._commit(Change("remove", table, self.require(table, record_id), by_people))

    def get(self, table: str, record_id: str) -> Record | None:
        return self._tables[table].get(record_id)

    def require(self, table: str, record_id: str) -> Record:
        """The record; raises NoSuchRecord."""
        if (found := self.get(table, record_id)) is None:
            raise NoSuchRecord(f"There is no {table} record {record_id!r}.")
        return found

    def all(self, table: str) -> list[Record]:
        """The records of a table, in the order they were added."""
        return list(self._tables[table].values())

    def index(self, table: str, name: str, keys: Callable[[Fields], Iterable[str]]) -> None:
        """From now on, have `find` look `table` up by what `keys` makes of a record's fields."""
        index = self._indexes[table, name] = _Index(keys)
        for record in self.all(table):
            index.put(record)

    def find(self, table: str, name: str, key: str) -> list[Record]:
        """The records with `key` in an index, in the order they were added."""
        return [self._tables[table][record_id] for record_id in self._indexes[table, name].ids(key)]

    def _commit(self, change: Change) -> Record:
        if self._file:
            self._file.write(_line(change))
            self._file.flush()
        self._apply(change)
        return change.record

    def _apply(self, change: Change) -> None:
        self.changes.append(change)
        record, table = change.record, self._tables[change.table]
        before = table.get(record.id)
        indexes = [index for (name, _), index in self._indexes.items() if name == change.table]
        for index in indexes:
            if before:
                index.drop(before)
            if change.operation != "remove":
                index.put(record)
        if change.operation == "remove":
            del table[record.id]
        else:
            table[record.id] = record


class _Index:
    def __init__(self, keys: Callable[[Fields], Iterable[str]]) -> None:
        self._keys = keys
        self._found = defaultdict[str, dict[str, None]](dict)

    def put(self, record: Record) -> None:
        for key in self._keys(record.fields):
            self._found[key][record.id] = None

    def drop(self, record: Record) -> None:
        for key in self._keys(record.fields):
            self._found[key].pop(record.id, None)

    def ids(self, key: str) -> list[str]:
        return list(self._found.get(key, ()))


def _line(change: Change) -> str:
    record = change.record
    told = [
        change.operation,
        change.table,
        record.id,
        record.fields,
        record.created,
        record.changed,
        change.by_people,
    ]
    return json.dumps(told) + "\n"


def _read(path: Path) -> Iterator[Change]:
    """The changes in a file; the line that a kill tore off was never committed, and is taken out."""
    path.touch()
    with path.open("r+b") as file:
        whole = 0
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            operation, table, record_id, fields, created, changed, by_people = json.loads(line)
            yield Change(operation, table, Record(record_id, fields, created, changed), by_people)
        file.truncate(whole)
