-- These tables may be in the ledger's file. Several accounts keep their books in them.
CREATE TABLE crm_books (
    book INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL UNIQUE,
    key_version INTEGER NOT NULL DEFAULT 0  -- the rules that the keys of numbers were made by (rekeying.py)
);

-- Times are microseconds since 1970-01-01 UTC.
CREATE TABLE crm_contacts (
    pk INTEGER PRIMARY KEY,
    book INTEGER NOT NULL REFERENCES crm_books (book),
    id TEXT NOT NULL UNIQUE,
    unique_key TEXT,                    -- of the request that created it, or of the record it was imported from
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,          -- what searches compare and order by
    type TEXT NOT NULL,
    create_time INTEGER,
    last_activity_time INTEGER,
    is_placeholder INTEGER NOT NULL,
    details TEXT NOT NULL,              -- JSON, for it is only read whole: phone_numbers, email, company, title, attributes
    import_digests BLOB                 -- of the rows of files that it was imported from, eight bytes each; NULL: of none
);

CREATE UNIQUE INDEX crm_contacts_by_unique_key ON crm_contacts (book, unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX crm_contacts_by_name ON crm_contacts (book, folded_name, id);

-- A contact is found by its numbers' keys (see rows.py): one probe here, one in the contacts.
CREATE TABLE crm_contact_numbers (
    book INTEGER NOT NULL,
    key TEXT NOT NULL,
    contact INTEGER NOT NULL REFERENCES crm_contacts (pk) ON DELETE CASCADE,
    PRIMARY KEY (book, key, contact)
) WITHOUT ROWID;

CREATE INDEX crm_contact_numbers_by_contact ON crm_contact_numbers (contact);

-- Finds rare parts of names; trigrams without positions, for the hits are compared with the whole name anyway.
CREATE VIRTUAL TABLE crm_contact_names USING fts5 (
    folded_name, content = 'crm_contacts', content_rowid = 'pk', tokenize = 'trigram', detail = none, columnsize = 0
);

-- FTS5 merges its index after every 64 pages, some hundred pages at once, while the write lock is held. In an import of 150,000
-- contacts the longest statement took 16 ms with its usual pages of 4,050 bytes, and 9 ms with these. The file is as large.
INSERT INTO crm_contact_names (crm_contact_names, rank) VALUES ('pgsz', 1000);

-- New names are added by rows.py, many at once: a trigger would have FTS5 write its index out after every row, which takes
-- eight times as long.
CREATE TRIGGER crm_contacts_deleted AFTER DELETE ON crm_contacts BEGIN
    INSERT INTO crm_contact_names (crm_contact_names, rowid, folded_name) VALUES ('delete', old.pk, old.folded_name);
END;

CREATE TRIGGER crm_contacts_renamed AFTER UPDATE OF folded_name ON crm_contacts BEGIN
    INSERT INTO crm_contact_names (crm_contact_names, rowid, folded_name) VALUES ('delete', old.pk, old.folded_name);
    INSERT INTO crm_contact_names (rowid, folded_name) VALUES (new.pk, new.folded_name);
END;

-- The call journal. All but the columns at the end belongs to leadline and follows the call.
CREATE TABLE crm_call_logs (
    pk INTEGER PRIMARY KEY,
    book INTEGER NOT NULL REFERENCES crm_books (book),
    id TEXT NOT NULL UNIQUE,
    unique_key TEXT NOT NULL,
    contact INTEGER REFERENCES crm_contacts (pk) ON DELETE SET NULL,
    call_id TEXT NOT NULL,
    linked_id TEXT,
    owner TEXT NOT NULL,                -- the CRM's user, else leadline's
    direction TEXT,
    number TEXT NOT NULL,               -- the other party's
    caller_number TEXT,
    caller_name TEXT,
    callee_number TEXT,
    callee_name TEXT,
    start_time INTEGER NOT NULL,
    answer_time INTEGER,
    end_time INTEGER,
    duration INTEGER,                   -- seconds of conversation
    result TEXT,
    disposition TEXT,
    subject TEXT,
    note TEXT,
    recording_url TEXT,
    voicemail_url TEXT,
    summary TEXT,
    transcript TEXT,
    attestation TEXT,
    attributes TEXT NOT NULL,           -- JSON
    update_time INTEGER NOT NULL,
    -- Columns of the people who work with the journal; leadline never writes them.
    follow_up TEXT,
    rating INTEGER
);

CREATE UNIQUE INDEX crm_call_logs_by_unique_key ON crm_call_logs (book, unique_key);
CREATE INDEX crm_call_logs_by_contact ON crm_call_logs (contact, start_time);

-- One row if the contacts and logs of an older file of its own were copied (old_file.py).
CREATE TABLE crm_taken_over (id INTEGER PRIMARY KEY CHECK (id = 1));
