"""The databases of a copy: their methods, and the tables that are copied."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.unshown import unshown

TABLES: Final = (
    "accounts",
    "account_connections",
    "connection_checks",
    "preferences",
    "users",
    "user_keys",
    "api_keys",
    "denied_tokens",
    "call_logs",
    "call_links",
    "claims",
    "placeholder_counts",
    "replays",
    "placeholders",
    "requests",
    "envelope_keys",
    "audit_chains",
    "audit",
    "tokens",
    "quarantine",
    "crm_books",
    "crm_contacts",
    "crm_contact_numbers",
    "crm_call_logs",
)
"""The tables that every kind of ledger has, in an order that keeps their references. `crm_` is the embedded CRM's."""

OWN_COLUMNS: Final = frozenset(
    {("call_logs", "id"), ("call_logs", "version"), ("accounts", "version"), ("crm_books", "book")}
)
"""Columns that one kind alone has. Its new rows get a value of its own."""

Row = Sequence[Any]
"""The values of a row, as SQLite has them: int, str, bytes or None."""


class CopyRefused(LedgerUnavailable):
    """A copy cannot be made as asked. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of an unfinished copy in both databases, and of a finished one in its source.

    Attributes:
        copy_id: of the copy.
        other: the other database, for people, without a password.
        is_done: whether all is copied and checked.
    """

    copy_id: str
    other: str
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the copy of a table has come.

    Attributes:
        rows: how many rows were copied.
        after: the key of the last one in the source.
        is_done: whether it was the last one of all.
    """

    rows: int = 0
    after: tuple[Any, ...] = ()
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows of a table, in the order of its primary key.

    Attributes:
        rows: the rows.
        last: the key of the last one; empty: there are no rows.
    """

    rows: Sequence[Row]
    last: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountCounters:
    """Those of one account: its last sequence, the largest of a pruned call, and its stored blocks of 4 KiB."""

    account_id: str
    sequence: int
    pruned_through: int
    blocks: int


@unshown
@dataclass(frozen=True, slots=True)
class LedgerCounters:
    """The counters of a ledger: those that it has once, and those of each account.

    Attributes:
        secret: signs tokens.
        key_version: the rules that the keys of numbers were made by.
        is_standby, live_since, secrets_key_id: see the table `ledger`.
        sequence: no account has had a larger one.
        expired_through: resume tokens up to this sequence have expired.
        accounts: by account.
    """

    secret: bytes
    key_version: int
    is_standby: bool
    live_since: int | None
    secrets_key_id: str | None
    sequence: int
    expired_through: int
    accounts: Sequence[AccountCounters]


class LedgerStore(Protocol):
    """A database that has a ledger, or shall get one. All methods raise LedgerUnavailable if it fails."""

    @property
    def name(self) -> str:
        """The database, for people, without a password."""

    @property
    def has_account_sequences(self) -> bool:
        """Whether two accounts may have the same sequence."""

    async def columns(self, table: str) -> Sequence[str]:
        """The columns of a table, by the names that they have in SQLite."""

    async def page(self, table: str, columns: Sequence[str], after: tuple[Any, ...], limit: int) -> RowPage:
        """The rows that follow a key, at most `limit`."""

    async def counters(self) -> LedgerCounters:
        """The counters. Raises CopyRefused if there is no ledger."""

    async def mark(self) -> Mark | None:
        """The mark of a copy; None: there is none."""

    async def fence(self, mark: Mark) -> None:
        """Refuse every write from now on, and leave the mark. A later mark replaces it."""

    async def unfence(self) -> None:
        """Take writes again, and remove the mark."""

    async def prepare(self, mark: Mark) -> None:
        """Make the tables, and leave the mark. No server can use them yet. Raises CopyRefused if there are rows."""

    async def progress(self, table: str) -> Progress:
        """How far the copy into a table has come."""

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], progress: Progress) -> None:
        """Add rows and note the progress, in one transaction."""

    async def finish(self, counters: LedgerCounters) -> None:
        """Write the counters, remove the mark, and let servers use the ledger."""


class Digest:
    """Counts rows and adds up their hashes, so that their order makes no difference."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: Row) -> None:
        """Add a row."""
        self.rows += 1
        # A column of bytes may hold a text in SQLite.
        values = [value.encode() if isinstance(value, str) else value for value in row]
        self._sum += int.from_bytes(hashlib.sha256(_encode(values)).digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self._sum) == (other.rows, other._sum)

    def __hash__(self) -> int:
        return hash((self.rows, self._sum))


_encode = msgspec.msgpack.Encoder().encode


def mark_values(mark: Mark) -> Mapping[str, str]:
    """A mark as the rows of the table `ledger_copy`, by name."""
    return {"mark": msgspec.json.encode(mark).decode()}


def mark_of(values: Mapping[str, str]) -> Mark | None:
    """The mark in the rows of the table `ledger_copy`."""
    return msgspec.json.decode(values["mark"], type=Mark) if "mark" in values else None


def progress_text(progress: Progress) -> str:
    """A progress as one text. Keys have bytes, which JSON has not."""
    return msgspec.msgpack.encode(progress).hex()


def progress_of(text: str | None) -> Progress:
    """The progress of a text; the beginning without one."""
    return Progress() if text is None else msgspec.msgpack.decode(bytes.fromhex(text), type=Progress)
