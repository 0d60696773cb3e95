"""Contacts that calls create in PostgreSQL, each with the log of its call: rows of the statement at the call's end."""

# ruff: noqa: S608 - all SQL here is built from constants

from typing import Final

from leadline_server.crm.embedded.journal import OWNED_COLUMNS
from leadline_server.crm.embedded.postgres.contacts import without_zeros
from leadline_server.crm.embedded.postgres.journal import OWNED_TYPES
from leadline_server.crm.embedded.tables import WantedContact
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.storage.postgres.deferred import DeferredRow, RowsExpression

_CONTACT: Final = {
    "id": "text",
    "unique_key": "text",
    "name": "text",
    "folded_name": "text",
    "type": "text",
    "create_time": "bigint",
    "last_activity_time": "bigint",
    "is_placeholder": "boolean",
    "details": "text",
}
_COLUMNS: Final = ", ".join(_CONTACT)
_GIVEN: Final = ", ".join(f"new_{name}" for name in _CONTACT)
_LOG: Final = ", ".join(OWNED_COLUMNS)
_NO_LOG: Final = (None,) * (2 + len(OWNED_COLUMNS))

_NEW_CONTACTS: Final = RowsExpression(
    "crm_created",
    f"""crm_new AS (
        SELECT * FROM {{rows}} AS given ({_GIVEN}, number_keys, looked_up, log_id, log_key, {_LOG})
        WHERE new_id > '' AND new_details > ''
    ), crm_unknown AS (
        SELECT refuse_known_numbers(
            $1, string_to_array(string_agg(looked_up, ' '), ' '), (SELECT sequence FROM counters)
        ) AS sequence FROM crm_new
    ), crm_added AS (
        INSERT INTO crm_contacts ({_COLUMNS}, account_id)
        SELECT {_GIVEN.replace("new_last_activity_time", "greatest(new_last_activity_time, start_time)")}, $1
        FROM crm_new CROSS JOIN crm_unknown WHERE crm_unknown.sequence IS NOT NULL
        ON CONFLICT DO NOTHING RETURNING pk, id
    ), crm_numbered AS (
        INSERT INTO crm_contact_numbers (account_id, key, contact)
        SELECT $1, key, added.pk FROM crm_added AS added JOIN crm_new ON new_id = added.id
        CROSS JOIN unnest(string_to_array(number_keys, ' ')) AS key
    ), crm_booked AS (
        INSERT INTO crm_books (account_id, key_version) SELECT $1, {KEY_VERSION} FROM counters ON CONFLICT DO NOTHING
    ), crm_first_logs AS (
        INSERT INTO crm_call_logs (account_id, contact, id, unique_key, {_LOG})
        SELECT $1, added.pk, log_id, log_key, {_LOG} FROM crm_added AS added JOIN crm_new ON new_id = added.id
        WHERE log_id IS NOT NULL ON CONFLICT DO NOTHING RETURNING id
    ), crm_created AS (
        SELECT FROM crm_added AS added JOIN crm_new ON new_id = added.id
        WHERE log_id IS NULL OR log_id IN (SELECT id FROM crm_first_logs)
    )""",
    (*_CONTACT.values(), "text", "text", "text", "text", *OWNED_TYPES),
)
"""New contacts, with their numbers. The log's columns are NULL where the call is not logged.

They refuse the statement if a contact has one of the numbers by then, or if one of their keys is used.
"""


def deferred(wanted: WantedContact, looked_up: tuple[str, ...]) -> DeferredRow:
    """The row of a contact, without a log. `looked_up` are the keys that no contact had, of which none has a blank."""
    *values, _ = without_zeros(wanted.row.values)
    return DeferredRow(_NEW_CONTACTS, (*values, " ".join(wanted.row.keys), " ".join(looked_up), *_NO_LOG))


def with_log(contact: DeferredRow, log: DeferredRow) -> DeferredRow:
    """The row of a contact with that of a log for it."""
    log_id, log_key, _, *columns = log.values
    return DeferredRow(_NEW_CONTACTS, (*contact.values[: -len(_NO_LOG)], log_id, log_key, *columns))
