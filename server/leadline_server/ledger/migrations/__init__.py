"""The ledger's schemas, a folder a database: numbered SQL files, each applied once."""
