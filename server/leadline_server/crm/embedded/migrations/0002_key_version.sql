-- By which rules the keys of a book's numbers were made (see rekeying.py); 0: by those before there was a version.
ALTER TABLE books ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0;
