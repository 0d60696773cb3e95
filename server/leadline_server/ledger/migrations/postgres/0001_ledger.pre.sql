-- Times are microseconds since 1970-01-01T00:00:00Z. Bodies are JSON documents in UTF-8 (ledger/codec.py).
-- Texts are compared by their bytes (COLLATE "C"), as SQLite compares them.
-- Every key of a table with rows of accounts begins with account_id, so that the table can be partitioned by it.
-- A lease has an owner (the id of a process) and an end; both are NULL if no process holds it.

CREATE TABLE ledger (
    id integer PRIMARY KEY CHECK (id = 1),
    secret bytea NOT NULL,                        -- signs tokens; the same for every process
    key_version integer NOT NULL DEFAULT 0,       -- the rules that the keys of numbers were made by (rekeying.py)
    checks bigint NOT NULL DEFAULT 0,             -- health checks write to it, to find out whether writing works
    sequence_base bigint NOT NULL DEFAULT 0,      -- where the sequences of new accounts begin; a restore leaps
    pruning_lease_owner text,
    pruning_lease_until bigint,
    is_standby boolean NOT NULL DEFAULT false,    -- a restored copy: no CRM write, no refresh of tokens
    database_id text,                             -- of the database that it is in; another one: a copy (copy_mark.py)
    live_since bigint,                            -- when a restored copy became the live one; NULL: never restored
    secrets_key_id text                           -- the secrets key of new envelope keys; NULL: nothing is encrypted yet
) WITH (fillfactor = 10);

-- One row for each account, which each of its transactions locks first. So the sequences of its changes follow the order
-- of their commits, and transactions of one account cannot wait for each other in a circle.
CREATE TABLE account_counters (
    account_id text COLLATE "C" PRIMARY KEY,
    sequence bigint NOT NULL,                     -- the last one given to a change; never lowered
    pruned_through bigint NOT NULL,               -- the largest sequence of a pruned call; never lowered
    blocks bigint NOT NULL                        -- stored bodies of calls, answers and preferences, in blocks of 4 KiB
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE accounts (
    account_id text COLLATE "C" PRIMARY KEY,
    body bytea NOT NULL,                          -- its settings
    title text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'active',         -- or disabled, deleting
    created_at bigint NOT NULL DEFAULT 0,
    updated_at bigint NOT NULL DEFAULT 0,         -- of title and state; when the deletion began
    version bigint NOT NULL                       -- another with each change of settings, preferences, users, connection
);
CREATE SEQUENCE settings_versions;

-- The connections to CRMs that accounts have of their own. The secrets are encrypted.
CREATE TABLE account_connections (
    account_id text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,     -- grows with each change
    adapter text NOT NULL,
    options text NOT NULL,        -- JSON, without secrets
    secret_names text NOT NULL,   -- JSON: the names of the secrets
    document bytea NOT NULL,      -- the secrets: JSON, encrypted
    updated_at bigint NOT NULL
);

-- What the checks of connections found: of the settings' by name, of accounts' own as account:ID.
CREATE TABLE connection_checks (
    connection text COLLATE "C" PRIMARY KEY,
    checked_at bigint NOT NULL,
    succeeded_at bigint,          -- NULL: never
    failed_at bigint,             -- NULL: never
    error text NOT NULL           -- of the last failure, also if a later check succeeded
);

CREATE TABLE preferences (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts,
    user_id text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

-- The directory. user_keys has what a user is found by, unique in the account: x:101, n:+12025550101, m:jane@example.com.
CREATE TABLE users (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts,
    user_id text COLLATE "C" NOT NULL,
    is_active boolean NOT NULL,
    crm_user_id text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

CREATE TABLE user_keys (
    account_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX user_keys_by_user ON user_keys (account_id, user_id);

-- API keys, and the client certificates that are accepted in their place. The keys themselves are not stored.
CREATE TABLE api_keys (
    account_id text COLLATE "C" NOT NULL,   -- empty: of the platform or of a monitor
    key_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,                  -- the SHA-256 of the key, or of the certificate's name
    family text COLLATE "C" NOT NULL,       -- the id of the first key that this one was rotated from
    body bytea NOT NULL,
    PRIMARY KEY (account_id, key_id)
);
-- The one index of an account's rows that does not begin with the account: a request names no account before its key is
-- found. The table is small, and stays whole.
CREATE UNIQUE INDEX api_keys_by_digest ON api_keys (digest);
CREATE INDEX api_keys_by_family ON api_keys (account_id, family);

-- JWTs and browser sessions that are refused although their signatures are right.
CREATE TABLE denied_tokens (
    account_id text COLLATE "C" NOT NULL,   -- empty: of every account
    issuer text COLLATE "C" NOT NULL,
    kind text NOT NULL,                     -- sub, jti, session or sessions (ports/ledger/credentials.py)
    value text COLLATE "C" NOT NULL,
    denied_at bigint NOT NULL,
    until bigint,                           -- NULL: for ever
    PRIMARY KEY (account_id, issuer, kind, value)
);

CREATE TABLE call_logs (
    account_id text COLLATE "C" NOT NULL,
    call_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,          -- random, another with each write; a writer names the one that it read
    user_id text COLLATE "C" NOT NULL,
    shown_state smallint NOT NULL,
    reason smallint,
    update_state smallint NOT NULL,
    direction smallint,
    number_key text COLLATE "C",      -- NULL: none; the same holds for contact_id
    contact_id text COLLATE "C",
    start_time bigint NOT NULL,       -- of the call; of the first report if the call has none
    next_attempt_time bigint,         -- NULL: nothing is to be done
    sequence bigint NOT NULL,         -- of the latest change that clients can see, in the order of the account's commits
    body bytea NOT NULL,              -- includes the lease of the process that delivers the call
    PRIMARY KEY (account_id, call_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX call_logs_by_sequence ON call_logs (account_id, sequence);
CREATE INDEX call_logs_due ON call_logs (account_id, next_attempt_time) WHERE next_attempt_time IS NOT NULL;
CREATE INDEX call_logs_by_time ON call_logs (account_id, start_time DESC, call_id);
CREATE INDEX call_logs_by_user ON call_logs (account_id, user_id, start_time DESC, call_id);
CREATE INDEX call_logs_by_number ON call_logs (account_id, number_key, start_time DESC, call_id)
    WHERE number_key IS NOT NULL;
CREATE INDEX call_logs_by_contact ON call_logs (account_id, contact_id, start_time DESC, call_id)
    WHERE contact_id IS NOT NULL;

-- Ends the statement that calls it, and undoes it, if it wrote fewer rows than it was to write: another transaction has
-- changed one of them since it was read.
CREATE FUNCTION refuse_conflict(written bigint, wanted bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF written <> wanted THEN
        RAISE EXCEPTION 'a row was changed by another transaction' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN written;
END
$$;

-- The same if the account has another settings version. It is volatile, so it sees what is committed when it runs: that is
-- under the account's lock, which each change of settings takes, since `sequence` is read from the row that is locked.
CREATE FUNCTION refuse_other_settings(account text, settings_version bigint, sequence bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM accounts AS a
        WHERE a.account_id = account AND a.version = settings_version AND a.state <> 'deleting'
    ) THEN
        RAISE EXCEPTION 'the settings were changed' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN sequence;
END
$$;

-- With join_linked_calls: which log the id of a reported call finds, and which calls it may join.
CREATE TABLE call_links (
    account_id text COLLATE "C" NOT NULL,
    reported_id text COLLATE "C" NOT NULL,
    call_id text COLLATE "C" NOT NULL,  -- of the row in call_logs; another than reported_id if the call has joined
    link_key text COLLATE "C" NOT NULL, -- direction, number, source and linked_id (domain/joining.py); empty: joins no other
    added bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (account_id, reported_id)
);
CREATE INDEX call_links_by_call ON call_links (account_id, call_id);
CREATE INDEX call_links_by_key ON call_links (account_id, link_key, added DESC) WHERE link_key <> '';

-- The claim on a number: its contact, a creation whose end is not recorded, and the process that may create now.
CREATE TABLE claims (
    account_id text COLLATE "C" NOT NULL,
    number_key text COLLATE "C" NOT NULL,
    lease_owner text,
    lease_until bigint,
    creation_key text,   -- of the creation that may still take effect
    given_up_at bigint,  -- when the process that began that creation had stopped; NULL: the lease owner is at work on it
    contact_id text COLLATE "C",
    contact_key text,    -- the key of the creation that made the contact; empty: not known
    recorded_at bigint,  -- when the contact was recorded
    reservation text,    -- what the creation took of the limits of placeholders (JSON); NULL: nothing
    PRIMARY KEY (account_id, number_key)
) WITH (fillfactor = 50);

-- How many placeholders were begun in each hour (since 1970, UTC), by the scope of a limit: account, unattested, user:alice.
CREATE TABLE placeholder_counts (
    account_id text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,
    begun bigint NOT NULL,   -- created, being created, or with an unknown end
    refused bigint NOT NULL, -- calls that a limit held back; counted for the account alone
    PRIMARY KEY (account_id, scope, hour)
) WITH (fillfactor = 50);

-- Waits for the other transactions that may create contacts for these numbers, and keeps them out until the end of this
-- one. The locks are those of LockingTransaction.hold_number, in an order of their own, so that none waits in a circle.
CREATE FUNCTION hold_numbers(account text, number_keys text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    FOR number IN
        SELECT DISTINCT hashtextextended('number ' || account || '/' || key, 0) AS lock
        FROM unnest(number_keys) AS key ORDER BY lock
    LOOP
        PERFORM pg_advisory_xact_lock(number);
    END LOOP;
    RETURN cardinality(number_keys);
END
$$;

-- Counts placeholders, each against all its limits, and returns how many counts that took. Like refuse_conflict() it ends
-- and undoes the statement if a limit has no room. It is volatile, so it sees what is committed when it runs: that is under
-- the account's lock, since `sequence` is read from the row that is locked. A limit of NULL is none.
CREATE FUNCTION take_placeholders(
    account text, scopes text[], hours bigint[], per_hour bigint[], per_day bigint[], day_hours integer, sequence bigint
) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    taken record;
    in_hour bigint;
    in_day bigint;
BEGIN
    FOR taken IN
        SELECT t.scope, t.hour, min(t.per_hour) AS per_hour, min(t.per_day) AS per_day, count(*) AS wanted
        FROM unnest(scopes, hours, per_hour, per_day) AS t (scope, hour, per_hour, per_day)
        GROUP BY t.scope, t.hour ORDER BY t.scope, t.hour
    LOOP
        INSERT INTO placeholder_counts AS c (account_id, scope, hour, begun, refused)
        VALUES (account, taken.scope, taken.hour, taken.wanted, 0)
        ON CONFLICT (account_id, scope, hour) DO UPDATE SET begun = c.begun + taken.wanted;
        SELECT coalesce(sum(c.begun) FILTER (WHERE c.hour = taken.hour), 0), coalesce(sum(c.begun), 0)
        INTO in_hour, in_day FROM placeholder_counts AS c
        WHERE c.account_id = account AND c.scope = taken.scope AND c.hour > taken.hour - day_hours;
        IF in_hour > taken.per_hour OR in_day > taken.per_day THEN
            RAISE EXCEPTION 'a limit of placeholders is reached' USING ERRCODE = 'serialization_failure';
        END IF;
        IF in_hour = taken.wanted THEN  -- the first of the hour
            DELETE FROM placeholder_counts AS c WHERE c.account_id = account AND c.hour <= taken.hour - 2 * day_hours;
        END IF;
    END LOOP;
    RETURN cardinality(scopes);
END
$$;

-- Replays of past calls, each with its own limit of placeholders.
CREATE TABLE replays (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts,
    replay_id text COLLATE "C" NOT NULL,
    placeholder_limit bigint NOT NULL,
    begun bigint NOT NULL,
    refused bigint NOT NULL,
    opened_at bigint NOT NULL,
    PRIMARY KEY (account_id, replay_id)
) WITH (fillfactor = 50);

-- The placeholders that calls created, as they were then.
CREATE TABLE placeholders (
    account_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    document text NOT NULL,   -- its reservation: the name and the number
    PRIMARY KEY (account_id, contact_id)
);
CREATE INDEX placeholders_by_time ON placeholders (account_id, created_at, contact_id);

CREATE TABLE requests (
    account_id text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    answered_at bigint NOT NULL,
    fingerprint bytea NOT NULL,
    contact bytea NOT NULL,
    PRIMARY KEY (account_id, request_id)
);
CREATE INDEX requests_by_time ON requests (account_id, answered_at);

-- The key that encrypts the documents of an owner: account:acme, connection:sales. It is itself encrypted, by a secrets key
-- that is not in this database (encryption/). So the database and its backups do not reveal the documents.
CREATE TABLE envelope_keys (
    owner text COLLATE "C" PRIMARY KEY,
    secrets_key_id text NOT NULL,
    document bytea NOT NULL
);

-- The audit trail: who changed what (domain/audit.py). Chaining gives an entry its place in its account's chain.
CREATE TABLE audit (
    account_id text COLLATE "C" NOT NULL, -- empty: of no account
    id bigint GENERATED ALWAYS AS IDENTITY,
    time bigint NOT NULL,
    document bytea NOT NULL,
    sequence bigint,                      -- 1, 2, 3 ... of the account; NULL until chained, as the hash
    hash bytea,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX audit_by_sequence ON audit (account_id, sequence) WHERE hash IS NOT NULL;
CREATE INDEX audit_new ON audit (account_id, id) WHERE hash IS NULL;

-- The latest entry of each chain, and the latest one that was pruned.
CREATE TABLE audit_chains (
    account_id text COLLATE "C" PRIMARY KEY,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    pruned_sequence bigint NOT NULL DEFAULT 0,
    pruned_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END
$$;
CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.hash IS NULL OR OLD.sequence > coalesce(
        (SELECT pruned_sequence FROM audit_chains AS c WHERE c.account_id = OLD.account_id), 0
    ) THEN
        RAISE EXCEPTION 'the audit trail is append-only';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit FOR EACH ROW
WHEN (OLD.hash IS NOT NULL OR NEW.account_id <> OLD.account_id OR NEW.time <> OLD.time OR NEW.document <> OLD.document)
EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_is_append_only();

-- The servers that work on this ledger. Each one writes its row every 30 seconds, and deletes it when it stops.
CREATE TABLE replicas (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    version text NOT NULL,
    settings text NOT NULL,      -- digests by the names of settings, JSON
    started_at bigint NOT NULL,
    clock_at bigint NOT NULL,    -- by the server's clock
    seen_at bigint NOT NULL      -- by the database's
);

-- OAuth tokens of the CRMs' connections. The documents are encrypted.
CREATE TABLE tokens (
    connection text COLLATE "C" PRIMARY KEY,
    document bytea,       -- NULL: none yet
    lease_owner text,
    lease_until bigint
);

-- Webhooks of phone systems that are authentic and can never be stored. The documents are encrypted.
CREATE TABLE quarantine (
    account_id text COLLATE "C" NOT NULL,
    key bytea NOT NULL,           -- identifies the request, so that one that comes again is kept once
    route text NOT NULL,
    received_at bigint NOT NULL,
    reason text NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX quarantine_by_time ON quarantine (account_id, received_at);

-- The tables of the embedded CRM (crm/embedded/postgres), as in SQLite (crm/embedded/migrations/), but with account_id
-- where those have the number of a book.
CREATE TABLE crm_books (
    account_id text COLLATE "C" PRIMARY KEY,
    key_version integer NOT NULL DEFAULT 0        -- the rules that the keys of numbers were made by
);

-- No index has last_activity_time, which each call changes: so PostgreSQL writes no index entry for that (HOT).
CREATE TABLE crm_contacts (
    account_id text COLLATE "C" NOT NULL,
    pk bigint GENERATED BY DEFAULT AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    unique_key text COLLATE "C",        -- of the request that created it, or of the record it was imported from
    name text NOT NULL,
    folded_name text COLLATE "C" NOT NULL,  -- what searches compare and order by
    type text NOT NULL,
    create_time bigint,
    last_activity_time bigint,
    is_placeholder boolean NOT NULL,
    details text NOT NULL,              -- JSON, for it is only read whole: phone_numbers, email, company, title, attributes
    import_digests bytea,               -- of the rows of files that it was imported from, eight bytes each; NULL: of none
    PRIMARY KEY (account_id, pk)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX crm_contacts_by_id ON crm_contacts (account_id, id);
CREATE UNIQUE INDEX crm_contacts_by_unique_key ON crm_contacts (account_id, unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX crm_contacts_by_name ON crm_contacts (account_id, folded_name, id);

-- A contact is found by its numbers' keys (see crm/embedded/rows.py): one probe here, one in the contacts.
CREATE TABLE crm_contact_numbers (
    account_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    contact bigint NOT NULL,
    PRIMARY KEY (account_id, key, contact),
    FOREIGN KEY (account_id, contact) REFERENCES crm_contacts ON DELETE CASCADE
);
CREATE INDEX crm_contact_numbers_by_contact ON crm_contact_numbers (account_id, contact);

-- Ends the statement that calls it, and undoes it, if a contact has one of these keys by now. Like take_placeholders() it
-- sees what is committed, under the account's lock and those of hold_numbers().
CREATE FUNCTION refuse_known_numbers(account text, keys text[], sequence bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF EXISTS (SELECT FROM crm_contact_numbers AS n WHERE n.account_id = account AND n.key = ANY (keys)) THEN
        RAISE EXCEPTION 'a contact has the number' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN sequence;
END
$$;

-- The call journal. All but the columns at the end belongs to leadline and follows the call.
CREATE TABLE crm_call_logs (
    account_id text COLLATE "C" NOT NULL,
    pk bigint GENERATED BY DEFAULT AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    unique_key text COLLATE "C" NOT NULL,
    contact bigint,
    call_id text NOT NULL,
    linked_id text,
    owner text NOT NULL,                -- the CRM's user, else leadline's
    direction text,
    number text NOT NULL,               -- the other party's
    caller_number text,
    caller_name text,
    callee_number text,
    callee_name text,
    start_time bigint NOT NULL,
    answer_time bigint,
    end_time bigint,
    duration bigint,                    -- seconds of conversation
    result text,
    disposition text,
    subject text,
    note text,
    recording_url text,
    voicemail_url text,
    summary text,
    transcript text,
    attestation text,
    attributes text NOT NULL,           -- JSON
    update_time bigint NOT NULL,
    -- Columns of the people who work with the journal; leadline never writes them.
    follow_up text,
    rating bigint,
    PRIMARY KEY (account_id, pk),
    FOREIGN KEY (account_id, contact) REFERENCES crm_contacts ON DELETE SET NULL (contact)
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX crm_call_logs_by_id ON crm_call_logs (account_id, id);
CREATE UNIQUE INDEX crm_call_logs_by_unique_key ON crm_call_logs (account_id, unique_key);
CREATE INDEX crm_call_logs_by_contact ON crm_call_logs (account_id, contact, start_time);

-- Finds parts of names. Without these extensions, which are in PostgreSQL's contrib packages, a search reads the account's
-- names in their order.
DO $$
DECLARE
    trigrams text;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE EXTENSION IF NOT EXISTS btree_gin;
    SELECT quote_ident(nspname) INTO trigrams
    FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE extname = 'pg_trgm';
    EXECUTE 'CREATE INDEX crm_contacts_by_trigram ON crm_contacts USING gin (account_id, folded_name '
        || trigrams || '.gin_trgm_ops)';
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR invalid_schema_name THEN
    RAISE NOTICE 'leadline: without pg_trgm and btree_gin, searches of contacts by name read all names of an account';
END
$$;
