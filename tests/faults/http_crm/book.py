"""What the faulty CRM keeps: contacts, call logs, and a journal of every write, in a file that outlives its process."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

Body = dict[str, Any]

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF; -- its own kill is survived; a power loss need not be
CREATE TABLE IF NOT EXISTS contacts (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT, key TEXT, created REAL, body TEXT
);
CREATE INDEX IF NOT EXISTS contacts_by_number ON contacts (number);
CREATE INDEX IF NOT EXISTS contacts_by_key ON contacts (key);
CREATE TABLE IF NOT EXISTS logs (pk INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, body TEXT);
CREATE INDEX IF NOT EXISTS logs_by_key ON logs (key);
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT, target TEXT, body TEXT);
"""


class NoSuchRecord(Exception):
    """A write refers to what the book does not have."""


class Book:
    """One file. Nothing is unique in it but what a caller asks to be."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def find_contacts(self, numbers: Sequence[str], made_before: float) -> list[Body]:
        """The contacts with one of `numbers` that were made before a time, in seconds since the epoch."""
        marks = ", ".join("?" * len(numbers))
        query = f"SELECT body FROM contacts WHERE number IN ({marks}) AND created <= ?"  # noqa: S608 - question marks
        return [json.loads(body) for (body,) in self._db.execute(query, (*map(_main, numbers), made_before))]

    def read_contact(self, contact_id: str) -> Body | None:
        found = self._db.execute("SELECT body FROM contacts WHERE pk = ?", (_pk(contact_id),)).fetchone()
        return json.loads(found[0]) if found else None

    def search(self, name: str, limit: int, start: int) -> tuple[list[Body], int | None]:
        """A page of the contacts with `name` in their name, by name and id, and where the next one starts."""
        bodies = [json.loads(body) for (body,) in self._db.execute("SELECT body FROM contacts")]
        hits = [body for body in bodies if name.casefold() in body["name"].casefold()]
        hits.sort(key=lambda body: (body["name"], body["id"]))
        end = start + limit
        return hits[start:end], end if end < len(hits) else None

    def add_contact(self, body: Body, *, is_unique: bool) -> Body:
        """Add a contact; with `is_unique`, the one that was added with the same key before."""
        if is_unique and (existing := self._by_key("contacts", body["key"])):
            return existing
        with self._transaction():
            pk = self._insert("contacts", ("number", "key", "created"), (_main(body["number"]), body["key"], _now()))
            made = body | {"id": f"person-{pk:06}"}
            self._keep("contacts", pk, made)
            self._note("create_contact", made)
        return made

    def add_log(self, body: Body, *, is_unique: bool) -> Body:
        """Log a call; with `is_unique`, the log that was made with the same key before. Raises NoSuchRecord."""
        if is_unique and (existing := self._by_key("logs", body["key"])):
            return existing
        self._require_contact(body)
        with self._transaction():
            pk = self._insert("logs", ("key",), (body["key"],))
            made = body | {"id": f"log-{pk:06}"}
            self._keep("logs", pk, made)
            self._note("create_log", made)
        return made

    def change_log(self, log_id: str, changes: Body) -> Body:
        """Change fields of a log, leaving the others. Raises NoSuchRecord."""
        found = self._db.execute("SELECT body FROM logs WHERE pk = ?", (_pk(log_id),)).fetchone()
        if not found:
            raise NoSuchRecord(f"There is no log {log_id!r}.")
        self._require_contact(changes)
        changed: Body = json.loads(found[0]) | changes
        with self._transaction():
            self._keep("logs", _pk(log_id), changed)
            self._note("update_log", changed)
        return changed

    def find_log(self, key: str) -> Body | None:
        return self._by_key("logs", key)

    def _require_contact(self, body: Body) -> None:
        if self.read_contact(body["contact_id"]) is None:
            raise NoSuchRecord(f"There is no contact {body['contact_id']!r}.")

    def _by_key(self, table: str, key: str) -> Body | None:
        query = f"SELECT body FROM {table} WHERE key = ? ORDER BY pk LIMIT 1"  # noqa: S608 - a name of ours
        found = self._db.execute(query, (key,)).fetchone()
        return json.loads(found[0]) if found else None

    def _insert(self, table: str, columns: Sequence[str], values: Sequence[Any]) -> int:
        marks = ", ".join("?" * len(columns))
        query = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of ours
        return self._db.execute(query, values).lastrowid or 0

    def _keep(self, table: str, pk: int, body: Body) -> None:
        self._db.execute(f"UPDATE {table} SET body = ? WHERE pk = ?", (json.dumps(body), pk))  # noqa: S608 - ours too

    def _note(self, operation: str, body: Body) -> None:
        row = (operation, body["id"], json.dumps(body))
        self._db.execute("INSERT INTO journal (operation, target, body) VALUES (?, ?, ?)", row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        yield
        self._db.execute("COMMIT")


def read_journal(path: Path) -> list[tuple[str, Body]]:
    """Every write that the CRM ever carried out, in order: the operation, and the record as it was after it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return [(operation, json.loads(body)) for operation, body in db.execute("SELECT operation, body FROM journal")]


def _main(number: str) -> str:
    return number.partition(";")[0]


def _pk(record_id: str) -> int:
    digits = record_id.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _now() -> float:
    return time.time()
