"""Contacts in PostgreSQL: finding, searching, adding and removing them."""

# ruff: noqa: S608 - all SQL here is built from constants

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, NewContact, contact_from, fold
from leadline_server.crm.embedded.tables import WantedContact
from leadline_server.crm.toolkit.name_paging import read_cursor, write_cursor
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmTooMuch
from leadline_server.domain.limits import MOST_RECORDS
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.ports.crm import ContactPage, ContactUse
from leadline_server.storage.postgres.database import Connection, Row

Fetch = Callable[..., Awaitable[Sequence[Row]]]
"""Reads rows: a statement and its values."""

Lookup = tuple[str, tuple[str, ...]]
"""An account, and keys of numbers. No key has a blank."""


class Found(NamedTuple):
    """The rows that a lookup found, and the account's settings version at that moment; 0: there is no such account."""

    rows: Sequence[Row]
    settings_version: int


_FIND: Final = f"""
    SELECT {CONTACT_COLUMNS} FROM crm_contact_numbers AS n
    JOIN crm_contacts AS c ON c.account_id = n.account_id AND c.pk = n.contact
    WHERE n.account_id = $1 AND n.key = ANY($2) LIMIT $3
"""
# Of several lookups at once. `wanted` has the account of each, its keys with a blank after each but the last, and how
# many rows it reads at most. A lookup that finds nothing has one row without a contact, which has the version too. See
# `RowsExpression` for the conditions at the end, which always hold.
_FIND_MANY: Final = f"""
    SELECT wanted.place, a.version, found.* FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY
        AS wanted (account_id, keys, most, place)
    LEFT JOIN accounts AS a ON a.account_id = wanted.account_id AND a.state <> 'deleting'
    LEFT JOIN LATERAL (
        SELECT {CONTACT_COLUMNS} FROM crm_contact_numbers AS n
        JOIN crm_contacts AS c ON c.account_id = n.account_id AND c.pk = n.contact
        WHERE n.account_id = wanted.account_id AND n.key = ANY(string_to_array(wanted.keys, ' ')) LIMIT wanted.most
    ) AS found ON true WHERE wanted.place > 0 AND wanted.most > 0
"""
_GET: Final = f"SELECT {CONTACT_COLUMNS} FROM crm_contacts AS c WHERE c.account_id = $1 AND c.id = $2"
_SEARCH: Final = f"""
    SELECT {CONTACT_COLUMNS} FROM crm_contacts AS c
    WHERE c.account_id = $1 AND c.folded_name LIKE $2 AND (c.folded_name, c.id) > ($3, $4)
    ORDER BY c.folded_name, c.id LIMIT $5
"""
_BY_KEY: Final = f"SELECT {CONTACT_COLUMNS} FROM crm_contacts AS c WHERE c.account_id = $1 AND c.unique_key = $2"
_BOOK: Final = "INSERT INTO crm_books (account_id, key_version) VALUES ($1, $2) ON CONFLICT DO NOTHING"
# With its numbers, in one statement. Nothing happens if a contact has the key.
_INSERT: Final = """
    WITH added AS (
        INSERT INTO crm_contacts (account_id, id, unique_key, name, folded_name, type, create_time, last_activity_time,
            is_placeholder, details, import_digests)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (account_id, unique_key) WHERE unique_key IS NOT NULL DO NOTHING RETURNING pk
    ), numbered AS (
        INSERT INTO crm_contact_numbers (account_id, key, contact)
        SELECT $1, key, pk FROM added CROSS JOIN unnest($12::text[]) AS key
    ), booked AS (
        INSERT INTO crm_books (account_id, key_version) VALUES ($1, $13) ON CONFLICT DO NOTHING
    )
    SELECT pk FROM added
"""
_USED: Final = """
    SELECT c.pk, c.import_digests IS NOT NULL OR EXISTS (
        SELECT FROM crm_call_logs AS l WHERE l.account_id = $1 AND l.contact = c.pk
        AND (l.id <> ALL($3) OR l.follow_up IS NOT NULL OR l.rating IS NOT NULL)
    ) FROM crm_contacts AS c WHERE c.account_id = $1 AND c.id = $2
"""
_DELETE: Final = "DELETE FROM crm_contacts WHERE account_id = $1 AND pk = $2"


class _Position(NamedTuple):
    """A position in the order of an account's contacts."""

    folded_name: str
    id: str


async def find(fetch: Fetch, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
    """The contacts with one of `keys`; of very many only the first."""
    return contacts_of(await fetch(_FIND, account_id, list(keys), _most(keys)), keys)


async def find_many(fetch: Fetch, lookups: Sequence[Lookup]) -> Sequence[Found]:
    """The rows of several lookups, which `contacts_of` reads, in one statement."""
    accounts = [account_id for account_id, _ in lookups]
    wanted = [" ".join(keys) for _, keys in lookups], [_most(keys) for _, keys in lookups]
    rows: list[list[Row]] = [[] for _ in lookups]
    versions = [0] * len(lookups)
    for place, version, *row in await fetch(_FIND_MANY, accounts, *wanted):
        versions[place - 1] = version or 0
        if row[0] is not None:
            rows[place - 1].append(row)
    return [Found(*one) for one in zip(rows, versions, strict=True)]


def _most(keys: tuple[str, ...]) -> int:
    return (MOST_RECORDS + 1) * len(keys)


def contacts_of(rows: Sequence[Row], keys: tuple[str, ...]) -> Sequence[Contact]:
    """The contacts that a lookup found.

    Raises:
        CrmTooMuch: there are more than leadline reads.
    """
    contacts = [contact_from(row) for row in {row[0]: row for row in rows}.values()]
    if len(rows) == _most(keys):
        raise CrmTooMuch("The book has more contacts for a number than leadline reads.", read=contacts)
    return contacts


async def get_contact(fetch: Fetch, account_id: str, contact_id: str) -> Contact | None:
    """The contact with this id."""
    rows = [] if "\0" in contact_id else await fetch(_GET, account_id, contact_id)
    return contact_from(rows[0]) if rows else None


async def search(fetch: Fetch, account_id: str, name: str, limit: int, cursor: str) -> ContactPage:
    """A page of contacts by name. By trigrams if the database has them, else in the order of names."""
    part, start = fold(name), read_cursor(cursor, _Position) if cursor else _Position("", "")
    if "\0" in part + start.folded_name + start.id:  # no text of PostgreSQL's has it
        return ContactPage((), "")
    rows = await fetch(_SEARCH, account_id, f"%{_escaped(part)}%", *start, limit + 1)
    page = tuple(contact_from(row) for row in rows[:limit])
    return ContactPage(page, write_cursor(_Position(fold(page[-1].name), page[-1].id)) if len(rows) > limit else "")


async def insert(connection: Connection, wanted: WantedContact) -> Contact:
    """Add a contact with its key, or return the one that has the key. In a transaction."""
    values = without_zeros(wanted.row.values)
    keys = list(wanted.row.keys)
    added = await connection.fetch(_INSERT, wanted.account_id, *values, keys, KEY_VERSION)
    if added:
        return wanted.contact
    return contact_from(await connection.fetchrow(_BY_KEY, wanted.account_id, wanted.row.unique_key))


async def remove_unused(
    connection: Connection, account_id: str, contact_id: str, log_ids: Collection[str], *, only_check: bool
) -> ContactUse:
    """Delete a contact unless it is used. Its numbers go with it, and its calls keep no contact."""
    lock = "" if only_check else " FOR UPDATE OF c"  # no call can be logged for it meanwhile
    found = await connection.fetchrow(_USED + lock, account_id, contact_id, list(log_ids))
    if found is None:
        return ContactUse.UNUSED
    key, is_used = found
    if is_used:
        return ContactUse.USED
    if not only_check:
        await connection.execute(_DELETE, account_id, key)
    return ContactUse.UNUSED


async def forget(connection: Connection, account_id: str, limit: int) -> bool:
    """Delete some of an account's contacts and logs."""
    deleted = 0
    for table in ("crm_call_logs", "crm_contacts"):
        statement = (
            f"DELETE FROM {table} WHERE account_id = $1 AND pk = ANY (ARRAY("
            f"SELECT pk FROM {table} WHERE account_id = $1 LIMIT $2)) RETURNING 1"
        )
        deleted += len(await connection.fetch(statement, account_id, limit))
    return bool(deleted)


async def add_book(connection: Connection, account_id: str) -> None:
    """Note the rules by which the keys of an account's new book are made."""
    await connection.execute(_BOOK, account_id, KEY_VERSION)


def row_of(contact: NewContact) -> tuple[Any, ...]:
    """The values of a contact's row after `account_id` and `pk`."""
    return without_zeros(contact.values)


def without_zeros(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values without NUL in their texts, which PostgreSQL cannot store."""
    return tuple(value.replace("\0", "") if isinstance(value, str) else value for value in values)


def _escaped(part: str) -> str:
    """A part of a name for LIKE."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
