-- Digests of the rows of files that a contact was imported from, eight bytes each: a row whose digest is not among them
-- has changed since. NULL where the contact was imported by an earlier version, or not imported.
ALTER TABLE contacts ADD COLUMN import_digests BLOB;
