"""Tools for many tasks at once: batches, locks by key, limits, leases."""
