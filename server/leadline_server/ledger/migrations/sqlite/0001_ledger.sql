-- Times are microseconds since 1970-01-01T00:00:00Z. Bodies are JSON documents (ledger/codec.py). They are stored as BLOB,
-- so that SQLite need not check their encoding. Columns repeat the fields that queries select or sort by.
-- A lease has an owner (the id of a process) and an end; both are NULL if no process holds it.

CREATE TABLE ledger (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret BLOB NOT NULL,                         -- signs tokens; the same for every process that shares this file
    key_version INTEGER NOT NULL DEFAULT 0,       -- the rules that the keys of numbers were made by (rekeying.py)
    checks INTEGER NOT NULL DEFAULT 0,            -- health checks write to it, to find out whether writing works
    call_log_sequence INTEGER NOT NULL DEFAULT 0, -- the last one given to a change; never lowered, so none is used twice
    pruned_through INTEGER NOT NULL DEFAULT 0,    -- of a restored copy: resume tokens up to this sequence have expired
    pruning_lease_owner TEXT,
    pruning_lease_until INTEGER,
    is_standby INTEGER NOT NULL DEFAULT 0,        -- a restored copy: no CRM write, no refresh of tokens
    live_since INTEGER,                           -- when a restored copy became the live one; NULL: never restored
    secrets_key_id TEXT                           -- the secrets key of new envelope keys; NULL: nothing is encrypted yet
);

CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    body BLOB NOT NULL,                      -- its settings
    title TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'active',    -- or disabled, deleting
    created_at INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL DEFAULT 0    -- of title and state; when the deletion began
) WITHOUT ROWID;

-- The connections to CRMs that accounts have of their own. The secrets are encrypted.
CREATE TABLE account_connections (
    account_id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,    -- grows with each change
    adapter TEXT NOT NULL,
    options TEXT NOT NULL,        -- JSON, without secrets
    secret_names TEXT NOT NULL,   -- JSON: the names of the secrets
    document BLOB NOT NULL,       -- the secrets: JSON, encrypted
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What the checks of connections found: of the settings' by name, of accounts' own as account:ID.
CREATE TABLE connection_checks (
    connection TEXT PRIMARY KEY,
    checked_at INTEGER NOT NULL,
    succeeded_at INTEGER,         -- NULL: never
    failed_at INTEGER,            -- NULL: never
    error TEXT NOT NULL           -- of the last failure, also if a later check succeeded
) WITHOUT ROWID;

CREATE TABLE preferences (
    account_id TEXT NOT NULL REFERENCES accounts,
    user_id TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account_id, user_id)
) WITHOUT ROWID;

-- The directory. user_keys has what a user is found by, unique in the account: x:101, n:+12025550101, m:jane@example.com.
CREATE TABLE users (
    account_id TEXT NOT NULL REFERENCES accounts,
    user_id TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    crm_user_id TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account_id, user_id)
) WITHOUT ROWID;

CREATE TABLE user_keys (
    account_id TEXT NOT NULL,
    key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
CREATE INDEX user_keys_by_user ON user_keys (account_id, user_id);

-- API keys, and the client certificates that are accepted in their place. The keys themselves are not stored.
CREATE TABLE api_keys (
    digest BLOB PRIMARY KEY,    -- the SHA-256 of the key, or of the certificate's name
    key_id TEXT NOT NULL,
    account_id TEXT NOT NULL,   -- empty: of the platform or of a monitor
    family TEXT NOT NULL,       -- the id of the first key that this one was rotated from
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (account_id, key_id);
CREATE INDEX api_keys_by_family ON api_keys (account_id, family);

-- JWTs and browser sessions that are refused although their signatures are right.
CREATE TABLE denied_tokens (
    account_id TEXT NOT NULL,   -- empty: of every account
    issuer TEXT NOT NULL,
    kind TEXT NOT NULL,         -- sub, jti, session or sessions (ports/ledger/credentials.py)
    value TEXT NOT NULL,
    denied_at INTEGER NOT NULL,
    until INTEGER,              -- NULL: for ever
    PRIMARY KEY (account_id, issuer, kind, value)
) WITHOUT ROWID;

-- Counts the changes of settings, preferences and users (1), and of the two tables above (2). A process compares it to
-- find out whether what it has cached is outdated.
CREATE TABLE settings_version (
    id INTEGER PRIMARY KEY CHECK (id IN (1, 2)),
    value INTEGER NOT NULL
);
INSERT INTO settings_version (id, value) VALUES (1, 1), (2, 1);

-- With a rowid: new calls are appended, and a body is too large for the inner pages of a table WITHOUT ROWID.
CREATE TABLE call_logs (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    shown_state INTEGER NOT NULL,
    reason INTEGER,
    update_state INTEGER NOT NULL,
    direction INTEGER,
    number_key TEXT,              -- NULL: none; the same holds for contact_id
    contact_id TEXT,
    start_time INTEGER NOT NULL,  -- of the call; of the first report if the call has none
    next_attempt_time INTEGER,    -- NULL: nothing is to be done
    sequence INTEGER NOT NULL,    -- of the latest change that clients can see, in the order of commits
    body BLOB NOT NULL            -- includes the lease of the process that delivers the call
);
CREATE UNIQUE INDEX call_logs_by_key ON call_logs (account_id, call_id);
CREATE UNIQUE INDEX call_logs_by_sequence ON call_logs (sequence);
CREATE INDEX call_logs_by_account_sequence ON call_logs (account_id, sequence);
CREATE INDEX call_logs_by_due_time ON call_logs (next_attempt_time) WHERE next_attempt_time IS NOT NULL;
-- Finds the due calls of one account without reading the due calls of others.
CREATE INDEX call_logs_by_account_due ON call_logs (account_id, next_attempt_time) WHERE next_attempt_time IS NOT NULL;
-- A list is sorted by time, then call id. The states, reason and direction are in the index for lists of few calls of a large
-- account, such as its failed calls, and for counts: the other calls are skipped without fetching their rows.
CREATE INDEX call_logs_by_time ON call_logs (account_id, start_time DESC, call_id, shown_state, reason, update_state,
    direction);
CREATE INDEX call_logs_by_user ON call_logs (account_id, user_id, start_time DESC, call_id);
CREATE INDEX call_logs_by_number ON call_logs (account_id, number_key, start_time DESC, call_id)
    WHERE number_key IS NOT NULL;
CREATE INDEX call_logs_by_contact ON call_logs (account_id, contact_id, start_time DESC, call_id)
    WHERE contact_id IS NOT NULL;

-- With join_linked_calls: which log the id of a reported call finds, and which calls it may join.
CREATE TABLE call_links (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    reported_id TEXT NOT NULL,
    call_id TEXT NOT NULL,  -- of the row in call_logs; another than reported_id if the call has joined
    link_key TEXT NOT NULL  -- direction, number, source and linked_id (domain/joining.py); empty: the call joins no other
);
CREATE UNIQUE INDEX call_links_by_reported_id ON call_links (account_id, reported_id);
CREATE INDEX call_links_by_call ON call_links (account_id, call_id);
CREATE INDEX call_links_by_key ON call_links (account_id, link_key) WHERE link_key <> '';

-- The claim on a number: its contact, a creation whose end is not recorded, and the process that may create now.
CREATE TABLE claims (
    account_id TEXT NOT NULL,
    number_key TEXT NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    creation_key TEXT,   -- of the creation that may still take effect
    given_up_at INTEGER, -- when the process that began that creation had stopped; NULL: the lease owner is at work on it
    contact_id TEXT,
    contact_key TEXT,    -- the key of the creation that made the contact; empty: not known
    recorded_at INTEGER, -- when the contact was recorded
    reservation TEXT,    -- what the creation took of the limits of placeholders (JSON); NULL: nothing
    PRIMARY KEY (account_id, number_key)
) WITHOUT ROWID;

-- How many placeholders were begun in each hour (since 1970, UTC), by the scope of a limit: account, unattested, user:alice.
CREATE TABLE placeholder_counts (
    account_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    hour INTEGER NOT NULL,
    begun INTEGER NOT NULL,   -- created, being created, or with an unknown end
    refused INTEGER NOT NULL, -- calls that a limit held back; counted for the account alone
    PRIMARY KEY (account_id, scope, hour)
) WITHOUT ROWID;

-- Replays of past calls, each with its own limit of placeholders.
CREATE TABLE replays (
    account_id TEXT NOT NULL REFERENCES accounts,
    replay_id TEXT NOT NULL,
    placeholder_limit INTEGER NOT NULL,
    begun INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, replay_id)
) WITHOUT ROWID;

-- The placeholders that calls created, as they were then.
CREATE TABLE placeholders (
    account_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    document TEXT NOT NULL,   -- its reservation: the name and the number
    PRIMARY KEY (account_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX placeholders_by_time ON placeholders (account_id, created_at, contact_id);

CREATE TABLE requests (
    account_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    answered_at INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    contact BLOB NOT NULL,
    PRIMARY KEY (account_id, request_id)
) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (answered_at);

-- The key that encrypts the documents of an owner: account:acme, connection:sales. It is itself encrypted, by a secrets key
-- that is not in this file (encryption/). So this file and its backups do not reveal the documents.
CREATE TABLE envelope_keys (
    owner TEXT PRIMARY KEY,
    secrets_key_id TEXT NOT NULL,
    document BLOB NOT NULL
) WITHOUT ROWID;

-- The audit trail: who changed what (domain/audit.py). Chaining gives an entry its place in its account's chain.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of the commits
    account_id TEXT NOT NULL,             -- empty: of no account
    time INTEGER NOT NULL,
    document BLOB NOT NULL,
    sequence INTEGER,                     -- 1, 2, 3 ... of the account; NULL until chained, as the hash
    hash BLOB
);
CREATE UNIQUE INDEX audit_by_sequence ON audit (account_id, sequence) WHERE hash IS NOT NULL;
CREATE INDEX audit_new ON audit (id) WHERE hash IS NULL;
CREATE INDEX audit_by_time ON audit (time) WHERE hash IS NOT NULL;

-- The latest entry of each chain, and the latest one that was pruned.
CREATE TABLE audit_chains (
    account_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    pruned_sequence INTEGER NOT NULL DEFAULT 0,
    pruned_hash BLOB NOT NULL DEFAULT (zeroblob(32))
) WITHOUT ROWID;

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
WHEN OLD.hash IS NOT NULL OR NEW.account_id <> OLD.account_id OR NEW.time <> OLD.time OR NEW.document <> OLD.document
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.hash IS NULL
    OR OLD.sequence > (SELECT pruned_sequence FROM audit_chains AS c WHERE c.account_id = OLD.account_id)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

-- OAuth tokens of the CRMs' connections. The documents are encrypted.
CREATE TABLE tokens (
    connection TEXT PRIMARY KEY,
    document BLOB,       -- NULL: none yet
    lease_owner TEXT,
    lease_until INTEGER
) WITHOUT ROWID;

-- Webhooks of phone systems that are authentic and can never be stored. The documents are encrypted.
CREATE TABLE quarantine (
    account_id TEXT NOT NULL,
    key BLOB NOT NULL,            -- identifies the request, so that one that comes again is kept once
    route TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX quarantine_by_time ON quarantine (received_at);

-- The servers that work on this ledger. Each one writes its row every 30 seconds, and deletes it when it stops.
CREATE TABLE replicas (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    settings TEXT NOT NULL,       -- digests by the names of settings, JSON
    started_at INTEGER NOT NULL,
    clock_at INTEGER NOT NULL,    -- by the server's clock
    seen_at INTEGER NOT NULL      -- by the ledger's
) WITHOUT ROWID;

-- How much each account has here: the bodies of calls, answers and preferences, each in blocks of 4 KiB. A small call
-- takes about one block with its indexes, and updates that stay within their blocks need not be counted.
CREATE TABLE stored_blocks (
    account_id TEXT PRIMARY KEY,
    blocks INTEGER NOT NULL,
    pruned_through INTEGER NOT NULL DEFAULT 0  -- the largest sequence of a pruned call; never lowered
) WITHOUT ROWID;

CREATE TRIGGER call_logs_added AFTER INSERT ON call_logs BEGIN
    INSERT INTO stored_blocks (account_id, blocks) VALUES (new.account_id, (length(new.body) + 4095) / 4096)
    ON CONFLICT DO UPDATE SET blocks = blocks + excluded.blocks;
END;
CREATE TRIGGER call_logs_changed AFTER UPDATE OF body ON call_logs
WHEN (length(new.body) + 4095) / 4096 <> (length(old.body) + 4095) / 4096 BEGIN
    UPDATE stored_blocks SET blocks = blocks + (length(new.body) + 4095) / 4096 - (length(old.body) + 4095) / 4096
    WHERE account_id = new.account_id;
END;
CREATE TRIGGER call_logs_deleted AFTER DELETE ON call_logs BEGIN
    UPDATE stored_blocks SET blocks = blocks - (length(old.body) + 4095) / 4096 WHERE account_id = old.account_id;
END;

CREATE TRIGGER requests_added AFTER INSERT ON requests BEGIN
    INSERT INTO stored_blocks (account_id, blocks) VALUES (new.account_id, (length(new.contact) + 4095) / 4096)
    ON CONFLICT DO UPDATE SET blocks = blocks + excluded.blocks;
END;
CREATE TRIGGER requests_changed AFTER UPDATE OF contact ON requests
WHEN (length(new.contact) + 4095) / 4096 <> (length(old.contact) + 4095) / 4096 BEGIN
    UPDATE stored_blocks SET blocks = blocks + (length(new.contact) + 4095) / 4096 - (length(old.contact) + 4095) / 4096
    WHERE account_id = new.account_id;
END;
CREATE TRIGGER requests_deleted AFTER DELETE ON requests BEGIN
    UPDATE stored_blocks SET blocks = blocks - (length(old.contact) + 4095) / 4096 WHERE account_id = old.account_id;
END;

CREATE TRIGGER preferences_added AFTER INSERT ON preferences BEGIN
    INSERT INTO stored_blocks (account_id, blocks) VALUES (new.account_id, (length(new.body) + 4095) / 4096)
    ON CONFLICT DO UPDATE SET blocks = blocks + excluded.blocks;
END;
CREATE TRIGGER preferences_changed AFTER UPDATE OF body ON preferences
WHEN (length(new.body) + 4095) / 4096 <> (length(old.body) + 4095) / 4096 BEGIN
    UPDATE stored_blocks SET blocks = blocks + (length(new.body) + 4095) / 4096 - (length(old.body) + 4095) / 4096
    WHERE account_id = new.account_id;
END;
CREATE TRIGGER preferences_deleted AFTER DELETE ON preferences BEGIN
    UPDATE stored_blocks SET blocks = blocks - (length(old.body) + 4095) / 4096 WHERE account_id = old.account_id;
END;
