-- By which rules the keys of numbers were made (see rekeying.py); 0: by those before there was a version.
ALTER TABLE ledger ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0;
