"""The integrity check of a SQLite ledger: rules that always hold, whether a server runs on it or not."""

import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger import migrations
from leadline_server.ledger.codec import CONTACT, PREFERENCES, SETTINGS, Codec
from leadline_server.ledger.sqlite.audit_export import snapshot_of
from leadline_server.ledger.sqlite.integrity_calls import check_calls
from leadline_server.ledger.sqlite.integrity_findings import Finding, finding
from leadline_server.ledger.sqlite.settings_cache import read_settings_version, settings_version_path
from leadline_server.storage.migrations import load_migrations

_MIGRATIONS: Final = f"{migrations.__name__}.sqlite"
_SECRET_BYTES: Final = 32
_SETTINGS_VERSION_BYTES: Final = 8

_TAMPERED: Final = "Keep a copy of the file, and find out who wrote to it. An earlier export shows the difference."
RESTORE: Final = "Stop the server, keep a copy of the file, and restore a backup."


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """The findings for every part that was checked, in order, and whether its pages and schema are intact."""

    findings: Sequence[Finding]
    is_readable: bool


def check_ledger(connection: sqlite3.Connection) -> IntegrityReport:
    """Check the whole ledger in one snapshot. This reads every page, which takes some seconds for each GB.

    A part that cannot be read is a finding, not an exception.
    """
    connection.execute("BEGIN")
    try:
        file = _guarded("file", _check_file, connection)
        if file.problems:
            return IntegrityReport([file], is_readable=False)
        schema = _guarded("schema", _check_schema, connection)
        if schema.problems:
            return IntegrityReport([file, schema], is_readable=False)
        parts = [_guarded(name, check, connection) for name, check in _PARTS.items()]
        return IntegrityReport([file, schema, *check_calls(connection), *parts], is_readable=True)
    finally:
        connection.execute("ROLLBACK")


def _guarded(name: str, check: Callable[[sqlite3.Connection], Finding], connection: sqlite3.Connection) -> Finding:
    try:
        return check(connection)
    except sqlite3.DatabaseError as error:
        return finding(name, "", [f"cannot be read: {error}"], RESTORE)


def _check_file(connection: sqlite3.Connection) -> Finding:
    rows = [str(text) for (text,) in connection.execute("PRAGMA quick_check(20)").fetchall()]
    return finding("file", "SQLite's quick_check finds nothing", [row for row in rows if row != "ok"], RESTORE)


def schema_versions(connection: sqlite3.Connection) -> tuple[int, int]:
    """The version of the file's schema, and the one that this leadline writes."""
    stored = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
    return int(stored), len(load_migrations(_MIGRATIONS))


def _check_schema(connection: sqlite3.Connection) -> Finding:
    version, known = schema_versions(connection)
    problems = []
    if version > known:
        problems = [f"version {version} belongs to a newer leadline; this one knows {known}"]
    elif version < known:
        problems = [f"version {version} is older than this leadline's {known}"]
    return finding("schema", f"version {version}", problems, "Check it with the version of leadline that serves it.")


def _check_sequences(connection: sqlite3.Connection) -> Finding:
    [(counter, pruned)] = connection.execute("SELECT call_log_sequence, pruned_through FROM ledger").fetchall()
    # Without the index, because it may be damaged.
    query = "SELECT count(*), count(DISTINCT sequence), min(sequence), max(sequence) FROM call_logs NOT INDEXED"
    [(count, distinct, least, most)] = connection.execute(query).fetchall()
    problems = []
    if count != distinct:
        problems.append(f"{count - distinct} calls share a sequence with another")
    if count and (least < 1 or most > counter):
        problems.append(f"calls have sequences from {least} to {most}, the counter says {counter}")
    if pruned > counter:
        problems.append(f"calls are pruned through {pruned}, the counter says {counter}")
    return finding("sequences", f"unique, up to {counter:,}; pruned through {pruned:,}", problems, RESTORE)


def _check_settings(connection: sqlite3.Connection) -> Finding:
    accounts, bad_accounts = _documents(connection, "accounts", "account_id", "body", SETTINGS)
    users, bad_users = _documents(connection, "preferences", "account_id || '/' || user_id", "body", PREFERENCES)
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    problems = [*bad_accounts, *bad_users, *(f"a row of {row[0]} has no account" for row in orphans)]
    return finding("settings", f"{accounts:,} accounts, {users:,} users with preferences", problems, RESTORE)


def _check_claims(connection: sqlite3.Connection) -> Finding:
    query = """
        SELECT count(*), coalesce(sum((contact_id IS NULL) <> (recorded_at IS NULL)), 0),
            coalesce(sum(reservation IS NOT NULL AND creation_key IS NULL), 0)
        FROM claims
    """
    [(count, halves, unused)] = connection.execute(query).fetchall()
    problems = [f"{halves} have a contact without a time, or a time without a contact"] if halves else []
    problems += [f"{unused} have taken a placeholder from the limits without a creation"] if unused else []
    return finding("claims", f"{count:,} numbers", problems, RESTORE)


def _check_requests(connection: sqlite3.Connection) -> Finding:
    count, problems = _documents(connection, "requests", "account_id || '/' || request_id", "contact", CONTACT)
    return finding("requests", f"{count:,} answers", problems, "Wait: they expire within a day.")


def _check_stored(connection: sqlite3.Connection) -> Finding:
    query = """
        SELECT account_id, sum(blocks) FROM (
            SELECT account_id, (length(body) + 4095) / 4096 AS blocks FROM call_logs
            UNION ALL SELECT account_id, (length(contact) + 4095) / 4096 FROM requests
            UNION ALL SELECT account_id, (length(body) + 4095) / 4096 FROM preferences
            UNION ALL SELECT account_id, -blocks FROM stored_blocks
        ) GROUP BY account_id
    """
    rows = connection.execute(query).fetchall()
    problems = [f"{account_id}: {missing:+,} blocks are not counted" for account_id, missing in rows if missing]
    return finding("stored bytes", f"{len(rows):,} accounts", problems, RESTORE)


def _check_secret(connection: sqlite3.Connection) -> Finding:
    rows = connection.execute("SELECT secret FROM ledger").fetchall()
    is_good = len(rows) == 1 and isinstance(rows[0][0], bytes) and len(rows[0][0]) == _SECRET_BYTES
    problem = f"the row with the {_SECRET_BYTES} bytes that sign tokens is missing or damaged"
    return finding("secret", "signs tokens", [] if is_good else [problem], RESTORE)


def _documents(
    connection: sqlite3.Connection, table: str, key: str, column: str, codec: Codec[Any]
) -> tuple[int, list[str]]:
    """How many documents there are, and the problems of those that cannot be read."""
    rows = connection.execute(f"SELECT {key}, {column} FROM {table}")  # noqa: S608 - constants of this module
    count, problems = 0, list[str]()
    for count, (name, body) in enumerate(rows, 1):  # noqa: B007 - the count is used after the loop
        if not _is_readable(codec, body):
            problems.append(f"{table}: the document of {name} cannot be read")
    return count, problems


def _is_readable(codec: Codec[Any], body: bytes) -> bool:
    try:
        codec.decode(body)
    except LedgerUnavailable:
        return False
    return True


def check_files(path: Path, connection: sqlite3.Connection) -> Sequence[Finding]:
    """Check the files: who may read the ledger, and the file of the settings version.

    Call this only if `check_ledger` finds no problems of the file and the schema.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    access = f"mode {mode:04o}" + ("; it holds secrets: chmod 600" if mode & 0o077 else "")
    return [finding("access", access, [], ""), _check_settings_version(settings_version_path(path), connection)]


def _check_settings_version(file: Path, connection: sqlite3.Connection) -> Finding:
    if not file.exists():
        return finding("settings version", "no file yet; the next start creates it", [], "")
    stored = int.from_bytes(file.read_bytes()[:_SETTINGS_VERSION_BYTES], sys.byteorder)
    committed = read_settings_version(connection)
    summary = "as committed"
    if stored != committed:
        # A writer is about to commit, or died before it did. Then every process queries until settings change again.
        summary = "differs from the committed version; the next start or change of settings corrects it"
    problems = [] if file.stat().st_size >= _SETTINGS_VERSION_BYTES else [f"{file.name} is cut off"]
    return finding("settings version", summary, problems, f"Stop the server, delete {file.name}, and start.")


def _check_audit(connection: sqlite3.Connection) -> Finding:
    snapshot = snapshot_of(connection)
    count = sum(end.sequence - snapshot.starts[account_id].sequence for account_id, end in snapshot.anchors.items())
    return finding("audit", f"{count:,} entries, each in its place", list(snapshot.problems({})), _TAMPERED)


_PARTS: Final[dict[str, Callable[[sqlite3.Connection], Finding]]] = {
    "sequences": _check_sequences,
    "settings": _check_settings,
    "claims": _check_claims,
    "requests": _check_requests,
    "stored bytes": _check_stored,
    "secret": _check_secret,
    "audit": _check_audit,
}


def problems_of(report: IntegrityReport) -> Iterator[str]:
    """Every problem, with the name of its part."""
    return (f"{finding.name}: {problem}" for finding in report.findings for problem in finding.problems)
