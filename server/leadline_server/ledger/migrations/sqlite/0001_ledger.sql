-- Times are microseconds since 1970-01-01T00:00:00Z. Bodies are JSON documents (ledger/codec.py), as BLOB to spare the
-- check of their encoding; what queries select or sort by is repeated in columns.

CREATE TABLE ledger (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret BLOB NOT NULL,                        -- signs tokens; the same for every process that shares this file
    checks INTEGER NOT NULL DEFAULT 0,           -- written to by health checks, to see whether writing works
    call_log_sequence INTEGER NOT NULL DEFAULT 0, -- the last one handed out; never lowered, so none comes twice
    pruned_through INTEGER NOT NULL DEFAULT 0,   -- the largest sequence of a call that was pruned; never lowered
    upkeep_owner TEXT,                           -- the process whose turn it is to prune, and until when; else NULL
    upkeep_until INTEGER
);

CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE preferences (
    account_id TEXT NOT NULL REFERENCES accounts,
    user_id TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account_id, user_id)
) WITHOUT ROWID;

-- The directory. What a user is found by stands in user_keys, once an account: x:101, n:+12025550101, m:jane@example.com.
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

-- Counts the changes of the tables above, so that a process knows when what it remembers of them is out of date.
CREATE TABLE settings_generation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
);
INSERT INTO settings_generation (id, value) VALUES (1, 1);

-- With a rowid: new calls are appended, and a body is too large for the inner pages of a table WITHOUT ROWID.
CREATE TABLE call_logs (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    shown_state INTEGER NOT NULL,
    reason INTEGER,
    number_key TEXT,              -- NULL: none; so for contact_id
    contact_id TEXT,
    start_time INTEGER NOT NULL,  -- of the call; the first report's where the call has none
    next_attempt_time INTEGER,    -- NULL: nothing is to be done
    sequence INTEGER NOT NULL,    -- of the latest change that clients can see, in the order of commits
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX call_logs_by_key ON call_logs (account_id, call_id);
CREATE UNIQUE INDEX call_logs_by_sequence ON call_logs (sequence);
CREATE INDEX call_logs_by_due_time ON call_logs (next_attempt_time) WHERE next_attempt_time IS NOT NULL;
-- A list is sorted by time, then call id, whatever it selects. State and reason are there to be read over: a list of the
-- few failed calls of a large account passes over the others without fetching them.
CREATE INDEX call_logs_by_time ON call_logs (account_id, start_time DESC, call_id, shown_state, reason);
CREATE INDEX call_logs_by_user ON call_logs (account_id, user_id, start_time DESC, call_id);
CREATE INDEX call_logs_by_number ON call_logs (account_id, number_key, start_time DESC, call_id)
    WHERE number_key IS NOT NULL;
CREATE INDEX call_logs_by_contact ON call_logs (account_id, contact_id, start_time DESC, call_id)
    WHERE contact_id IS NOT NULL;

-- A number's contact, the creation of one whose end is not recorded, and who may create it now.
CREATE TABLE claims (
    account_id TEXT NOT NULL,
    number_key TEXT NOT NULL,
    owner TEXT,          -- the process that holds the claim; NULL: it is free
    held_until INTEGER,  -- when the claim lapses unless its owner renews it
    creation_key TEXT,   -- of the creation that may be under way
    given_up_at INTEGER, -- when whoever began that creation had stopped; NULL: its owner has not
    contact_id TEXT,
    contact_key TEXT,    -- of the creation that made the contact; empty: not known
    recorded_at INTEGER, -- of the contact
    PRIMARY KEY (account_id, number_key)
) WITHOUT ROWID;

CREATE TABLE requests (
    account_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    answered_at INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    contact BLOB NOT NULL,
    PRIMARY KEY (account_id, request_id)
) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (answered_at);

-- OAuth tokens of the CRMs' connections. The documents are sealed: this file and its backups do not tell them.
CREATE TABLE tokens (
    connection TEXT PRIMARY KEY,
    document BLOB,       -- NULL: none yet
    leased_by TEXT,      -- the process that refreshes them, and until when; else NULL
    leased_until INTEGER
) WITHOUT ROWID;
