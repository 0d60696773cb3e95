"""What adapters to CRMs speak with leadline: the generated messages and stubs are in `v1`."""
