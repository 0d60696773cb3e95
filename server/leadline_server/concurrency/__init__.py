"""Tools for concurrent tasks: batches, single flight, locks, limits, leases and deadlines."""
