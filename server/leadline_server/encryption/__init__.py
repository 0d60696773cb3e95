"""Secrets at rest: documents in the ledger, encrypted by keys that are kept apart from it.

Each owner (`account:acme`, `connection:sales`) has an envelope key, which encrypts its documents. A secrets key
encrypts the envelope keys. The ledger has the documents and the encrypted envelope keys, and never a secrets key.
"""
