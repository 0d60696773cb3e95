"""The statements on claims; the table is in the first migration."""

from typing import Final

# `given_up_at` becomes a time at which the earlier holder had stopped. A holder that died had stopped at `lease_until`.
# An earlier holder in this same process has stopped too, since one task of a process acquires a claim at a time. When
# it stopped is not recorded, so now ($5) is used.
ACQUIRE: Final = """
    INSERT INTO claims AS c (account_id, number_key, lease_owner, lease_until, creation_key) VALUES ($1, $2, $3, $6, $4)
    ON CONFLICT (account_id, number_key) DO UPDATE SET
        given_up_at = CASE
            WHEN c.creation_key IS NULL THEN NULL
            WHEN c.lease_owner IS NULL THEN c.given_up_at
            WHEN c.lease_owner = $3 THEN $5
            ELSE c.lease_until
        END,
        creation_key = coalesce(c.creation_key, $4),
        lease_owner = $3,
        lease_until = $6
    WHERE c.lease_owner IS NULL OR c.lease_owner = $3 OR c.lease_until <= $5::bigint
    RETURNING creation_key, given_up_at, contact_id, contact_key, reservation
"""
LEASE_UNTIL: Final = "SELECT lease_until FROM claims WHERE account_id = $1 AND number_key = $2"
RENEW: Final = "UPDATE claims SET lease_until = $4 WHERE account_id = $1 AND number_key = $2 AND lease_owner = $3"
BEGIN: Final = """
    UPDATE claims SET creation_key = $4, given_up_at = NULL, reservation = CASE WHEN $5 THEN reservation END
    WHERE account_id = $1 AND number_key = $2 AND lease_owner = $3
"""
RELEASE: Final = """
    UPDATE claims SET
        lease_owner = NULL,
        lease_until = NULL,
        creation_key = CASE WHEN coalesce($4, given_up_at) IS NOT NULL THEN creation_key END,
        reservation = CASE WHEN coalesce($4, given_up_at) IS NOT NULL THEN reservation END,
        given_up_at = coalesce($4, given_up_at)
    WHERE account_id = $1 AND number_key = $2 AND lease_owner = $3
"""
FINISH_OWN: Final = """
    UPDATE claims SET
        contact_id = $4, contact_key = $5, recorded_at = $6,
        lease_owner = NULL, lease_until = NULL, creation_key = NULL, given_up_at = NULL, reservation = NULL
    WHERE account_id = $1 AND number_key = $2 AND lease_owner = $3
"""
FINISH: Final = """
    INSERT INTO claims (account_id, number_key, contact_id, contact_key, recorded_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, number_key) DO UPDATE
    SET contact_id = excluded.contact_id, contact_key = excluded.contact_key, recorded_at = excluded.recorded_at
"""
END: Final = """
    UPDATE claims
    SET lease_owner = NULL, lease_until = NULL, creation_key = NULL, given_up_at = NULL, reservation = NULL
    WHERE account_id = $1 AND number_key = $2 AND lease_owner IS NULL AND creation_key = $3
"""
FORGET: Final = """
    UPDATE claims SET contact_id = NULL, contact_key = NULL, recorded_at = NULL
    WHERE account_id = $1 AND number_key = $2 AND contact_id = $3
"""
HELD: Final = """
    SELECT reservation, given_up_at FROM claims WHERE account_id = $1 AND number_key = $2 AND lease_owner = $3
    FOR UPDATE
"""
RESERVE: Final = "UPDATE claims SET reservation = $3 WHERE account_id = $1 AND number_key = $2"
RECORD: Final = """
    INSERT INTO placeholders (account_id, contact_id, created_at, document)
    SELECT account_id, $3, $4, reservation FROM claims
    WHERE account_id = $1 AND number_key = $2 AND reservation IS NOT NULL
    AND (lease_owner = $5 OR (lease_owner IS NULL AND creation_key = $6))
    ON CONFLICT DO NOTHING RETURNING document
"""
DELETE_EMPTY: Final = """
    DELETE FROM claims
    WHERE account_id = $1 AND number_key = $2
    AND lease_owner IS NULL AND creation_key IS NULL AND contact_id IS NULL
"""
REMEMBERED: Final = """
    SELECT coalesce((SELECT version FROM accounts WHERE account_id = $1 AND state <> 'deleting'), 0),
        c.number_key, c.contact_id, c.recorded_at
    FROM (SELECT) AS one LEFT JOIN claims AS c
    ON c.account_id = $1 AND c.number_key = ANY($2) AND c.contact_id IS NOT NULL
"""
