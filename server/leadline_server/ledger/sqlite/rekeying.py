"""Recomputes the number keys of a ledger that older rules made.

Calls, claims and lists of excluded numbers have number keys, such as +442079460123.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.limits import MOST_PAGE_BYTES
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import Preferences
from leadline_server.ledger.call_log_rows import within
from leadline_server.ledger.codec import CALL_LOG, PREFERENCES, SETTINGS
from leadline_server.ledger.sqlite.accounts import load_settings
from leadline_server.ledger.sqlite.settings_cache import SettingsVersion
from leadline_server.storage.sqlite import SqliteDatabase

T = TypeVar("T")

_CHUNK: Final = 2_000  # calls of one transaction, which other processes' writes wait for
_REQUEST: Final = ";request="  # follows the number's key in the claim on one creation, see contacts.number_claims

_NEXT_CALLS: Final = "SELECT id, account_id, number_key, body FROM call_logs WHERE id > ? ORDER BY id LIMIT ?"
_SET_CALL: Final = "UPDATE call_logs SET number_key = ?, body = ? WHERE id = ?"
_SET_LINKS: Final = """
    UPDATE call_links SET link_key = replace(link_key, char(10) || :old || char(10), char(10) || :new || char(10))
    WHERE account_id = :account_id AND call_id = :call_id
"""
_CLAIMS: Final = "SELECT account_id, number_key FROM claims"
# If two rows have the same new key, the row that had it before stays. It takes over values that only the other row has.
_TAKE_OVER: Final = """
    UPDATE claims SET
        (contact_id, contact_key, recorded_at) = (
            SELECT coalesce(claims.contact_id, old.contact_id),
                iif(claims.contact_id IS NULL, old.contact_key, claims.contact_key),
                iif(claims.contact_id IS NULL, old.recorded_at, claims.recorded_at)
            FROM claims AS old WHERE old.account_id = :account_id AND old.number_key = :old
        ),
        (lease_owner, lease_until, creation_key, given_up_at, reservation) = (
            SELECT iif(claims.creation_key IS NULL, old.lease_owner, claims.lease_owner),
                iif(claims.creation_key IS NULL, old.lease_until, claims.lease_until),
                coalesce(claims.creation_key, old.creation_key),
                iif(claims.creation_key IS NULL, old.given_up_at, claims.given_up_at),
                iif(claims.creation_key IS NULL, old.reservation, claims.reservation)
            FROM claims AS old WHERE old.account_id = :account_id AND old.number_key = :old
        )
    WHERE account_id = :account_id AND number_key = :new
"""
_MOVE: Final = "UPDATE OR IGNORE claims SET number_key = :new WHERE account_id = :account_id AND number_key = :old"
_DROP: Final = "DELETE FROM claims WHERE account_id = :account_id AND number_key = :old"


async def rekey_ledger(database: SqliteDatabase, settings_version: SettingsVersion) -> None:
    """Recompute the number keys by today's rules, once. Later calls find nothing to do.

    After a crash, the next start recomputes all of them again. Nothing else of a call changes, not even its revision.

    Raises:
        LedgerUnavailable: the database failed, or has a document that cannot be read.
    """
    version = await database.read(lambda connection: connection.execute("SELECT key_version FROM ledger").fetchone()[0])
    if version >= KEY_VERSION:
        return
    await database.write(lambda connection: _rekey_lists(connection, settings_version))
    last: int | None = 0
    while last is not None:
        last = await database.write(partial(_rekey_calls, after=last))
    await database.write(_rekey_claims)


def _rekey_lists(connection: sqlite3.Connection, settings_version: SettingsVersion) -> None:
    for account_id, body in connection.execute("SELECT account_id, body FROM accounts").fetchall():
        settings = SETTINGS.decode(body)
        after = replace(settings, defaults=_rekeyed(settings.defaults, settings.numbering))
        if after != settings:
            statement = "UPDATE accounts SET body = ? WHERE account_id = ?"
            connection.execute(statement, (SETTINGS.encode(after), account_id))
    for account_id, user_id, body in connection.execute("SELECT account_id, user_id, body FROM preferences").fetchall():
        before = PREFERENCES.decode(body)
        preferences = _rekeyed(before, load_settings(connection, account_id).numbering)
        if preferences != before:
            statement = "UPDATE preferences SET body = ? WHERE account_id = ? AND user_id = ?"
            connection.execute(statement, (PREFERENCES.encode(preferences), account_id, user_id))
    settings_version.advance(connection)


def _rekeyed(preferences: Preferences, rules: NumberingRules) -> Preferences:
    if not preferences.excluded_numbers:
        return preferences
    numbers = tuple(dict.fromkeys(_excluded(text, rules) for text in preferences.excluded_numbers))
    return replace(preferences, excluded_numbers=numbers)


def _excluded(text: str, rules: NumberingRules) -> str:
    if text.endswith("*"):  # a prefix
        return text
    number = parse_number(text, rules)
    return number.e164 or number.extension or text


def _rekey_calls(connection: sqlite3.Connection, after: int) -> int | None:
    """Recompute the next calls; returns the id of the last one, or None after the end."""
    rules_of = _remembering(lambda account_id: _rules(connection, account_id))
    rows = within(connection.execute(_NEXT_CALLS, (after, _CHUNK)), MOST_PAGE_BYTES)
    for row_id, account_id, _, body in rows:
        log, rules = CALL_LOG.decode(body), rules_of(account_id)
        number = log.number if rules is None else log.call.number_of_counterpart(log.user_id, rules)
        if number.key != log.number.key:
            connection.execute(_SET_CALL, (number.key or None, CALL_LOG.encode(replace(log, number=number)), row_id))
            numbers = {"old": log.number.e164, "new": number.e164}
            connection.execute(_SET_LINKS, {**numbers, "account_id": account_id, "call_id": log.call_id})
    return int(rows[-1][0]) if rows else None


def _rekey_claims(connection: sqlite3.Connection) -> None:
    rules_of = _remembering(lambda account_id: _rules(connection, account_id))
    for account_id, old in connection.execute(_CLAIMS).fetchall():
        main, request, key = old.partition(_REQUEST)
        rules = rules_of(account_id)
        new = old if rules is None else f"{parse_number(main, rules).key or main}{request}{key}"
        if new != old:
            values = {"account_id": account_id, "old": old, "new": new}
            connection.execute(_TAKE_OVER, values)
            connection.execute(_MOVE, values)
            connection.execute(_DROP, values)
    connection.execute("UPDATE ledger SET key_version = ?", (KEY_VERSION,))


def _rules(connection: sqlite3.Connection, account_id: str) -> NumberingRules | None:
    try:
        return load_settings(connection, account_id).numbering
    except AccountNotFound:
        return None


def _remembering(ask: Callable[[str], T]) -> Callable[[str], T]:
    answers: dict[str, T] = {}

    def remembered(account_id: str) -> T:
        if account_id not in answers:
            answers[account_id] = ask(account_id)
        return answers[account_id]

    return remembered
