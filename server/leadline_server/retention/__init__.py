"""What runs beside the calls to keep the ledger small."""
